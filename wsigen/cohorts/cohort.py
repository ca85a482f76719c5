"""A cohort: slides with their scale, patient and split, from a cohort.csv, a folder, a pack, or drawn."""

import csv
import logging
import os
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from wsigen.cohorts.entry import Entry
from wsigen.cohorts.folder import case_of, slides_in
from wsigen.cohorts.identity import clash, twins
from wsigen.cohorts.packed import Pack
from wsigen.cohorts.table import as_number, numbered_rows, read_table
from wsigen.errors import WsigenError
from wsigen.outputs import check_file, same_file, whole
from wsigen.slides.dicom import slide_in_folder
from wsigen.slides.scale import GIVEN_MPP

PHANTOM, SAMPLE = "phantom", "sample"  # cohorts without a file of one's own
# Real tissue; sample.md beside it has its credit and licence.
SAMPLE_PACK = Path(__file__).with_name("sample.pack")
HELD_OUT = "heldout"  # the split of patients kept from training
UNSEEN = (HELD_OUT, "held-out", "validation", "test")  # splits no model was trained on
SPLITS = ("train", *UNSEEN)  # that some command reads without being told
TABLE = (".csv",)

log = logging.getLogger(__name__)


def read_cohort(source: Path | str, *, exclude: Sequence[str] = ()) -> list[Entry]:
    """List the slides of a cohort.csv, of a folder (which may hold one), of a pack, or of a cohort by name.

    Args:
        source: a csv file with at least the columns path, mpp and split, paths relative to it (mpp may be empty where
            the file itself says it; case is the patient, by default that of a TCGA name or else the file's name); a
            folder of slides and its subfolders, each slide its own case, all of them for training; a file that
            `wsigen pack` wrote; or a word: "sample", the real tissue that ships, or "phantom", slides that are drawn
            (a folder of that name is "./phantom").
        exclude: cases to leave out.

    Raises:
        WsigenError: nothing there, a column or file is missing, or a case or a slide stands in two splits.
    """
    source = by_name(Path(source))
    entries, splits = list[Entry](), dict[str, str]()
    for found in list_cohort(source):
        if isinstance(found, Problem):
            raise WsigenError(f"{found.where}: {found.reason}")
        if splits.setdefault(found.case, found.split) != found.split:
            raise WsigenError(f"{source}: {in_two_splits(found, splits)}")
        entries.append(found)
    for number, first in twins(entries).items():
        entry, other = entries[number], entries[first]
        words = f"{source}: {entry.path.name} is {clash(entry, other)}"
        if entry.split != other.split:
            raise WsigenError(words)
        log.warning(words)
    strange = sorted({entry.split for entry in entries} - set(SPLITS))
    if strange:
        log.warning("%s: %s", source, unread_split(strange[0]))
    unknown = set(exclude) - {entry.case for entry in entries}
    if unknown:
        raise WsigenError(
            f"{source}: no case {sorted(unknown)[0]!r} to exclude; check the case column"
        )
    entries = [entry for entry in entries if entry.case not in exclude]
    if not entries:
        raise WsigenError(f"{source}: the cohort holds no slides; expected at least one")
    return entries


def by_name(source: Path) -> Path:
    """Where the cohort of a name lies; any other source as it is. Phantoms are drawn when first asked for."""
    if source == Path(PHANTOM):
        from wsigen.cohorts.drawn import cached_phantoms

        return cached_phantoms()
    return SAMPLE_PACK if source == Path(SAMPLE) else source


@dataclass(frozen=True)
class Problem:
    """A line of a cohort that names no slide: where it stands, and why."""

    where: str
    reason: str


def list_cohort(source: Path) -> Iterator[Entry | Problem]:
    """Every slide of a cohort, or in its place what is wrong with its line; none of them is opened."""
    source = by_name(source)
    if source.is_dir() and (source / "cohort.csv").is_file():
        source = source / "cohort.csv"
    if source.is_dir():
        for path, case in slides_in(source):
            yield Entry(path, case, None, "train")
    elif zipfile.is_zipfile(source):
        pack = Pack(source)
        for number, about in enumerate(pack.slides):
            yield Entry(
                source / about["path"],
                about["case"],
                about["mpp"],
                about["split"],
                about["cohort"],
                about["licence"],
                about.get("organ", ""),
                about.get("mpp_source", ""),
                partial(pack.open, number),
            )
    elif source.is_file():
        yield from _read_csv(source)
    else:
        raise WsigenError(
            f"{source}: no such cohort; expected a cohort.csv, a folder of slides, a pack, {SAMPLE!r} or {PHANTOM!r}"
        )


def described(entries: Sequence[Entry], split: str = "train") -> tuple[str, ...]:
    """What a model that goes out says of its training data: cohorts, licences and counts, never cases or paths."""
    counts: dict[tuple[str, str], int] = {}
    for entry in entries:
        if entry.split == split:
            about = (entry.cohort or "own data", entry.licence or "no licence named")
            counts[about] = counts.get(about, 0) + 1
    return tuple(
        f"{cohort} ({licence}), {count} {'slide' if count == 1 else 'slides'}"
        for (cohort, licence), count in sorted(counts.items())
    )


def unread_split(split: str) -> str:
    """What is wrong with a split of a name that no command knows."""
    return f"split {split!r} is read only where a command is told it; expected one of {', '.join(SPLITS)}"


def in_two_splits(entry: Entry, splits: dict[str, str]) -> str:
    """What is wrong with a case whose slides stand in several splits."""
    return (
        f"case {entry.case!r} is in two splits, {splits[entry.case]!r} and {entry.split!r}; "
        "split by patient, never by image"
    )


def _read_csv(source: Path) -> Iterator[Entry | Problem]:
    for line, row in numbered_rows(source):
        where = f"{source}:{line}"
        mpp = _parse_mpp(row["mpp"])
        low, high = GIVEN_MPP
        try:
            path = _slide_beside(source, row["path"])
        except WsigenError as error:
            yield Problem(where, str(error))
            continue
        if path is None:
            yield Problem(where, f"no file {row['path']!r} beside it; correct the path")
        elif mpp is not None and not low <= mpp <= high:
            found = f"mpp is {row['mpp']!r}, expected a number above 0 (from {low:g} to {high:g}), or empty"
            yield Problem(where, found)
        elif not row["split"]:
            yield Problem(where, f"the split is empty; expected one of {', '.join(SPLITS)}")
        else:
            about = (row.get(name) or "" for name in ("cohort", "licence", "organ", "mpp_source"))
            cohort, licence, organ, mpp_source = about
            case, split = row.get("case") or case_of(path), _split(row["split"])
            yield Entry(path, case, mpp, split, cohort, licence, organ, mpp_source)


def _slide_beside(source: Path, name: str) -> Path | None:
    """The file that a row names, with the slashes of Windows too; the first one of a DICOM slide's folder."""
    for spelt in (name, name.replace("\\", "/")):
        path = source.parent / spelt
        if name and path.is_dir():
            return slide_in_folder(path)
        if path.is_file():
            return path
    return None


def _split(text: str) -> str:
    """A split as commands know it, however its letters are written."""
    return text.lower() if text.lower() in SPLITS else text


def _parse_mpp(text: str | None) -> float | None:
    """The number, None where there is nothing, and no number (NaN) where there is something else."""
    return as_number(text) if text and text.strip() else None


def check_apart(out: Path, source: Path) -> None:
    """Raise WsigenError where the file to write is one of the cohort's own, by whatever name."""
    if not out.exists():
        return
    source = by_name(source)
    slides = (found.path for found in list_cohort(source) if isinstance(found, Entry))
    if any(same_file(path, out) for path in (source, source / "cohort.csv", *slides)):
        raise WsigenError(
            f"{out} is a file of the cohort {source}, and would be lost: choose another name"
        )


def hold_out(
    source: Path, names: Sequence[str], target: Path, *, overwrite: bool = False
) -> dict[str, int]:
    """Write a copy of a cohort.csv in which some patients are kept from training, in the split ``HELD_OUT``.

    Args:
        source: a cohort.csv, or a folder with one.
        names: cases, or paths as the table spells them. A path alone is for images whose patient is not known: it
            becomes a case of its own, so see to it that no other image shows the same patient.
        target: the table to write; it names the slides where they lie, and appears when it is whole.
        overwrite: replace an existing file, though none of the cohort's own.

    Returns:
        How many slides each split has.

    Raises:
        WsigenError: no such table, a name that it does not have, nothing left to train on, or ``target`` exists.
    """
    table = source / "cohort.csv" if source.is_dir() else source
    check_file(target, overwrite=overwrite, suffixes=TABLE, apart_from=[table])
    if not table.is_file():
        raise WsigenError(
            f"{source}: no cohort.csv there; expected the table that lists the slides"
        )
    check_apart(target, table)
    read_cohort(table)  # says what is wrong with it
    rows = read_table(table)
    for row in rows:
        row["case"] = row.get("case") or case_of(Path(row["path"]))
        row["split"] = _split(row["split"])
    known = {row["case"] for row in rows} | {row["path"] for row in rows}
    if unknown := sorted(set(names) - known):
        raise WsigenError(
            f"{table}: no case or path {unknown[0]!r}; see wsigen cohort check {source}"
        )
    for row in rows:
        if row["path"] in names and row["case"] not in names:
            row["case"] = f"{row['case']}-{Path(row['path']).stem}"
            row["split"] = HELD_OUT
        elif row["case"] in names:
            row["split"] = HELD_OUT
        row["path"] = os.path.relpath(table.parent / row["path"], target.parent)
    splits = [row["split"] for row in rows]
    if "train" not in splits:
        raise WsigenError(f"{table}: nothing is left to train on; hold out fewer cases")
    with whole(target) as part, part.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return {split: splits.count(split) for split in sorted(set(splits))}
