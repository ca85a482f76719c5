"""Look through a cohort: what of it can be trained on, and why the rest cannot."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from wsigen.cohorts.cohort import (
    SPLITS,
    Problem,
    in_two_splits,
    list_cohort,
    unread_split,
)
from wsigen.cohorts.entry import Entry
from wsigen.cohorts.identity import clash, twins
from wsigen.cohorts.patches import Source
from wsigen.errors import WsigenError
from wsigen.slides.tissue import remark

PATCH_PX = 64  # of the models that ship


@dataclass(frozen=True)
class Finding:
    """One slide of a cohort; ``reason`` says why it cannot be used, and is empty where it can.

    ``note`` says what is odd about a slide that can be used. What could not be found out is None. ``coarsest_mpp`` is
    the scale at which it fits into a patch of ``PATCH_PX``.
    """

    path: str
    case: str = ""
    split: str = ""
    mpp: float | None = None
    height: int | None = None
    width: int | None = None
    tissue_mm2: float | None = None
    coarsest_mpp: float | None = None
    reason: str = ""
    note: str = ""

    @property
    def usable(self) -> bool:
        return not self.reason


def check_cohort(source: Path) -> Iterator[Finding]:
    """Open every slide of a cohort, several at once, and say in their order what each is good for.

    Args:
        source: what `wsigen.cohorts.cohort.read_cohort` takes; lines and files at fault are found, not raised.

    Raises:
        WsigenError: there is no such cohort at all.
    """
    listed = list(list_cohort(source))
    entries = [found for found in listed if isinstance(found, Entry)]
    twice = {
        id(entries[number]): clash(entries[number], entries[other])
        for number, other in twins(entries).items()
    }
    splits = dict[str, str]()
    jobs: list[tuple[Entry | Problem, str]] = []
    for found in listed:
        reason = ""
        if isinstance(found, Entry):
            if splits.setdefault(found.case, found.split) != found.split:
                reason = in_two_splits(found, splits)
            elif id(found) in twice:
                reason = twice[id(found)]
            elif found.split not in SPLITS:
                reason = unread_split(found.split)
        jobs.append((found, reason))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        yield from pool.map(lambda job: _finding(*job), jobs)


def _finding(entry: Entry | Problem, reason: str) -> Finding:
    if isinstance(entry, Problem):
        return Finding(entry.where, reason=entry.reason)
    path, case, split = str(entry.path), entry.case, entry.split
    try:
        with entry.open() as slide:
            source = Source.of(slide, case)
            reason = reason or _unfit(source)
            return Finding(
                path,
                case,
                split,
                float(f"{slide.mpp:.4g}"),
                slide.height,
                slide.width,
                float(f"{source.tissue_um2 / 1e6:.3g}"),
                float(f"{source.coarsest_mpp(PATCH_PX):.3g}"),
                reason,
                remark(source.tissue),
            )
    except (WsigenError, OSError) as error:
        text = " ".join(str(error).split()).removeprefix(f"{path}: ")
        return Finding(path, case, split, entry.mpp, reason=text)


def _unfit(source: Source) -> str:
    """Why nothing can be learned from a slide that opens, or an empty string."""
    slide = source.slide
    if not source.tissue.count:
        found = "no tissue found; expected stained tissue on bright glass"
        return f"{found} ({remark(source.tissue)})" if remark(source.tissue) else found
    if source.coarsest_mpp(PATCH_PX) < slide.mpp:
        return f"{slide.width} x {slide.height} px is smaller than a patch of {PATCH_PX} px"
    return ""
