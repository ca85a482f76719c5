"""What placing patches needs to know of one image: its size, its scale, its patient, and where its tissue lies."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from wsigen.cohorts.entry import Entry
from wsigen.cohorts.patches import Source

REACH = (0.5, 2.2)  # scales of an overview, in units of the one at which the tissue fills the patch
ESTIMATE_JITTER = 0.2  # standard deviation of ln(mpp) where a scale is an estimate
WHOLE_BORDER = (
    0.1  # share of an image's border that may show tissue where a slide lies whole on glass
)
SPOTS_PX = 512  # of the longer side of a mask are enough places of tissue


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

    @classmethod
    def of(cls, source: Source, entry: Entry, mpp_min: float) -> "Ground":
        """The ground of a slide that is read at ``mpp_min``, or at its own scale where that is coarser."""
        slide, mask = source.slide, source.mask
        mpp = max(slide.mpp, mpp_min)
        if not mask.any():
            mask = np.ones_like(mask)
        border = np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]])
        every = -(-max(mask.shape) // SPOTS_PX)
        spots = np.argwhere(mask[::every, ::every]) * every + 0.5
        return cls(
            int(slide.height * slide.mpp / mpp),
            int(slide.width * slide.mpp / mpp),
            mpp,
            entry.case,
            "breast" if entry.organ.startswith("breast") else "other",
            (spots * source.mask_mpp).astype(np.float32),
            float(mask.sum()) * source.mask_mpp**2,
            source.white is not None and border.mean() < WHOLE_BORDER,
            ESTIMATE_JITTER if entry.mpp_source.startswith("estimated") else 0.0,
        )

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

    def shows(self, low: float, high: float, patch_px: int) -> bool:
        """Whether patches of any scale from ``low`` to ``high`` are drawn from it, overviews among them."""
        finest, coarsest = self.scales(patch_px)
        if self.whole:
            coarsest = REACH[1] * self.length_um / patch_px
        return max(finest, low) < min(coarsest, high)


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
