"""How large a pixel is: what files say of it, and which of that is believed.

A wrong scale is worse than none, since every later size is wrong with it. Converters write 352.78 um/px (72 dpi, which
nobody asked for), cameras 96 dpi, and some scanners 0 or -1. So a scale is believed if it lies between ``FINEST_MPP``
and ``COARSEST_MPP``, is the same across and down, and makes a slide no longer than a slide of glass can be. What is
not believed counts as not given, and the error says what was found and why.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from wsigen.errors import WsigenError

FINEST_MPP, COARSEST_MPP = 0.02, 20.0  # of a microscope's scan, in um/px
GIVEN_MPP = (1e-3, 1e3)  # what a user may say, of a coarse overview too
SQUARE = 0.01  # by how much the sides of a pixel may differ, relative: scanners measure both
LONGEST_MM = 200.0  # of a slide; the largest sold, for whole mounts, have 127 mm
USUAL_MPP = 10.0  # times the magnification: 0.5 um/px at 20x, 0.25 at 40x


@dataclass(frozen=True)
class Stated:
    """A scale that stands in a file.

    Args:
        across, down: micrometres per pixel; NaN where what stands there is no such number.
        where: the place in the file, for people.
        words: what stands there, where that is no number of um/px.
        confirmed: wsigen wrote the same number twice, or the format demands it, so that an overview may be coarser than
            any scan.
    """

    across: float
    down: float
    where: str
    words: str = ""
    confirmed: bool = False

    @property
    def mpp(self) -> float:
        return (self.across + self.down) / 2

    def __str__(self) -> str:
        if self.words:
            return f"{self.words} ({self.where})"
        square = self.across == self.down
        number = f"{self.across:g}" if square else f"{self.across:g} across and {self.down:g} down"
        return f"{number} um/px ({self.where})"


def doubt(stated: Stated, height: int, width: int) -> str:
    """Why a scale of a slide of ``height`` x ``width`` px is not believed; empty where it is."""
    sides = (stated.across, stated.down)
    if not all(math.isfinite(side) and side > 0 for side in sides):
        return "a scale is micrometres above 0"
    if max(sides) / min(sides) - 1 > SQUARE:
        return "a pixel is as wide as it is high; resample the image to square pixels"
    if stated.confirmed:
        return ""
    if not FINEST_MPP <= stated.mpp <= COARSEST_MPP:
        return f"a slide has {FINEST_MPP:g} to {COARSEST_MPP:g} um/px"
    longest = max(height, width) * stated.mpp / 1000
    if longest > LONGEST_MM:
        return f"that makes it {longest:.0f} mm long, and no slide is longer than {LONGEST_MM:g} mm"
    return ""


def own_mpp(
    path: Path,
    stated: Sequence[Stated],
    height: int,
    width: int,
    magnification: float | None = None,
) -> float:
    """The scale of a file by the first of its statements that is believed.

    Args:
        path: for messages.
        stated: what the file says, most trustworthy first.
        height, width: of the slide in pixels.
        magnification: of the objective, where the file names one; it is no scale, but hints at one.

    Raises:
        WsigenError: nothing is believed; the message names everything that was found.
    """
    doubts = [doubt(one, height, width) for one in stated]
    for one, why in zip(stated, doubts, strict=True):
        if not why:
            return one.mpp
    found = "; ".join(
        f"it says {one}, which is not believed: {why}"
        for one, why in zip(stated, doubts, strict=True)
    )
    found = found or "the file does not say its micrometres per pixel"
    example = "--mpp"
    if magnification is not None and 0 < magnification <= 200:
        usual = f"{USUAL_MPP / magnification:g}"
        found += f"; its magnification is {magnification:g}x, for which {usual} um/px is usual"
        example = f"--mpp (such as --mpp {usual})"
    raise WsigenError(
        f"{path}: {found}; give it with {example}, or in the mpp column of a cohort.csv"
    )


def checked_mpp(mpp: float) -> float:
    """Return a scale that a user gives, or raise WsigenError where none can be meant."""
    low, high = GIVEN_MPP
    if not (math.isfinite(mpp) and low <= mpp <= high):
        raise WsigenError(
            f"mpp is a positive number of micrometres per pixel, from {low:g} to {high:g}, such as 0.5; found {mpp:g}"
        )
    return mpp
