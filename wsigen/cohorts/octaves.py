"""How much of a cohort stands behind each octave of micrometres per pixel, as a told model is trained on it.

A slide shows an octave where patches of any of its scales are drawn from it, overviews among them; see
`wsigen.cohorts.placing`. What counts are cases: ten images of one patient are one patient.
"""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from wsigen.cohorts.entry import Entry
from wsigen.cohorts.ground import Ground
from wsigen.cohorts.patches import Source
from wsigen.errors import WsigenError


@dataclass(frozen=True)
class Octave:
    """Scales from ``low`` to ``high`` um/px: images and cases that show any of them, and breast cases among these."""

    low: float
    high: float
    images: int
    cases: int
    breast: int


def grounds_of(entries: Sequence[Entry], mpp_min: float) -> list[Ground]:
    """Look at every slide for its tissue; none is decoded for longer."""

    def look(entry: Entry) -> Ground:
        with entry.open() as slide:
            return Ground.of(Source.of(slide, entry.case), entry, mpp_min)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(look, entries))


def octaves(
    grounds: Sequence[Ground],
    patch_px: int,
    mpp_min: float,
    mpp_max: float,
    breast_only_below: float = 0.0,
) -> list[Octave]:
    """The octaves from ``mpp_min`` on; the last one ends at ``mpp_max``.

    Args:
        grounds: the slides of training.
        patch_px: side of a patch.
        mpp_min, mpp_max: range of micrometres per pixel.
        breast_only_below: um/px below which other tissue is drawn only where no breast shows an octave.

    Raises:
        WsigenError: the range is none.
    """
    if not 0 < mpp_min < mpp_max or patch_px < 1:
        raise WsigenError(
            f"scales from {mpp_min:g} to {mpp_max:g} um/px in patches of {patch_px} px; expected a finest scale above "
            "0 and a coarser one, and at least 1 px"
        )
    found = []
    low = mpp_min
    while low < mpp_max:
        high = min(2 * low, mpp_max)
        breast = [g for g in grounds if g.group == "breast" and g.shows(low, high, patch_px)]
        finest = max(low, breast_only_below) if breast else low
        others = [g for g in grounds if g.group != "breast" and g.shows(finest, high, patch_px)]
        cases = {ground.case for ground in breast + others}
        of_breast = {ground.case for ground in breast}
        found.append(Octave(low, high, len(breast + others), len(cases), len(of_breast)))
        low = high
    return found


def as_markdown(found: Sequence[Octave]) -> str:
    """The octaves as a table for a model card."""
    lines = ["| µm per pixel | cases | of breast | images |", "|---|---|---|---|"]
    lines += [f"| {o.low:g} to {o.high:g} | {o.cases} | {o.breast} | {o.images} |" for o in found]
    return "\n".join(lines)
