"""Open a slide, whatever it is kept in.

Two kinds of file are one kind of :class:`~wsigen.slides.slide.Slide`: whatever OpenSlide opens (SVS, NDPI, MRXS, tiled
TIFF, DICOM), and plain images (JPEG, PNG, TIFF) whose scale the caller gives.

OpenSlide is imported by `wsigen.slides.scanned` alone, and that only when a file is opened: a pack needs none of it.
"""

import math
import warnings
from functools import cached_property
from pathlib import Path
from typing import IO

from PIL import Image, UnidentifiedImageError

from wsigen.errors import WsigenError
from wsigen.slides.slide import WHITE, Slide, on_white, unreadable, without_mpp


class ImageSlide(Slide):
    """A plain image, held in memory from the first reading on, with coarser levels made by 2 x 2 means."""

    def __init__(self, image: Image.Image, mpp: float, path: Path | str = "image") -> None:
        self.path = Path(path)
        self.mpp = mpp
        self.vendor = "plain-image"
        self.properties = {}
        self._image = image
        self.levels = [(image.height, image.width)]
        while min(self.levels[-1]) >= 128:
            height, width = self.levels[-1]
            self.levels.append((-(-height // 2), -(-width // 2)))

    @cached_property
    def _images(self) -> list[Image.Image]:
        images = [on_white(self._image)]
        self._image = images[0]  # no second copy of an image that had to be converted
        while len(images) < len(self.levels):
            images.append(images[-1].reduce(2))
        return images

    def load(self) -> None:
        _ = self._images

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
    from wsigen.slides.scanned import OpenSlideSlide, is_scanned

    if is_scanned(path):
        return OpenSlideSlide(path, mpp)
    image = open_image(path, path)
    try:
        image.load()
    except (OSError, SyntaxError, ValueError) as error:
        raise unreadable(path, error) from error
    if mpp is None:
        raise without_mpp(path)
    return ImageSlide(image, mpp, path)


def open_image(file: Path | IO[bytes], path: Path) -> Image.Image:
    """Open a plain image without decoding it yet; ``path`` is for messages."""
    with warnings.catch_warnings():  # whole slides are larger than Pillow expects of honest images
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        try:
            return Image.open(file)
        except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
            raise unreadable(path, error) from error
        except Image.DecompressionBombError as error:
            raise WsigenError(
                f"{path}: too large for a plain image ({error}); "
                "convert it to a tiled pyramid with another tool first"
            ) from error
