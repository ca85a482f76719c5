"""The table of a cohort, cohort.csv: its columns, its rows, and how rows are added.

Spreadsheets write commas, semicolons or tabs, blank rows, and a mark of their encoding; all of that is read.
"""

import csv
import math
import re
from collections.abc import Sequence
from pathlib import Path

from wsigen.errors import WsigenError

REQUIRED = ("path", "mpp", "split")
COLUMNS = ("path", "cohort", "case", "organ", "mpp", "mpp_source", "split", "licence")
SEPARATORS = ",;\t"
DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")
ENCODINGS = {
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}  # by the first bytes; else UTF-8, or Windows' own


def read_table(source: Path, required: Sequence[str] = REQUIRED) -> list[dict[str, str]]:
    """The rows of a table, {column: text}, with at least the columns ``required``; blank rows are passed over.

    Raises:
        WsigenError: it is no table, or a column is missing.
    """
    return [row for _, row in numbered_rows(source, required)]


def numbered_rows(
    source: Path, required: Sequence[str] = REQUIRED
) -> list[tuple[int, dict[str, str]]]:
    """As `read_table`, each row with its line in the file."""
    text = _text(source, required)
    first = next((line for line in text.splitlines() if line.strip(SEPARATORS + " ")), "")
    separator = max(SEPARATORS, key=first.count)
    try:
        reader = csv.reader(text.splitlines(keepends=True), delimiter=separator)
        lines = [(reader.line_num, [cell.strip() for cell in cells]) for cells in reader]
    except csv.Error as error:
        raise WsigenError(
            f"{source}: not a csv table ({error}); expected {', '.join(required)}"
        ) from error
    lines = [(number, cells) for number, cells in lines if any(cells)]
    head = [name.lower() for name in lines[0][1]] if lines else []
    missing = [name for name in required if name not in head]
    if head and not missing and len(lines) < 2:
        raise WsigenError(f"{source}: no rows below {', '.join(head)}; expected at least one")
    if missing:
        raise WsigenError(
            f"{source}: no column {missing[0]!r}; expected at least {', '.join(required)}, with commas between them"
        )
    return [(n, dict(zip(head, cells + [""] * len(head), strict=False))) for n, cells in lines[1:]]


def as_number(text: str) -> float:
    """The number in a cell, with a decimal comma too; no number (NaN) where there is something else."""
    text = text.strip()
    try:
        return float(text.replace(",", ".") if DECIMAL_COMMA.fullmatch(text) else text)
    except ValueError:
        return math.nan


def _text(source: Path, required: Sequence[str]) -> str:
    data = source.read_bytes()
    encoding = ENCODINGS.get(data[:2], "utf-8-sig")
    for name in (encoding, "cp1252"):
        try:
            text = data.decode(name)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise WsigenError(
        f"{source}: not a csv table; expected {', '.join(required)} with commas between them; "
        "save a spreadsheet as CSV"
    )


def add_to_cohort(folder: Path, rows: Sequence[dict[str, str]]) -> Path:
    """Write rows of ``COLUMNS`` into the cohort.csv of a folder; what it says of a path already stays."""
    table = folder / "cohort.csv"
    kept: list[dict[str, str]] = []
    columns = list(COLUMNS)
    if table.is_file():
        kept = read_table(table)
        columns = list(dict.fromkeys([*kept[0], *COLUMNS]))
    known = {row.get("path") for row in kept}
    partial_table = folder / ".cohort.csv.part"
    with partial_table.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, restval="")
        writer.writeheader()
        writer.writerows([*kept, *(row for row in rows if row["path"] not in known)])
    partial_table.replace(table)
    return table
