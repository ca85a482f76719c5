"""A field of view out of the middle of tissue: a window of a larger slide, of which only what it depends on is made.

A slide lies whole on its glass. Who wants tissue from edge to edge cuts it out of a slide ``TIMES`` as long and as
wide, where its overview has most tissue under the window.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from wsigen.grid import Window
from wsigen.plan import Stage
from wsigen.runs.painter import Painter
from wsigen.zoom.cone import Cone, cone, guide_area

TIMES = 3


def fullest(tissue: NDArray[np.bool_], height: int, width: int) -> tuple[int, int]:
    """Top and left of the window of this size with most tissue; of equal ones that nearest to the middle.

    Args:
        tissue: shape (rows, columns), at least as large as the window.
        height, width: of the window.
    """
    sums = np.pad(tissue.astype(np.int64).cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    inside = sums[height:, width:] - sums[:-height, width:] - sums[height:, :-width]
    inside += sums[:-height, :-width]
    rows, columns = (np.arange(n) - (n - 1) / 2 for n in inside.shape)
    far = np.hypot(rows[:, None], columns[None, :])
    top, left = np.unravel_index(np.lexsort((far.ravel(), -inside.ravel()))[0], inside.shape)
    return int(top), int(left)


def field(path: Sequence[Stage], tissue: NDArray[np.bool_], height: int, width: int) -> Window:
    """The window of a slide's finest stage, of ``height`` x ``width`` px, under which its overview has most tissue.

    Args:
        path: the stages of the slide.
        tissue: where its overview shows some, shape of the first stage.
        height, width: of the window, in pixels of the last stage.
    """
    factor = path[-1].height // path[0].height
    top, left = fullest(tissue, -(-height // factor), -(-width // factor))
    return Window(factor * top, factor * left, height, width)


def field_cones(painter: Painter, path: Sequence[Stage], window: Window) -> list[Cone]:
    """What each stage has to make for a window of the last one; see :func:`wsigen.zoom.path.zoom`."""
    found: list[Cone] = []
    wanted = window
    for stage in reversed(path):
        found.append(cone(painter, stage, wanted, wanted))
        wanted = guide_area(found[-1])
    return found[::-1]
