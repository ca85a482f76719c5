"""Where training patches lie: slide, scale, centre, angle and mirror of patch number n, as pure geometry.

Every decision about a patch comes from a row of uniform numbers named by (seed, n), so that patch n is the same
whoever draws it, in which order and from where: pyramids in memory or files.

A slide that lies whole on its glass is drawn at scales up to several times the one at which it fills a patch, at a
random place, turned freely: an overview. Elsewhere a patch is centred near tissue. A field, cut out of a slide, has
no edge to show: its patches lie within it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from wsigen.errors import WsigenError
from wsigen.seeds import generator
from wsigen.slides.slide import SCALE_TOLERANCE

UNIFORMS = 12  # numbers that decide one patch
BLOCK = 1024  # patches whose numbers are drawn from one stream
BINS_PER_OCTAVE = 4
WHOLE_BORDER = (
    0.1  # share of an image's border that may show tissue where the slide lies whole on glass
)
BACKGROUND_SHARE = (
    0.05  # of patches that may lie anywhere on a slide, so that empty glass is learned too
)
TURNED_FREELY = (
    1.4  # pixels of the source per pixel from which on turning by any angle blurs nothing
)
SHARE_PER_CASE = 0.04  # of the draw, at most, for each case of a group that has a share of its own
ENOUGH_PATCHES = 20.0  # patches' worth of tissue from which on more earns a case no more patches
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
    def outline(self) -> NDArray[np.float32]:
        """Corners of the tissue's convex hull, shape (n, 2), in micrometres."""
        from scipy.spatial import ConvexHull, QhullError

        try:
            corners: NDArray[np.float32] = self.tissue[ConvexHull(self.tissue).vertices]
        except (QhullError, ValueError):  # a single row or column of tissue
            corners = self.tissue
        return corners

    @property
    def length_um(self) -> float:
        """The longer side of the box round the tissue."""
        return float(np.ptp(self.tissue, axis=0).max())

    def scales(self, patch_px: int) -> tuple[float, float]:
        """Finest and coarsest scale of patches centred near its tissue."""
        if self.whole:
            return self.mpp, REACH[0] * self.length_um / patch_px
        return self.mpp, min(self.height, self.width) * self.mpp / patch_px


@dataclass(frozen=True)
class Places:
    """Patches to be drawn; every array has one value a patch.

    ``source`` is the ground's number; ``centre`` (n, 2) in micrometres from its top left corner; ``angle`` in
    radians; ``told_mpp`` is what the network is told, which errs where the scale is an estimate; an ``overview`` may
    show a slide whole.
    """

    source: NDArray[np.int64]
    mpp: NDArray[np.float64]
    told_mpp: NDArray[np.float64]
    centre: NDArray[np.float64]
    angle: NDArray[np.float64]
    mirror: NDArray[np.bool_]
    overview: NDArray[np.bool_]


class Placing:
    """Places patches on grounds; ``placing.places(numbers)`` are those of the given numbers.

    Args:
        grounds: images to draw from.
        patch_px: side of a patch.
        mpp_range: finest and coarsest micrometres per pixel.
        whole_share: share of patches that are overviews.
        shares: how much of the draw the groups named get, where they show a scale; the others share the rest.
        seed: name of the stream.

    Raises:
        WsigenError: no ground shows any scale of the range.
    """

    def __init__(
        self,
        grounds: Sequence[Ground],
        patch_px: int,
        mpp_range: tuple[float, float],
        *,
        whole_share: float = 0.0,
        shares: dict[str, float] | None = None,
        seed: int = 0,
    ) -> None:
        self.grounds, self.patch_px, self.seed = grounds, patch_px, seed
        self.mpp_range = mpp_range
        self.shares = shares or {}
        low, high = mpp_range
        number = max(1, round(math.log2(high / low) * BINS_PER_OCTAVE))
        self.edges = np.geomspace(low, high, number + 1)
        table = np.stack(
            [self._weights(a, b) for a, b in zip(self.edges[:-1], self.edges[1:], strict=True)]
        )
        self.bins = np.flatnonzero(table.sum(axis=1) > 0)
        if len(self.bins) == 0:
            reach = [g.scales(patch_px) for g in grounds]
            raise WsigenError(
                f"no slide shows {low:g} to {high:g} um/px in patches of {patch_px} px (they reach from "
                f"{min(r[0] for r in reach):g} to {max(r[1] for r in reach):g}); choose another range or patch size"
            )
        self.cumulated = np.cumsum(table, axis=1)
        self.cumulated /= np.maximum(self.cumulated[:, -1:], 1e-12)
        wholes = [g.whole and REACH[1] * g.length_um / patch_px > low for g in grounds]
        self.whole_share = whole_share if any(wholes) else 0.0
        weights = self._by_case(np.array(wholes, float))
        self.whole_cumulated = np.cumsum(weights / max(weights.sum(), 1e-12))

    def places(self, numbers: Sequence[int]) -> Places:
        """Where the patches of these numbers lie."""
        placed = [self._place(self._uniforms(n)) for n in numbers]
        columns = [np.array(column) for column in zip(*placed, strict=True)]
        return Places(*columns)

    def _uniforms(self, number: int) -> NDArray[np.float64]:
        block, row = divmod(number, BLOCK)
        if block != getattr(self, "_block", None):
            stream = generator(self.seed, "places", block)
            self._drawn = stream.random((BLOCK, UNIFORMS))
            self._block = block
        row_of: NDArray[np.float64] = self._drawn[row]
        return row_of

    def _weights(self, low: float, high: float) -> NDArray[np.float64]:
        """How often each ground is drawn for scales from ``low`` to ``high``."""
        shown = np.zeros(len(self.grounds))
        for i, ground in enumerate(self.grounds):
            finest, coarsest = ground.scales(self.patch_px)
            if finest * (1 - SCALE_TOLERANCE) <= low and high <= coarsest * (1 + SCALE_TOLERANCE):
                shown[i] = ground.tissue_um2
        patch_um2 = (self.patch_px * math.sqrt(low * high)) ** 2
        return self._by_case(shown, ENOUGH_PATCHES * patch_um2)

    def _by_case(self, areas: NDArray[np.float64], enough: float = 0.0) -> NDArray[np.float64]:
        """Share the draw among groups, then cases, then by area among the images of a case."""
        cases: dict[str, dict[str, list[int]]] = {}
        for i, ground in enumerate(self.grounds):
            if areas[i] > 0:
                cases.setdefault(ground.group, {}).setdefault(ground.case, []).append(i)
        named = {
            group: min(share, SHARE_PER_CASE * len(cases[group]))
            for group, share in self.shares.items()
            if group in cases
        }
        others = [group for group in cases if group not in named]
        weights = np.zeros(len(areas))
        counts = {group: len(cases[group]) for group in others}
        for group, members in cases.items():
            rest = counts.get(group, 0) / max(sum(counts.values()), 1)
            share = named.get(group, (1 - sum(named.values())) * rest)
            earned = {
                case: min(1.0, math.sqrt(areas[images].sum() / enough)) if enough else 1.0
                for case, images in members.items()
            }
            for case, images in members.items():
                within = areas[images] / areas[images].sum()
                weights[images] = share * earned[case] / sum(earned.values()) * within
        return weights

    def _place(
        self, u: NDArray[np.float64]
    ) -> tuple[int, float, float, NDArray[np.float64], float, bool, bool]:
        overview = bool(u[0] < self.whole_share)
        if overview:
            source = int(np.searchsorted(self.whole_cumulated, u[2] * (1 - 1e-9), side="right"))
            ground = self.grounds[source]
            fill = ground.length_um / self.patch_px
            low = max(REACH[0] * fill, ground.mpp, self.mpp_range[0])
            high = max(min(REACH[1] * fill, self.mpp_range[1]), low)
            mpp = math.exp(math.log(low) + u[1] * (math.log(high) - math.log(low)))
        else:
            place = u[1] * len(self.bins)
            chosen = self.bins[int(place)]
            low, high = self.edges[chosen], self.edges[chosen + 1]
            mpp = float(low * (high / low) ** (place % 1))
            source = int(np.searchsorted(self.cumulated[chosen], u[2] * (1 - 1e-9), side="right"))
            ground = self.grounds[source]
        angle = 2 * math.pi * u[6]
        side = self.patch_px * mpp
        extent = np.array([ground.height, ground.width]) * ground.mpp
        reach = side / 2 * (abs(math.cos(angle)) + abs(math.sin(angle)))
        free = mpp >= TURNED_FREELY * ground.mpp and (ground.whole or 2 * reach <= extent.min())
        if not free:
            angle, reach = math.pi / 2 * int(4 * u[6]), side / 2
        if ground.whole:
            centre = self._on_glass(ground, side, angle, u)
        else:
            spot = ground.tissue[int(u[3] * len(ground.tissue))]
            centre = np.clip(spot + (u[4:6] - 0.5) * side, reach, np.maximum(extent - reach, reach))
        told = mpp
        if ground.jitter:
            gauss = math.sqrt(-2 * math.log(1 - u[10])) * math.cos(2 * math.pi * u[11])
            told = mpp * math.exp(ground.jitter * gauss)
        return source, mpp, told, centre, angle, bool(u[7] < 0.5), overview

    def _on_glass(
        self, ground: Ground, side: float, angle: float, u: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """A centre on a whole slide: all tissue within the patch where it fits, else near some tissue."""
        cos, sin = math.cos(angle), math.sin(angle)
        turn = np.array([[cos, sin], [-sin, cos]])  # from the slide's frame to the patch's
        corners = ground.outline @ turn.T
        low, high = corners.min(axis=0), corners.max(axis=0)
        if u[8] < BACKGROUND_SHARE:
            corner = low - side / 2 + u[4:6] * (high - low)
        else:
            spot = turn @ ground.tissue[int(u[3] * len(ground.tissue))]
            corner = spot - u[4:6] * side
            corner = np.clip(corner, low - 0.2 * side, high - 0.8 * side)
        fits = high - low <= side
        inside = high - side + u[4:6] * (side - (high - low))
        corner = np.where(fits, inside, corner)
        centre: NDArray[np.float64] = turn.T @ (corner + side / 2)
        return centre
