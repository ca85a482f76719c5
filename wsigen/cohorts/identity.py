"""Whether two rows of a cohort are one slide: by their path, by their DICOM series, by their content.

A patient in two splits is told by the case column; a slide that stands there under two cases is told here only.
"""

from collections.abc import Sequence
from pathlib import Path

from wsigen.cohorts.entry import Entry
from wsigen.slides.dicom import series_of
from wsigen.slides.seen import content_name


def twins(entries: Sequence[Entry]) -> dict[int, int]:
    """The entries that are the slide of an earlier one: {number: number of the first}.

    Only files of one size are read. What lies in a pack was looked at when it was packed.
    """
    first: dict[str, int] = {}
    firsts = {number: first.setdefault(name, number) for number, name in _names(entries).items()}
    return {number: other for number, other in firsts.items() if number != other}


def clash(entry: Entry, other: Entry) -> str:
    """What is wrong with an entry that is the slide of another."""
    same = "the same file as" if entry.path == other.path else "the same slide as"
    words = f"{same} {other.path.name}"
    if entry.split != other.split:
        return f"{words}, in two splits, {other.split!r} and {entry.split!r}; keep it in one"
    if entry.case != other.case:
        return f"{words}, of two cases, {other.case!r} and {entry.case!r}; keep one of them"
    return f"{words}; keep one of them"


def _names(entries: Sequence[Entry]) -> dict[int, str]:
    """A name for each entry's slide that other slides do not have."""
    names: dict[int, str] = {}
    sizes: dict[int, list[int]] = {}
    for number, entry in enumerate(entries):
        if entry.opener is not None or not entry.path.is_file():
            continue
        series = series_of(entry.path)
        if series is None:
            sizes.setdefault(entry.path.stat().st_size, []).append(number)
        else:
            names[number] = f"series {series}"
    for numbers in sizes.values():
        if len(numbers) == 1:
            names[numbers[0]] = str(entries[numbers[0]].path)
            continue
        known: dict[Path, str] = {}  # a file that is named twice is read once
        for number in numbers:
            path = entries[number].path
            if path not in known:
                known[path] = content_name(path)
            names[number] = known[path]
    return dict(sorted(names.items()))
