"""What every slide can do: any window at any micrometres per pixel.

A window is read from the nearest finer level and area-resampled, so that a pixel is the mean of the tissue under it at
every scale. What kinds of slide there are is the matter of :mod:`wsigen.slides.reader`.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from wsigen.errors import WsigenError
from wsigen.slides.seen import keep_overview, keep_tissue, seen_overview, seen_tissue
from wsigen.slides.tissue import Tissue, find_tissue

Pixels = NDArray[np.uint8]
WHITE = (255, 255, 255)
ON_THEIR_SIDE = (5, 6, 7, 8)  # orientations of a file that change height for width
SCALE_TOLERANCE = 1e-3  # scales nearer than this are the same scale
COSTLY_PX = 1 << 26  # a level with more pixels is not read twice for an overview
TINY_PX = 128 * 128  # whose tissue is found as fast as it is remembered
PIECE_PX = 2048  # side of the largest region of a level that is held at once
DENSE_PX = 1 << 18  # up to here one dense product: the patches of training, which keep their bits
TOGETHER = 16  # intervals whose means are taken in one product
BLOCK_PX = 256  # side of the blocks in which a level is read where it has no pixels at whole places, and packed


class Slide(ABC):
    """A slide of ``height`` x ``width`` px at ``mpp`` micrometres per pixel, with coarser levels.

    ``levels`` holds (height, width) of each level, finest first. ``tissue`` is None where nobody has looked yet.
    ``icc_profile`` says what the colours mean, where the file does.
    """

    path: Path
    mpp: float
    vendor: str
    properties: Mapping[str, str]
    levels: list[tuple[int, int]]
    tissue: Tissue | None = None
    icc_profile: bytes | None = None

    @property
    def height(self) -> int:
        return self.levels[0][0]

    @property
    def width(self) -> int:
        return self.levels[0][1]

    @abstractmethod
    def _region(self, level: int, top: int, left: int, height: int, width: int) -> Image.Image:
        """Return a region in pixels of ``level``; what lies outside the slide is white."""

    def load(self) -> None:  # noqa: B027  most slides are read where they lie
        """Decode now what else the first reading would."""

    @property
    def loaded(self) -> bool:
        """Whether decoded pixels are held."""
        return False

    def unload(self) -> None:  # noqa: B027  nothing is held
        """Let go of decoded pixels; the next reading decodes them again."""

    def close(self) -> None:  # noqa: B027  nothing to release in memory
        """Release the file."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def read(
        self, top: float, left: float, height: int, width: int, mpp: float | None = None
    ) -> Pixels:
        """Return a window as uint8, shape (height, width, 3); outside the slide it is white.

        Args:
            top, left: corner in pixels of the wanted ``mpp``, fractions allowed.
            height, width: size in pixels of the wanted ``mpp``.
            mpp: wanted micrometres per pixel, the slide's own if left out.

        Raises:
            WsigenError: ``mpp`` is finer than the slide.
        """
        zoom = (mpp or self.mpp) / self.mpp
        if zoom < 1 - SCALE_TOLERANCE:
            raise WsigenError(
                f"{self.path}: asked for {mpp:g} um/px, but the slide has {self.mpp:g} um/px; "
                "ask for that or coarser"
            )
        level = self._level_for(zoom)
        step = zoom / self._downsample(level)  # level pixels per wanted pixel
        side = max(1, int(PIECE_PX / step))
        if height <= side and width <= side:
            return self._piece(level, step, top, left, height, width)
        pixels = np.empty((height, width, 3), np.uint8)
        for y in range(0, height, side):
            for x in range(0, width, side):
                rows, columns = min(side, height - y), min(side, width - x)
                pixels[y : y + rows, x : x + columns] = self._piece(
                    level, step, top + y, left + x, rows, columns
                )
        return pixels

    def _piece(
        self, level: int, step: float, top: float, left: float, height: int, width: int
    ) -> Pixels:
        """A window as small as to be held at once, ``step`` pixels of a level wide for each of its own."""
        level_top, level_left = top * step, left * step
        level_bottom, level_right = (top + height) * step, (left + width) * step
        first_row, first_column = math.floor(level_top), math.floor(level_left)
        rows = math.ceil(level_bottom - 1e-6) - first_row
        columns = math.ceil(level_right - 1e-6) - first_column
        region = np.asarray(self._region(level, first_row, first_column, rows, columns))
        if step < 1 + SCALE_TOLERANCE and region.shape[:2] == (height, width):
            return region
        if rows * columns <= DENSE_PX:
            rows_in = area_weights(rows, height, level_top - first_row, step)
            columns_in = area_weights(columns, width, level_left - first_column, step)
            mean = rows_in @ region.reshape(rows, -1).astype(np.float32)
            mean = columns_in @ mean.reshape(height, columns, 3)
            return (mean + 0.5).astype(np.uint8)
        down = area_means(region.reshape(rows, -1), height, level_top - first_row, step)
        # across in the same way, with the columns in front
        turned = down.reshape(height, columns, 3).swapaxes(0, 1).reshape(columns, -1)
        mean = area_means(turned, width, level_left - first_column, step)
        mean = mean.reshape(width, height, 3).swapaxes(0, 1)
        return (mean + 0.5).astype(np.uint8)

    def overview(self, longest_px: int = 1024) -> tuple[Pixels, float]:
        """Return the whole slide, at most ``longest_px`` on its longer side, and its mpp.

        Where no level comes near, which costs a pass over all of a large one, it is kept for the next time.
        """
        zoom = max(1.0, max(self.height, self.width) / longest_px)
        height, width = max(1, int(self.height / zoom)), max(1, int(self.width / zoom))
        rows, columns = self.levels[self._level_for(zoom)]
        name = self.content_name() if rows * columns > COSTLY_PX else None
        pixels = seen_overview(f"{name}-{longest_px}") if name else None
        if pixels is None or pixels.shape[:2] != (height, width):
            pixels = self.read(0, 0, height, width, self.mpp * zoom)
            if name:
                keep_overview(f"{name}-{longest_px}", pixels)
        return pixels, self.mpp * zoom

    def _level_for(self, zoom: float) -> int:
        """The coarsest level that is no coarser than ``zoom`` pixels of level 0."""
        levels = range(1, len(self.levels))
        return max((i for i in levels if self._downsample(i) <= zoom * (1 + 1e-6)), default=0)

    def look(self) -> Tissue:
        """Find the tissue, or remember it from the last time that this content was seen."""
        if self.tissue is None:
            name = self.content_name() if self.height * self.width >= TINY_PX else None
            self.tissue = seen_tissue(name, self.mpp) if name else None
        if self.tissue is None:
            loaded = self.loaded
            overview, mpp = self.overview()
            self.tissue = find_tissue(overview, mpp)
            if name:
                keep_tissue(name, self.tissue, self.mpp)
            if not loaded:
                self.unload()
        return self.tissue

    def content_name(self) -> str | None:
        """A name of what the file holds; None where there is no file."""
        return None

    def _downsample(self, level: int) -> float:
        return self._scales[level]

    @cached_property
    def _scales(self) -> list[float]:
        return whole_downsamples(self.levels) or [self.height / rows for rows, _ in self.levels]


def whole_downsamples(levels: Sequence[tuple[int, int]]) -> list[float] | None:
    """How many pixels of level 0 a pixel of each level has, where every level is a whole part of the one before.

    A level of 93 px, made of 1501 by halving and dropping the odd pixel, has exactly 16 px to one; by its size it
    would have 16.14, and lie 13 px off at its far edge. None where levels are no such parts.
    """
    scales = [1.0]
    for finer, coarser in pairwise(levels):
        for factor in (2, 4, round(finer[0] / max(coarser[0], 1))):
            if factor > 1 and all(
                coarse in (max(1, fine // factor), -(-fine // factor))
                for fine, coarse in zip(finer, coarser, strict=True)
            ):
                scales.append(scales[-1] * factor)
                break
        else:
            return None
    return scales


def area_means(
    pixels: NDArray[Any], outputs: int, start: float, step: float
) -> NDArray[np.float32]:
    """Means of rows, shape (length, n), over ``outputs`` intervals of ``step`` rows; shape (outputs, n).

    As ``area_weights(...) @ pixels``, a few intervals at a time: most of those weights are zero.
    """
    means = np.empty((outputs, pixels.shape[1]), np.float32)
    for first in range(0, outputs, TOGETHER):
        some = min(TOGETHER, outputs - first)
        begin = start + first * step
        top = min(max(math.floor(begin) - 1, 0), len(pixels) - 1)
        bottom = min(math.ceil(begin + some * step) + 1, len(pixels))
        weights = area_weights(len(pixels), some, begin, step)[:, top:bottom]
        means[first : first + some] = weights @ pixels[top:bottom].astype(np.float32)
    return means


def area_weights(length: int, outputs: int, start: float, step: float) -> NDArray[np.float32]:
    """Weights of ``length`` pixels in the means over ``outputs`` intervals, shape (outputs, length).

    Interval j runs from ``start + j step`` to ``start + (j + 1) step``; a pixel counts by the part of it that
    lies within. (Pillow's box filter counts whole pixels, which shows as a pattern at odd scales.)
    """
    edges = np.clip(start + step * np.arange(outputs + 1), 0, length)
    pixels = np.arange(length)
    overlap = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    weights = np.clip(overlap, 0, None)
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)


def blocks(
    top: int, left: int, height: int, width: int, size: tuple[int, int] | None = None
) -> Iterator[tuple[int, int]]:
    """Rows and columns of the blocks of ``BLOCK_PX`` that a window touches, within a level of ``size`` if given."""
    bottom, right = (top + height, left + width)
    if size is not None:
        top, left, bottom, right = (
            max(top, 0),
            max(left, 0),
            min(bottom, size[0]),
            min(right, size[1]),
        )
    for row in range(top // BLOCK_PX, -(-bottom // BLOCK_PX)):
        for column in range(left // BLOCK_PX, -(-right // BLOCK_PX)):
            yield row, column


def on_white(image: Image.Image) -> Image.Image:
    """Return an RGB image; transparent parts become white."""
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, (*WHITE, 255))
        image = Image.alpha_composite(white, image)
    return image if image.mode == "RGB" else image.convert("RGB")


def unreadable(path: Path, error: Exception | Any) -> WsigenError:
    """The error for a file that is no slide or is damaged."""
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    return WsigenError(
        f"{path}: cannot be read as a slide ({reason}); expected SVS, NDPI, MRXS, tiled TIFF, DICOM, "
        "JPEG or PNG, complete; check the file or copy it again"
    )
