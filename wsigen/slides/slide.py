"""What every slide can do: any window at any micrometres per pixel.

A window is read from the nearest finer level and area-resampled, so that a pixel is the mean of the tissue under it at
every scale. What kinds of slide there are is the matter of :mod:`wsigen.slides.reader`.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from wsigen.errors import WsigenError
from wsigen.slides.tissue import Tissue

Pixels = NDArray[np.uint8]
WHITE = (255, 255, 255)
SCALE_TOLERANCE = 1e-3  # scales nearer than this are the same scale
BLOCK_PX = 256  # side of the blocks in which a level is read where it has no pixels at whole places, and packed


class Slide(ABC):
    """A slide of ``height`` x ``width`` px at ``mpp`` micrometres per pixel, with coarser levels.

    ``levels`` holds (height, width) of each level, finest first. ``tissue`` is None where nobody has looked yet.
    """

    path: Path
    mpp: float
    vendor: str
    properties: Mapping[str, str]
    levels: list[tuple[int, int]]
    tissue: Tissue | None = None

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
        levels = range(1, len(self.levels))
        level = max((i for i in levels if self._downsample(i) <= zoom * (1 + 1e-6)), default=0)
        step = zoom / self._downsample(level)  # level pixels per wanted pixel
        level_top, level_left = top * step, left * step
        level_bottom, level_right = (top + height) * step, (left + width) * step
        first_row, first_column = math.floor(level_top), math.floor(level_left)
        rows = math.ceil(level_bottom - 1e-6) - first_row
        columns = math.ceil(level_right - 1e-6) - first_column
        region = np.asarray(self._region(level, first_row, first_column, rows, columns))
        if step < 1 + SCALE_TOLERANCE and region.shape[:2] == (height, width):
            return region
        down = area_weights(rows, height, level_top - first_row, step)
        across = area_weights(columns, width, level_left - first_column, step)
        mean = down @ region.reshape(rows, -1).astype(np.float32)
        mean = across @ mean.reshape(height, columns, 3)
        return (mean + 0.5).astype(np.uint8)

    def overview(self, longest_px: int = 1024) -> tuple[Pixels, float]:
        """Return the whole slide, at most ``longest_px`` on its longer side, and its mpp."""
        zoom = max(1.0, max(self.height, self.width) / longest_px)
        height, width = max(1, int(self.height / zoom)), max(1, int(self.width / zoom))
        return self.read(0, 0, height, width, self.mpp * zoom), self.mpp * zoom

    def _downsample(self, level: int) -> float:
        return self.height / self.levels[level][0] if level else 1.0


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
