"""Read any window of a slide at any micrometres per pixel.

Two kinds of file are one kind of slide: whatever OpenSlide opens (SVS, NDPI, MRXS, tiled TIFF, DICOM), and
plain images (JPEG, PNG, TIFF) whose scale the caller gives. A window is read from the nearest finer level and
area-resampled, so that a pixel is the mean of the tissue under it at every scale.

OpenSlide says (x, y) and (width, height); it is turned round here and nowhere else.
"""

import math
import warnings
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import openslide
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from wsigen.errors import WsigenError

Pixels = NDArray[np.uint8]
WHITE = (255, 255, 255)
SCALE_TOLERANCE = 1e-3  # scales nearer than this are the same scale


class Slide(ABC):
    """A slide of ``height`` x ``width`` px at ``mpp`` micrometres per pixel, with coarser levels.

    ``levels`` holds (height, width) of each level, finest first.
    """

    path: Path
    mpp: float
    vendor: str
    properties: Mapping[str, str]
    levels: list[tuple[int, int]]

    @property
    def height(self) -> int:
        return self.levels[0][0]

    @property
    def width(self) -> int:
        return self.levels[0][1]

    @abstractmethod
    def _region(self, level: int, top: int, left: int, height: int, width: int) -> Image.Image:
        """Return a region in pixels of ``level``; what lies outside the slide is white."""

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


class OpenSlideSlide(Slide):
    """A file that OpenSlide opens."""

    def __init__(self, path: Path, mpp: float | None = None) -> None:
        self.path = path
        try:
            self._file = openslide.OpenSlide(path)
        except (openslide.OpenSlideError, OSError) as error:
            raise unreadable(path, error) from error
        self.properties = dict(self._file.properties)
        self.vendor = self.properties.get(openslide.PROPERTY_NAME_VENDOR, "unknown")
        self.levels = [(height, width) for width, height in self._file.level_dimensions]
        self.mpp = mpp or self._own_mpp()

    def _own_mpp(self) -> float:
        across = self.properties.get(openslide.PROPERTY_NAME_MPP_X)
        down = self.properties.get(openslide.PROPERTY_NAME_MPP_Y)
        if not across or not down:
            raise without_mpp(self.path)
        return (float(across) + float(down)) / 2

    def _downsample(self, level: int) -> float:
        return float(self._file.level_downsamples[level])

    def _region(self, level: int, top: int, left: int, height: int, width: int) -> Image.Image:
        scale = self._file.level_downsamples[level]
        corner = (round(left * scale), round(top * scale))
        try:
            region = self._file.read_region(corner, level, (width, height))
        except openslide.OpenSlideError as error:
            raise unreadable(self.path, error) from error
        return on_white(region)

    def close(self) -> None:
        self._file.close()


class ImageSlide(Slide):
    """A plain image held in memory, with coarser levels made by 2 x 2 means."""

    def __init__(self, image: Image.Image, mpp: float, path: Path | str = "image") -> None:
        self.path = Path(path)
        self.mpp = mpp
        self.vendor = "plain-image"
        self.properties = {}
        image = on_white(image)
        self._images = [image]
        while min(image.size) >= 128:
            image = image.reduce(2)
            self._images.append(image)
        self.levels = [(image.height, image.width) for image in self._images]

    def _downsample(self, level: int) -> float:
        return float(2**level)

    def _region(self, level: int, top: int, left: int, height: int, width: int) -> Image.Image:
        image = self._images[level]
        box = (left, top, left + width, top + height)
        if left >= 0 and top >= 0 and box[2] <= image.width and box[3] <= image.height:
            return image.crop(box)
        region = Image.new("RGB", (width, height), WHITE)
        region.paste(image, (-left, -top))
        return region


def open_slide(path: Path | str, mpp: float | None = None) -> Slide:
    """Open a slide or a plain image.

    Args:
        path: any file that OpenSlide or Pillow opens.
        mpp: micrometres per pixel; needed where the file does not say, and overriding it where it does.

    Raises:
        WsigenError: the file is missing, unreadable or no slide, or its mpp is not known.
    """
    path = Path(path)
    if mpp is not None and not (math.isfinite(mpp) and mpp > 0):
        raise WsigenError(f"mpp is {mpp}, expected micrometres per pixel above 0, such as 0.5")
    if not path.is_file():
        raise WsigenError(f"{path}: no such file; expected a slide or an image")
    try:
        vendor = openslide.OpenSlide.detect_format(path)
    except openslide.OpenSlideError as error:
        raise unreadable(path, error) from error
    if vendor is not None:
        return OpenSlideSlide(path, mpp)
    image = _load_image(path)
    if mpp is None:
        raise without_mpp(path)
    return ImageSlide(image, mpp, path)


def _load_image(path: Path) -> Image.Image:
    with warnings.catch_warnings():  # whole slides are larger than Pillow expects of honest images
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        try:
            with Image.open(path) as image:
                image.load()
                return image.copy()
        except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
            raise unreadable(path, error) from error
        except Image.DecompressionBombError as error:
            raise WsigenError(
                f"{path}: too large for a plain image ({error}); "
                "convert it to a tiled pyramid with another tool first"
            ) from error


def on_white(image: Image.Image) -> Image.Image:
    """Return an RGB image; transparent parts become white."""
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, (*WHITE, 255))
        image = Image.alpha_composite(white, image)
    return image.convert("RGB")


def unreadable(path: Path, error: Exception | Any) -> WsigenError:
    """The error for a file that is no slide or is damaged."""
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    return WsigenError(
        f"{path}: cannot be read as a slide ({reason}); expected SVS, NDPI, MRXS, tiled TIFF, DICOM, "
        "JPEG or PNG, complete; check the file or copy it again"
    )


def without_mpp(path: Path) -> WsigenError:
    """The error for a slide whose scale nobody has told."""
    return WsigenError(
        f"{path}: the file does not say its micrometres per pixel; "
        "give it with --mpp, or in the mpp column of a cohort.csv"
    )
