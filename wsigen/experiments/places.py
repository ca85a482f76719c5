"""Real patches to compare with: the distribution of the training patches, at given scales, overlapping least.

Patches of the training sampler may overlap, and overlapping patches count as fewer than they are. Here every slide gets
its share of the patches in turn, not by chance, and of several places drawn for a patch the first is taken that touches
none before it, else the one that overlaps least.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wsigen.cohorts.patches import LARGEST_TISSUE_UM2, PatchSampler, Place, Source, overlap
from wsigen.errors import WsigenError

CANDIDATES = 12  # places drawn for one patch at most

Scale = float | tuple[float, float]


@dataclass(frozen=True)
class Drawn:
    """Real patches.

    Args:
        pixels: uint8 (n, patch_px, patch_px, 3).
        mpp: micrometres per pixel of each, (n,).
        cases: the patient of each, (n,).
        overlap: the largest share of each that one earlier patch of the same slide and scale shows, (n,).
    """

    pixels: NDArray[np.uint8]
    mpp: NDArray[np.float64]
    cases: NDArray[np.str_]
    overlap: NDArray[np.float64]

    def least_overlapping(self, number: int) -> "Drawn":
        """Those ``number`` patches that overlap least, in the order they were drawn."""
        kept = np.sort(np.argsort(self.overlap, kind="stable")[:number])
        return Drawn(self.pixels[kept], self.mpp[kept], self.cases[kept], self.overlap[kept])

    @property
    def patients(self) -> int:
        """From how many patients they are."""
        return len(np.unique(self.cases))


class PlacedPatches(PatchSampler):
    """Draws patches of given scales from opened slides.

    Args:
        sources: slides.
        patch_px: side of a patch.
        augment: turn and mirror, as in training.
    """

    def __init__(self, sources: Sequence[Source], patch_px: int, *, augment: bool = True) -> None:
        super().__init__(sources, patch_px, (0.0, math.inf), augment=augment)

    def draw(
        self, number: int, mpp: Scale, stream: np.random.Generator, spread: str = "log"
    ) -> Drawn:
        """Draw ``number`` patches at one scale, or each at its own from the range ``mpp``.

        Args:
            number: how many.
            mpp: one scale, or both ends of a range.
            stream: of random numbers.
            spread: of the scales over a range: "log", as many in each octave, or "uniform".

        Raises:
            WsigenError: no slide shows a scale.
        """
        low, high = mpp if isinstance(mpp, tuple) else (mpp, mpp)
        # one from each of ``number`` equal parts of the range, so that each draw is the same mixture
        parts = (stream.permutation(number) + stream.uniform(0, 1, number)) / number
        octaves = np.exp(math.log(low) + parts * math.log(high / low))
        scales = octaves if spread == "log" else low + parts * (high - low)
        taken: list[list[Place]] = [[] for _ in self.sources]
        owed = np.zeros(len(self.sources))
        pixels, cases, overlaps = [], [], []
        for scale in map(float, scales):
            shares = self._shares(scale)
            owed += shares
            index = int(np.where(shares > 0, owed, -np.inf).argmax())  # of those that show it
            owed[index] -= 1
            source = self.sources[index]
            place, overlap = self._apart(source, scale, taken[index], stream)
            taken[index].append(place)
            pixels.append(self._cut(source, place, stream))
            cases.append(source.case)
            overlaps.append(overlap)
        return Drawn(np.stack(pixels), scales, np.array(cases), np.array(overlaps))

    def shows(self, mpp: float) -> bool:
        """Whether any slide shows this scale."""
        return self.showing(mpp) > 0

    def showing(self, mpp: float) -> int:
        """How many slides show this scale."""
        return sum(self._shows(source, mpp) for source in self.sources)

    def _shares(self, mpp: float) -> NDArray[np.float64]:
        """Each slide's share of the patches at one scale, as in training, shape (sources,)."""
        areas = [
            min(source.tissue_um2, LARGEST_TISSUE_UM2) if self._shows(source, mpp) else 0.0
            for source in self.sources
        ]
        weights = np.sqrt(areas)
        if not weights.any():
            low, high = self.mpp_range
            raise WsigenError(
                f"no slide shows {mpp:g} um/px in patches of {self.patch_px} px; they reach from {low:g} to "
                f"{high:g} um/px: choose a scale between"
            )
        return np.asarray(weights / weights.sum())

    def _apart(
        self, source: Source, mpp: float, taken: Sequence[Place], stream: np.random.Generator
    ) -> tuple[Place, float]:
        """The place of several that overlaps least with those taken, and by how much."""
        best: tuple[Place, float] | None = None
        for _ in range(CANDIDATES):
            place = (*self._place(source, mpp, stream), mpp)
            shared = overlap(place, taken, self.patch_px)
            if best is None or shared < best[1]:
                best = place, shared
            if shared == 0:
                break
        assert best is not None
        return best

    def _cut(self, source: Source, place: Place, stream: np.random.Generator) -> NDArray[np.uint8]:
        top, left, mpp = place
        side = self.patch_px
        pixels = source.read(top, left, side, side, mpp)
        if self.augment:
            pixels = np.rot90(pixels, int(stream.integers(4)))
            pixels = pixels[:, ::-1] if stream.integers(2) else pixels
        return pixels
