"""Real patches as a told model's training draws them, at given scales: on glass, turned freely, overviews among them.

`wsigen.experiments.places` draws upright patches that overlap least. At coarse scales, where a slide fills a patch,
that is not what a model saw: `wsigen.cohorts.placing` lays a whole slide on its glass at any place and angle.
"""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from wsigen.cohorts.entry import Entry
from wsigen.cohorts.ground import Ground
from wsigen.cohorts.patches import Source
from wsigen.cohorts.placing import BLOCK
from wsigen.errors import WsigenError
from wsigen.training.config import TOLD
from wsigen.training.drawing import Decoded, Pyramids, decode
from wsigen.training.run import placing_of

NEAR = math.log(1.1)  # of ln(mpp): patches of scales this near count as of one scale
MOST = 1000 * BLOCK  # places looked at for one set of patches


class AsTrained:
    """Draws patches of one split.

    Args:
        entries, sources: the slides, and the same opened.
        patch_px: side of a patch.
        mpp_range: finest and coarsest micrometres per pixel of the training.
        finest: no scale below is asked for, so slides are decoded at half of it only.
        seed: name of the stream.
    """

    def __init__(
        self,
        entries: Sequence[Entry],
        sources: Sequence[Source],
        patch_px: int,
        mpp_range: tuple[float, float],
        finest: float,
        seed: int = 0,
    ) -> None:
        self.entries, self.patch_px, self.finest = entries, patch_px, finest
        grounds = [
            Ground.of(source, entry, mpp_range[0])
            for source, entry in zip(sources, entries, strict=True)
        ]
        low, high = mpp_range
        config = replace(TOLD, patch_px=patch_px, mpp_min=low, mpp_max=high, seed=seed)
        self.placing = placing_of(config, grounds)
        self._decoded: dict[int, Decoded] = {}

    def shows(self, mpp: float) -> bool:
        """Whether any slide shows about this scale."""
        low, high = mpp * math.exp(-NEAR), mpp * math.exp(NEAR)
        low, high = max(low, self.placing.mpp_range[0]), min(high, self.placing.mpp_range[1])
        return any(ground.shows(low, high, self.patch_px) for ground in self.placing.grounds)

    def draw(
        self, number: int, mpp: float, first: int = 0
    ) -> tuple[Tensor, NDArray[np.float64], NDArray[np.str_]]:
        """The first patches of about one scale, from number ``first`` of the training's on.

        Returns:
            Patches (number, 3, patch_px, patch_px) in [-1, 1], the scale of each, and its case.

        Raises:
            WsigenError: training draws hardly any.
        """
        found: list[int] = []
        for block in range(first, first + MOST, BLOCK):
            scales = self.placing.places(range(block, block + BLOCK)).mpp
            near = np.flatnonzero(np.abs(np.log(scales / mpp)) <= NEAR)
            found += (block + near).tolist()
            if len(found) >= number:
                break
        else:
            raise WsigenError(
                f"training draws {len(found)} patches of about {mpp:g} um/px in {MOST}, expected {number}: "
                "choose another scale, or fewer patches"
            )
        places = self.placing.places(found[:number])
        used, where = np.unique(places.source, return_inverse=True)
        for index in map(int, used):
            if index not in self._decoded:
                self._decoded[index] = decode(self.entries[index], self.finest / 2)
        pyramids = Pyramids([self._decoded[int(index)] for index in used])
        clean = pyramids.draw(replace(places, source=where), self.patch_px)
        cases = np.array([self.entries[int(index)].case for index in places.source])
        return clean, places.mpp, cases
