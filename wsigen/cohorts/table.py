"""The table of a cohort, cohort.csv: its columns, its rows, and how rows are added."""

import csv
from collections.abc import Sequence
from pathlib import Path

from wsigen.errors import WsigenError

REQUIRED = ("path", "case", "mpp", "split")
COLUMNS = ("path", "cohort", "case", "organ", "mpp", "mpp_source", "split", "licence")


def read_table(source: Path) -> list[dict[str, str]]:
    """The rows of a cohort.csv, {column: text}, with at least the columns ``REQUIRED``.

    Raises:
        WsigenError: it is no table, or a column is missing.
    """
    try:
        with source.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
    except (UnicodeDecodeError, csv.Error) as error:
        raise WsigenError(f"{source}: not a csv table ({error}); expected {REQUIRED}") from error
    missing = [name for name in REQUIRED if not rows or name not in rows[0]]
    if missing:
        raise WsigenError(
            f"{source}: no column {missing[0]!r}; expected at least {', '.join(REQUIRED)}"
        )
    return rows


def add_to_cohort(folder: Path, rows: Sequence[dict[str, str]]) -> Path:
    """Write rows of ``COLUMNS`` into the cohort.csv of a folder; what it says of a path already stays."""
    table = folder / "cohort.csv"
    kept: list[dict[str, str]] = []
    columns = list(COLUMNS)
    if table.is_file():
        with table.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            kept = list(reader)
            columns = list(dict.fromkeys([*(reader.fieldnames or ()), *COLUMNS]))
    known = {row.get("path") for row in kept}
    partial_table = folder / ".cohort.csv.part"
    with partial_table.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, restval="")
        writer.writeheader()
        writer.writerows([*kept, *(row for row in rows if row["path"] not in known)])
    partial_table.replace(table)
    return table
