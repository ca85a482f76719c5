"""Crops of slides that nothing but their tissue can tell apart: where they lie, and how they are made.

All crops go the same way:

1. a window is read at the finest scale of all crops, at whole pixels of it: finer slides are averaged down to it;
2. from there it is brought to the crop's own scale, from a random fraction of a pixel on;
3. turned by quarter turns and mirrored, noise of one grey level over everything, JPEG of one quality.

No crop shows the edge of its slide, and at least half of it is tissue. Crops overlap only where the slides have no
other room, and then as little as can be. The glass of each slide is brought to one grey, but stays as it is otherwise:
how it looks is a question, too.
"""

import io
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from wsigen.cohorts.patches import PatchSampler, Place, Source, overlap
from wsigen.errors import WsigenError
from wsigen.slides.reader import ImageSlide
from wsigen.slides.slide import SCALE_TOLERANCE, Slide
from wsigen.slides.tissue import tissue_share
from wsigen.study.encode import DITHER

Pixels = NDArray[np.uint8]
LEAST_TISSUE = 0.5  # of a crop
FREE = 0.1  # of a crop may be shown by another one
MOST_OVERLAP = 0.5  # where there is no other room
PLACES = 25  # tried in one case before the next one's turn
TRIES = 400  # places tried for one crop


@dataclass(frozen=True)
class Crop:
    """One crop.

    Args:
        pixels: uint8 (side, side, 3).
        source: number of its slide.
        top_um, left_um: its corner there.
        mpp: its scale.
        overlap: the largest share of it that one crop before it shows.
    """

    pixels: Pixels
    source: int
    top_um: float
    left_um: float
    mpp: float
    overlap: float


class Crops(PatchSampler):
    """Cuts crops out of slides.

    Args:
        sources: slides; a case is as often seen as another.
        side: of a crop in pixels.
        mpp_range: finest and coarsest micrometres per pixel of crops.
        quality: of their JPEG.
    """

    def __init__(
        self, sources: Sequence[Source], side: int, mpp_range: tuple[float, float], quality: int
    ) -> None:
        super().__init__(sources, side, (0.0, math.inf))
        self.finest, self.quality = mpp_range[0], quality

    def draw(self, scales: Sequence[float], stream: np.random.Generator) -> Iterator[Crop]:
        """One crop at each scale, the cases in turn.

        Raises:
            WsigenError: the slides have no room for so many.
        """
        cases = sorted({source.case for source in self.sources})
        order = [cases[i] for i in stream.permutation(len(cases))]
        taken: list[list[Place]] = [[] for _ in self.sources]
        for number, mpp in enumerate(scales):
            best: Crop | None = None
            for attempt in range(TRIES):
                case = order[(number + attempt // PLACES) % len(order)]
                members = [i for i, source in enumerate(self.sources) if source.case == case]
                index = members[int(stream.integers(len(members)))]
                place = (*self._place(self.sources[index], mpp, stream), mpp)
                shared = overlap(place, taken[index], self.patch_px)
                if shared >= (MOST_OVERLAP if best is None else best.overlap):
                    continue
                crop = self._cut(index, place, shared, stream)
                if tissue_share(crop.pixels) >= LEAST_TISSUE:
                    best = crop
                    if shared <= FREE:
                        break
            if best is None:
                raise WsigenError(
                    f"the slides have room for {number} crops of {self.patch_px} px that are half tissue and overlap "
                    f"by less than half, expected {len(scales)}: give more or larger slides, or a smaller --n or "
                    "--crop-px"
                )
            taken[best.source].append((best.top_um / mpp, best.left_um / mpp, mpp))
            yield best

    def _cut(self, index: int, place: Place, shared: float, stream: np.random.Generator) -> Crop:
        """The crop at a place, moved to a whole pixel of the finest scale and on by a part of one."""
        source, side, finest = self.sources[index], self.patch_px, self.finest
        top, left, mpp = place
        zoom = mpp / finest
        window_px = window_side(side, mpp, finest)
        extent = (source.slide.height, source.slide.width)
        row, column = (
            max(0, min(int(start * zoom), whole_px(length, source.slide.mpp, finest) - window_px))
            for start, length in zip((top, left), extent, strict=True)
        )
        window = source.read(row, column, window_px, window_px, finest)
        down, across = stream.uniform(0, window_px - side * zoom, 2)
        whole = ImageSlide(Image.fromarray(window), finest)
        pixels = whole.read(down / zoom, across / zoom, side, side, mpp)
        pixels = np.rot90(pixels, int(stream.integers(4)))
        pixels = pixels[:, ::-1] if stream.integers(2) else pixels
        noisy = pixels + DITHER * stream.standard_normal(pixels.shape, np.float32)
        made = through_jpeg(np.clip(noisy + 0.5, 0, 255).astype(np.uint8), self.quality)
        corner = (row + down) * finest, (column + across) * finest
        return Crop(made, index, *corner, mpp, shared)


def window_side(side: int, mpp: float, finest: float) -> int:
    """Pixels at the finest scale that hold a crop wherever it begins within the first of them."""
    return math.ceil(side * mpp / finest - SCALE_TOLERANCE) + 1


def whole_px(length: int, mpp: float, finest: float) -> int:
    """How many whole pixels of the finest scale a side of ``length`` pixels has."""
    return int(length * mpp / finest + SCALE_TOLERANCE)


def has_room(slide: Slide, side: int, mpp_range: tuple[float, float]) -> bool:
    """Whether crops of the coarsest scale fit into a slide."""
    finest, coarsest = mpp_range
    shorter = whole_px(min(slide.height, slide.width), slide.mpp, finest)
    return shorter >= window_side(side, coarsest, finest)


def through_jpeg(pixels: Pixels, quality: int) -> Pixels:
    """What JPEG leaves of a picture, uint8 (height, width, 3); its colours keep their full resolution."""
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(file, "JPEG", quality=quality, subsampling=0)
    return np.asarray(Image.open(file))
