"""What placing patches needs to know of one image: its size, its scale, its patient, and where its tissue lies."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

REACH = (0.5, 2.2)  # scales of an overview, in units of the one at which the tissue fills the patch


@dataclass(frozen=True)
class Ground:
    """What placing needs to know of one image.

    Args:
        height, width: in pixels.
        mpp: micrometres per pixel.
        case: the patient.
        group: what shares the draw with others, such as an organ family.
        tissue: rows and columns of tissue in micrometres, shape (n, 2).
        tissue_um2: its area.
        whole: the slide lies whole on its glass; else the image is a field.
        jitter: standard deviation of the error of ln(mpp), where the scale is an estimate.
    """

    height: int
    width: int
    mpp: float
    case: str
    group: str
    tissue: NDArray[np.float32]
    tissue_um2: float
    whole: bool
    jitter: float = 0.0

    @cached_property
    def outline(self) -> NDArray[np.float64]:
        """Corners of the tissue's convex hull, shape (n, 2), in micrometres."""
        return hull(self.tissue)

    @cached_property
    def length_um(self) -> float:
        """The longer side of the box round the tissue."""
        return float(np.ptp(self.tissue, axis=0).max())

    def scales(self, patch_px: int) -> tuple[float, float]:
        """Finest and coarsest scale of patches centred near its tissue."""
        if self.whole:
            return self.mpp, REACH[0] * self.length_um / patch_px
        return self.mpp, min(self.height, self.width) * self.mpp / patch_px


def hull(points: NDArray[np.float32]) -> NDArray[np.float64]:
    """Corners of the convex hull of points, shape (n, 2), in order round it (Andrew 1979).

    scipy has it too, but where patches are drawn on a GPU there may be no scipy.
    """
    ordered = points[np.lexsort((points[:, 1], points[:, 0]))].astype(np.float64)
    first = np.flatnonzero(np.diff(ordered[:, 0], prepend=-np.inf))
    last = np.append(first[1:], len(ordered)) - 1
    ends = ordered[np.unique(np.concatenate([first, last]))].tolist()  # of each row

    def chain(along: list[list[float]]) -> list[list[float]]:
        """The corners on one side, the last left out: it is the other side's first."""
        kept: list[list[float]] = []
        for y, x in along:
            while len(kept) > 1:
                (a, b), (c, d) = kept[-2:]
                if (c - a) * (x - b) > (d - b) * (y - a):
                    break
                kept.pop()
            kept.append([y, x])
        return kept[:-1]

    corners = chain(ends) + chain(ends[::-1])
    return np.array(corners or ends[:1])
