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

import numpy as np
from numpy.typing import NDArray

from wsigen.cohorts.ground import REACH, Ground
from wsigen.errors import WsigenError
from wsigen.seeds import generator
from wsigen.slides.slide import SCALE_TOLERANCE

UNIFORMS = 12  # numbers that decide one patch
BLOCK = 1024  # patches whose numbers are drawn from one stream
BINS_PER_OCTAVE = 4
BACKGROUND_SHARE = (
    0.05  # of patches that may lie anywhere on a slide, so that empty glass is learned too
)
TURNED_FREELY = (
    1.4  # pixels of the source per pixel from which on turning by any angle blurs nothing
)
SHARE_PER_CASE = 0.04  # of the draw, at most, for each case of a group that has a share of its own
ENOUGH_PATCHES = 20.0  # patches' worth of tissue from which on more earns a case no more patches


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
        only_below: for groups named the scale below which they alone are drawn, where they show it; overviews apart.
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
        only_below: dict[str, float] | None = None,
        seed: int = 0,
    ) -> None:
        self.grounds, self.patch_px, self.seed = grounds, patch_px, seed
        self.mpp_range = mpp_range
        self.shares, self.only_below = shares or {}, only_below or {}
        self._known = _Known(grounds)
        self._drawn: tuple[int, NDArray[np.float64]] = -1, np.empty((0, UNIFORMS))
        low, high = mpp_range
        number = max(1, round(math.log2(high / low) * BINS_PER_OCTAVE))
        self.edges = np.geomspace(low, high, number + 1)
        table = np.stack(
            [self._weights(a, b) for a, b in zip(self.edges[:-1], self.edges[1:], strict=True)]
        )
        self.bins = np.flatnonzero(table.sum(axis=1) > 0)
        if len(self.bins) == 0:
            reach = [ends for g in grounds if (ends := g.scales(patch_px))[0] < ends[1]]
            shown = (
                f"from {min(r[0] for r in reach):g} to {max(r[1] for r in reach):g} um/px"
                if reach
                else "none, since each is smaller"
            )
            raise WsigenError(
                f"no slide shows enough of {low:g} to {high:g} um/px in patches of {patch_px} px (they show {shown}); "
                "expected larger slides, or other scales"
            )
        self.cumulated = np.cumsum(table, axis=1)
        self.cumulated /= np.maximum(self.cumulated[:, -1:], 1e-12)
        wholes = self._known.whole & (REACH[1] * self._known.length_um / patch_px > low)
        weights = self._by_case(wholes.astype(float))
        self.whole_share = whole_share if weights.any() else 0.0
        self.whole_cumulated = np.cumsum(weights / max(weights.sum(), 1e-12))

    def places(self, numbers: Sequence[int]) -> Places:
        """Where the patches of these numbers lie."""
        u = self._uniforms(np.asarray(numbers))
        known = self._known
        overview = u[:, 0] < self.whole_share
        source, mpp = self._sources(u, overview)
        whole, own, extent = known.whole[source], known.mpp[source], known.extent[source]
        side = self.patch_px * mpp
        angle = 2 * math.pi * u[:, 6]
        reach = side / 2 * (np.abs(np.cos(angle)) + np.abs(np.sin(angle)))
        free = (mpp >= TURNED_FREELY * own) & (whole | (2 * reach <= extent.min(axis=1)))
        angle = np.where(free, angle, math.pi / 2 * np.floor(4 * u[:, 6]))
        reach = np.where(free, reach, side / 2)[:, None]
        chosen = (u[:, 3] * known.count[source]).astype(np.int64)
        spot = np.array(
            [self.grounds[i].tissue[k] for i, k in zip(source, chosen, strict=True)], np.float64
        ).reshape(-1, 2)
        within = spot + (u[:, 4:6] - 0.5) * side[:, None]
        centre = np.clip(within, reach, np.maximum(extent - reach, reach))
        on = np.flatnonzero(whole)
        centre[on] = self._on_glass(source[on], spot[on], side[on], angle[on], u[on])
        gauss = np.sqrt(-2 * np.log(1 - u[:, 10])) * np.cos(2 * math.pi * u[:, 11])
        told = mpp * np.exp(known.jitter[source] * gauss)
        return Places(source, mpp, told, centre, angle, u[:, 7] < 0.5, overview)

    def _uniforms(self, numbers: NDArray[np.int64]) -> NDArray[np.float64]:
        """The rows of uniform numbers that decide these patches, shape (n, UNIFORMS)."""
        of_block, row = np.divmod(numbers, BLOCK)
        rows = np.empty((len(numbers), UNIFORMS))
        for block in np.unique(of_block):
            if block != self._drawn[0]:
                stream = generator(self.seed, "places", int(block))
                self._drawn = int(block), stream.random((BLOCK, UNIFORMS))
            here = of_block == block
            rows[here] = self._drawn[1][row[here]]
        return rows

    def _sources(
        self, u: NDArray[np.float64], overview: NDArray[np.bool_]
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """The grounds of patches, and their scales."""
        place = u[:, 1] * len(self.bins)
        chosen = self.bins[place.astype(np.int64)]
        low, high = self.edges[chosen], self.edges[chosen + 1]
        mpp = low * (high / low) ** (place % 1)
        share = u[:, 2] * (1 - 1e-9)
        source = np.empty(len(u), np.int64)
        for scale in np.unique(chosen):
            here = chosen == scale
            source[here] = np.searchsorted(self.cumulated[scale], share[here], side="right")
        source[overview] = np.searchsorted(self.whole_cumulated, share[overview], side="right")
        fill = self._known.length_um[source] / self.patch_px
        low = np.maximum(np.maximum(REACH[0] * fill, self._known.mpp[source]), self.mpp_range[0])
        high = np.maximum(np.minimum(REACH[1] * fill, self.mpp_range[1]), low)
        between = np.exp(np.log(low) + u[:, 1] * (np.log(high) - np.log(low)))
        return source, np.where(overview, between, mpp)

    def _weights(self, low: float, high: float) -> NDArray[np.float64]:
        """How often each ground is drawn for scales from ``low`` to ``high``."""
        shown = np.zeros(len(self.grounds))
        for i, ground in enumerate(self.grounds):
            finest, coarsest = ground.scales(self.patch_px)
            if finest * (1 - SCALE_TOLERANCE) <= low and high <= coarsest * (1 + SCALE_TOLERANCE):
                shown[i] = ground.tissue_um2
        alone = [high <= self.only_below.get(ground.group, 0.0) for ground in self.grounds]
        if shown[alone].any():
            shown[~np.array(alone)] = 0.0
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

    def _on_glass(
        self,
        source: NDArray[np.int64],
        spot: NDArray[np.float64],
        side: NDArray[np.float64],
        angle: NDArray[np.float64],
        u: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        """Centres on whole slides: all tissue within the patch where it fits, else near some tissue."""
        cos, sin, side = np.cos(angle), np.sin(angle), side[:, None]
        # from the slide's frame to the patch's
        turn = np.stack([np.stack([cos, sin], -1), np.stack([-sin, cos], -1)], -2)
        corners = self._known.outlines[source] @ turn.swapaxes(1, 2)
        low, high = corners.min(axis=1), corners.max(axis=1)
        anywhere = low - side / 2 + u[:, 4:6] * (high - low)
        near = (turn @ spot[..., None])[..., 0] - u[:, 4:6] * side
        near = np.clip(near, low - 0.2 * side, high - 0.8 * side)
        corner = np.where(u[:, 8, None] < BACKGROUND_SHARE, anywhere, near)
        inside = high - side + u[:, 4:6] * (side - (high - low))
        corner = np.where(high - low <= side, inside, corner)
        centre: NDArray[np.float64] = (turn.swapaxes(1, 2) @ (corner + side / 2)[..., None])[..., 0]
        return centre


class _Known:
    """What is known of grounds, as arrays with one row each."""

    def __init__(self, grounds: Sequence[Ground]) -> None:
        self.mpp = np.array([g.mpp for g in grounds])
        self.extent = np.array([[g.height, g.width] for g in grounds]) * self.mpp[:, None]
        self.whole = np.array([g.whole for g in grounds])
        self.length_um = np.array([g.length_um for g in grounds])
        self.count = np.array([len(g.tissue) for g in grounds])
        self.jitter = np.array([g.jitter for g in grounds])
        outlines = [g.outline if g.whole else np.zeros((1, 2)) for g in grounds]
        most = max(len(outline) for outline in outlines)
        self.outlines = np.stack(  # the last corner again and again, up to one length
            [np.pad(each, ((0, most - len(each)), (0, 0)), "edge") for each in outlines]
        )
