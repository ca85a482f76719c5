"""Parts of a slide that keep all of its scales and few of its pixels.

A slide of side s (the root of its area) keeps s x ``cut_px`` pixels: large ones more than small ones, but far from s^2.
One that has more is cut in two parts of as many pixels each: all of it, coarser, and the square of its own scale that
shows most tissue. Where the coarse part ends, a patch fills the square: no scale in between is lost to a slide of less
than a hundred times the pixels it keeps.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wsigen.slides.slide import Pixels, Slide
from wsigen.slides.tissue import Tissue

NEARLY_ALL = 0.95  # of the most tissue that a square shows is as good


@dataclass(frozen=True)
class Part:
    """A window of a slide: corner and size in pixels of ``mpp``, and its tissue."""

    top: float
    left: float
    height: int
    width: int
    mpp: float
    tissue: Tissue

    def read(self, slide: Slide) -> Pixels:
        return slide.read(self.top, self.left, self.height, self.width, self.mpp)


def cut(slide: Slide, mpp_min: float, cut_px: float) -> list[Part]:
    """The parts of a slide to keep: one or two.

    Args:
        slide: an open slide.
        mpp_min: finest scale that is wanted.
        cut_px: pixels to keep for each of its side.
    """
    tissue = slide.look()
    mpp = max(slide.mpp, mpp_min)
    height, width = (side * slide.mpp / mpp for side in (slide.height, slide.width))
    keep = cut_px * math.sqrt(height * width)
    if height * width <= keep:
        return [Part(0, 0, int(height), int(width), mpp, tissue)]
    coarser = math.sqrt(height * width / (keep / 2))
    whole = Part(
        0, 0, max(1, int(height / coarser)), max(1, int(width / coarser)), mpp * coarser, tissue
    )
    side = math.sqrt(keep / 2)
    shape = [max(1, int(min(side, length) * mpp / tissue.mpp)) for length in (height, width)]
    top, left = _most_tissue(tissue.mask, *shape)
    window = np.s_[top : top + shape[0], left : left + shape[1]]
    filled = tissue.filled
    seen = Tissue.of(
        tissue.mask[window],
        tissue.mpp,
        tissue.white,
        None if filled is None else filled[window],
    )
    zoom = tissue.mpp / mpp
    rows, columns = (int(pixels * zoom) for pixels in shape)
    return [whole, Part(top * zoom, left * zoom, rows, columns, mpp, seen)]


def _most_tissue(mask: NDArray[np.bool_], height: int, width: int) -> tuple[int, int]:
    """Corner of a window that shows most of a mask; of many as good, one in their middle."""
    sums = np.pad(mask.astype(np.int64).cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    within = sums[height:, width:] - sums[:-height, width:]
    within = within - sums[height:, :-width] + sums[:-height, :-width]
    best = np.argwhere(within >= NEARLY_ALL * within.max())
    middle = best[np.abs(best - best.mean(axis=0)).sum(axis=1).argmin()]
    return int(middle[0]), int(middle[1])
