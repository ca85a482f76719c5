"""Training patches of every magnification, each drawn from its own named stream.

A patch is a square of ``patch_px`` at any scale between its slide's own and the one at which the whole
slide fits into it. Patch number n is the same whoever asks for it and in which order: loaders may have
any number of workers, and training resumes where it stopped.
"""

import math
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wsigen.cohorts.entry import Entry
from wsigen.errors import WsigenError
from wsigen.seeds import generator
from wsigen.slides.slide import SCALE_TOLERANCE, Slide
from wsigen.slides.stain import jitter_stains
from wsigen.slides.tissue import BACKGROUND, Tissue, whiten

BACKGROUND_SHARE = 0.1  # of patches that may lie anywhere, so that empty glass is learned too

LARGEST_TISSUE_UM2 = 10e6  # more tissue than this on a slide earns it no more patches

Place = tuple[float, float, float]  # top and left in pixels at the third, micrometres per pixel


@dataclass(frozen=True)
class Source:
    """A slide with its tissue, on an overview of ``mask_mpp``, and the colour of its empty glass.

    An image without empty glass is a field cut out of a slide: no patch may show its edge.
    """

    slide: Slide
    tissue: Tissue
    case: str

    @classmethod
    def of(cls, slide: Slide, case: str) -> "Source":
        return cls(slide, slide.look(), case)

    @property
    def mask(self) -> NDArray[np.bool_]:
        return self.tissue.mask

    @property
    def mask_mpp(self) -> float:
        return self.tissue.mpp

    @property
    def white(self) -> NDArray[np.float32] | None:
        return self.tissue.white

    @property
    def tissue_um2(self) -> float:
        """Area of tissue in square micrometres."""
        return self.tissue.count * self.mask_mpp**2

    def coarsest_mpp(self, patch_px: int) -> float:
        """The scale at which the whole slide fits into one patch, or a patch just into a field."""
        side = max if self.white is not None else min
        return side(self.slide.height, self.slide.width) * self.slide.mpp / patch_px

    @property
    def spots(self) -> NDArray[np.int32]:
        """Rows and columns of the tissue on the mask, shape (n, 2)."""
        return np.argwhere(self.mask).astype(np.int32)

    def read(
        self, top: float, left: float, height: int, width: int, mpp: float
    ) -> NDArray[np.uint8]:
        """A window of the slide as `Slide.read` gives it, its glass brought to one grey, and black fill to the same."""
        pixels = whiten(self.slide.read(top, left, height, width, mpp), self.white)
        filled = self.tissue.filled
        if filled is None:
            return pixels
        rows, columns = (
            np.clip((start + 0.5 + np.arange(length)) * (mpp / self.mask_mpp), 0, side - 1)
            for start, length, side in zip((top, left), (height, width), filled.shape, strict=True)
        )
        covered = filled[np.ix_(rows.astype(int), columns.astype(int))]
        return np.where(covered[..., None], np.uint8(BACKGROUND), pixels)


class PatchSampler:
    """Draws patches; ``sampler.patch(n)`` is patch number n.

    Args:
        sources: slides to draw from.
        patch_px: side of a patch in pixels.
        mpp_range: finest and coarsest micrometres per pixel.
        scale: "log" draws mpp log-uniformly, as many patches in each octave; "uniform" as the paper does,
            which gives under 1 % of all draws to the finest two octaves.
        augment: turn and mirror (tissue has no upright).
        stain_jitter: how much the amounts of stain vary, see :func:`wsigen.slides.stain.jitter_stains`; 0 not at all.
        stain_jitter_until: only patches numbered below vary; those after show the stains as they are.
        seed: name of the stream.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        patch_px: int = 64,
        mpp_range: tuple[float, float] = (0.25, 100.0),
        *,
        scale: str = "log",
        augment: bool = True,
        stain_jitter: float = 0.0,
        stain_jitter_until: float = math.inf,
        seed: int = 0,
    ) -> None:
        self.sources = [source for source in sources if source.tissue.count]
        if not self.sources:
            raise WsigenError("no tissue found on any slide; check the cohort with wsigen info")
        finest = min(source.slide.mpp for source in self.sources)
        coarsest = max(source.coarsest_mpp(patch_px) for source in self.sources)
        # what no slide can show is not drawn
        self.mpp_range = (max(mpp_range[0], finest), min(mpp_range[1], coarsest))
        if not self.mpp_range[0] < self.mpp_range[1]:
            raise WsigenError(
                f"no slide shows {mpp_range[0]:g} to {mpp_range[1]:g} um/px in patches of {patch_px} px "
                f"(they reach from {finest:g} to {coarsest:g}); choose another range or patch size"
            )
        self.patch_px = patch_px
        self.scale = scale
        self.augment = augment
        self.stain_jitter = stain_jitter
        self.stain_jitter_until = stain_jitter_until
        self.seed = seed

    def load(self) -> None:
        """Decode plain images now, in threads: processes that are forked afterwards share them."""
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda source: source.slide.load(), self.sources))

    def draw_mpp(self, stream: np.random.Generator) -> float:
        """Draw a scale from the chosen distribution."""
        low, high = self.mpp_range
        if self.scale == "log":
            return math.exp(stream.uniform(math.log(low), math.log(high)))
        return float(stream.uniform(low, high))

    def patch(self, number: int) -> tuple[NDArray[np.uint8], float]:
        """Return patch ``number``, uint8 (patch_px, patch_px, 3), and its micrometres per pixel."""
        stream = generator(self.seed, "patch", number)
        while True:  # scales that no slide shows are drawn again
            mpp = self.draw_mpp(stream)
            shown = [source for source in self.sources if self._shows(source, mpp)]
            if shown:
                break
        # the root evens out a large section and a camera image, without making them equal
        weight = np.sqrt([min(source.tissue_um2, LARGEST_TISSUE_UM2) for source in shown])
        source = shown[stream.choice(len(shown), p=weight / weight.sum())]
        top, left = self._place(source, mpp, stream)
        pixels = source.read(top, left, self.patch_px, self.patch_px, mpp)
        if self.augment:
            pixels = np.rot90(pixels, int(stream.integers(4)))
            pixels = pixels[:, ::-1] if stream.integers(2) else pixels
        if self.stain_jitter and number < self.stain_jitter_until:
            pixels = jitter_stains(pixels, self.stain_jitter, stream)
        return np.ascontiguousarray(pixels), mpp

    def _shows(self, source: Source, mpp: float) -> bool:
        finest, coarsest = source.slide.mpp, source.coarsest_mpp(self.patch_px)
        return finest * (1 - SCALE_TOLERANCE) <= mpp <= coarsest * (1 + SCALE_TOLERANCE)

    def _place(
        self, source: Source, mpp: float, stream: np.random.Generator
    ) -> tuple[float, float]:
        """Draw a corner, in pixels at ``mpp``, of a patch that touches tissue, or (rarely) anywhere."""
        extent = np.array([source.slide.height, source.slide.width]) * (source.slide.mpp / mpp)
        if stream.random() < BACKGROUND_SHARE:
            corner = stream.uniform(0, 1, 2) * np.maximum(extent - self.patch_px, 0)
        else:
            spot = source.tissue.spot(int(stream.integers(source.tissue.count)))
            centre = (spot + stream.uniform(0, 1, 2)) * (source.mask_mpp / mpp)
            corner = centre - stream.uniform(0, 1, 2) * self.patch_px
        # within the slide; where the slide is smaller than the patch, within the patch
        room = extent - self.patch_px
        top, left = np.clip(corner, np.minimum(room, 0), np.maximum(room, 0))
        return float(top), float(left)


def overlap(place: Place, taken: Sequence[Place], patch_px: int) -> float:
    """The largest share of a patch that one of those ``taken`` at about its scale covers, 0 to 1."""
    top, left, mpp = place
    alike = [other for other in taken if 0.5 < other[2] / mpp < 2]
    if not alike:
        return 0.0
    tops, lefts, scales = np.array(alike).T
    shared = np.ones(len(alike))
    for own, others in ((top, tops), (left, lefts)):  # micrometres along each axis
        begin = np.maximum(own * mpp, others * scales)
        end = np.minimum((own + patch_px) * mpp, (others + patch_px) * scales)
        shared *= np.clip(end - begin, 0, None) / (patch_px * mpp)
    return float(shared.max())


def of_split(entries: Sequence[Entry], split: str = "train") -> list[Entry]:
    """The slides of one split of a cohort; raises WsigenError where it has none."""
    chosen = [entry for entry in entries if entry.split == split]
    if not chosen:
        raise WsigenError(f"the cohort has no slide with split {split!r}; check the split column")
    return chosen


def open_sources(entries: Sequence[Entry], split: str = "train") -> list[Source]:
    """Open the slides of one split of a cohort; they stay open."""
    chosen = of_split(entries, split)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(lambda entry: Source.of(entry.open(), entry.case), chosen))
