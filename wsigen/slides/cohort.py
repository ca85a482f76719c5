"""A cohort: slides with their scale, patient and split, from a cohort.csv or a folder."""

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from wsigen.errors import WsigenError
from wsigen.slides.reader import Slide, open_slide

REQUIRED = ("path", "case", "mpp", "split")


@dataclass(frozen=True)
class Entry:
    """One slide of a cohort; ``case`` is the patient, by which cohorts are split."""

    path: Path
    case: str
    mpp: float | None
    split: str
    cohort: str = ""
    licence: str = ""

    def open(self) -> Slide:
        """Open the slide, with the scale the cohort gives."""
        return open_slide(self.path, self.mpp)


def read_cohort(source: Path | str, *, exclude: Sequence[str] = ()) -> list[Entry]:
    """List the slides of a cohort.csv, or of a folder (which may hold one).

    Args:
        source: a csv file with at least the columns path, case, mpp and split, paths relative to it (mpp may be empty
            where the file itself says it); or a folder of slides, each its own case, all of them for training.
        exclude: cases to leave out.

    Raises:
        WsigenError: nothing there, a column or file is missing, or a case stands in two splits.
    """
    source = Path(source)
    if source.is_dir() and (source / "cohort.csv").is_file():
        source = source / "cohort.csv"
    if source.is_dir():
        files = sorted(p for p in source.iterdir() if p.is_file() and not p.name.startswith("."))
        entries = [Entry(path, path.stem, None, "train") for path in files]
    elif source.is_file():
        entries = _read_csv(source)
    else:
        raise WsigenError(f"{source}: no such cohort; expected a cohort.csv or a folder of slides")
    unknown = set(exclude) - {entry.case for entry in entries}
    if unknown:
        raise WsigenError(
            f"{source}: no case {sorted(unknown)[0]!r} to exclude; check the case column"
        )
    entries = [entry for entry in entries if entry.case not in exclude]
    if not entries:
        raise WsigenError(f"{source}: the cohort holds no slides; expected at least one")
    return entries


def _read_csv(source: Path) -> list[Entry]:
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
    entries, splits = [], dict[str, str]()
    for line, row in enumerate(rows, start=2):
        path = source.parent / row["path"]
        if not path.is_file():
            raise WsigenError(
                f"{source}:{line}: no file {row['path']!r} beside it; correct the path"
            )
        if splits.setdefault(row["case"], row["split"]) != row["split"]:
            raise WsigenError(
                f"{source}:{line}: case {row['case']!r} is in two splits, {splits[row['case']]!r} and "
                f"{row['split']!r}; split by patient, never by image"
            )
        mpp = _parse_mpp(row["mpp"], f"{source}:{line}")
        entries.append(
            Entry(
                path, row["case"], mpp, row["split"], row.get("cohort", ""), row.get("licence", "")
            )
        )
    return entries


def _parse_mpp(text: str | None, where: str) -> float | None:
    if not text or not text.strip():
        return None
    try:
        mpp = float(text)
    except ValueError:
        mpp = math.nan
    if not (math.isfinite(mpp) and mpp > 0):
        raise WsigenError(f"{where}: mpp is {text!r}, expected a number above 0, or empty")
    return mpp
