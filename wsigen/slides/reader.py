"""Open a slide, whatever it is kept in.

Two kinds of file are one kind of :class:`~wsigen.slides.slide.Slide`: whatever OpenSlide opens (SVS, NDPI, MRXS, tiled
TIFF, DICOM), and plain images (JPEG, PNG, TIFF), decoded when they are first read.

OpenSlide is imported by `wsigen.slides.scanned` alone, and that only when a file is opened: a pack needs none of it.
"""

import struct
import warnings
from collections.abc import Callable
from functools import cached_property, partial
from pathlib import Path
from typing import IO

import numpy as np
from PIL import Image, UnidentifiedImageError

from wsigen.errors import WsigenError
from wsigen.slides.dicom import slide_in_folder
from wsigen.slides.scale import Stated, checked_mpp, own_mpp
from wsigen.slides.seen import content_name
from wsigen.slides.slide import ON_THEIR_SIDE, WHITE, Pixels, Slide, on_white, unreadable

LARGE_PX = 1 << 23  # pixels from which on an image is not decoded whole for an overview
ORIENTATION, X_RESOLUTION = 274, 282  # tags of EXIF and TIFF
UPRIGHT = {  # what undoes each orientation
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
IN_COLOUR = (
    "1",
    "L",
    "LA",
    "P",
    "PA",
    "RGB",
    "RGBA",
    "RGBX",
    "YCbCr",
)  # modes with one meaning in RGB
DEEP_GREY = ("I;16", "I;16B", "I;16L", "I;16N")


class ImageSlide(Slide):
    """A plain image, held in memory from the first reading on, with coarser levels made by 2 x 2 means.

    Args:
        image: the image, or what decodes it when it is first read.
        mpp: micrometres per pixel.
        path: for messages.
        size: (height, width) where the image is decoded later.
    """

    def __init__(
        self,
        image: Image.Image | Callable[[], Image.Image],
        mpp: float,
        path: Path | str = "image",
        size: tuple[int, int] | None = None,
    ) -> None:
        self.path = Path(path)
        self.mpp = mpp
        self.vendor = "plain-image"
        self.properties = {}
        self._image = image
        self._passing: dict[int, Image.Image | None] = {}
        if size is None:
            assert isinstance(image, Image.Image)
            size = (image.height, image.width)
        self.levels = [size]
        while min(self.levels[-1]) >= 128:
            height, width = self.levels[-1]
            self.levels.append((-(-height // 2), -(-width // 2)))

    @cached_property
    def _images(self) -> list[Image.Image]:
        image = self._image
        images = [on_white(image if isinstance(image, Image.Image) else image())]
        while len(images) < len(self.levels):
            images.append(images[-1].reduce(2))
        if isinstance(image, Image.Image):
            self._image = images[0]  # no second copy of an image that had to be converted
        return images

    def load(self) -> None:
        _ = self._images

    @property
    def loaded(self) -> bool:
        return "_images" in vars(self) or isinstance(self._image, Image.Image)

    def unload(self) -> None:
        if not isinstance(self._image, Image.Image):
            vars(self).pop("_images", None)

    def close(self) -> None:
        self.unload()

    def content_name(self) -> str | None:
        return content_name(self.path) if self.path.is_file() else None

    def overview(self, longest_px: int = 1024) -> tuple[Pixels, float]:
        """As `Slide.overview`; of a large image that nobody has read yet, its level passes by and goes."""
        level = self._level_for(max(1.0, max(self.levels[0]) / longest_px))
        large = self.height * self.width >= LARGE_PX
        if large and level and not self.loaded and self.path.is_file():
            from wsigen.slides.streamed import streamed_level

            self._passing = {level: streamed_level(self.path, level)}
        try:
            return super().overview(longest_px)
        finally:
            self._passing = {}

    def _downsample(self, level: int) -> float:
        return float(2**level)

    def _region(self, level: int, top: int, left: int, height: int, width: int) -> Image.Image:
        image = self._passing.get(level) or self._images[level]
        box = (left, top, left + width, top + height)
        if left >= 0 and top >= 0 and box[2] <= image.width and box[3] <= image.height:
            return image.crop(box)
        region = Image.new("RGB", (width, height), WHITE)
        region.paste(image, (-left, -top))
        return region


def open_slide(path: Path | str, mpp: float | None = None) -> Slide:
    """Open a slide or a plain image.

    Args:
        path: any file that OpenSlide or Pillow opens, or the folder of one DICOM slide.
        mpp: micrometres per pixel; needed where the file does not say, and overriding it where it does.

    Raises:
        WsigenError: the file is missing, unreadable or no slide, or its mpp is not known or not believed.
    """
    path = Path(path)
    if mpp is not None:
        checked_mpp(mpp)
    if path.is_dir():
        path = slide_in_folder(path)
    if not path.is_file():
        raise WsigenError(f"{path}: no such file; expected a slide or an image")
    from wsigen.slides.scanned import PLAIN_TIFF, OpenSlideSlide, scanned_format

    scanned = scanned_format(path)
    if scanned == PLAIN_TIFF:
        from wsigen.slides.nested import NestedSlide
        from wsigen.slides.tiff import read_facts

        facts = read_facts(path)
        if len(facts.levels) > 1 or facts.orientation != 1:
            return NestedSlide(path, facts, mpp)
        return OpenSlideSlide(path, mpp, facts)
    if scanned is not None:
        return OpenSlideSlide(path, mpp)
    with open_image(path, path) as image:
        size = upright_size(image)
        if mpp is None:
            mpp = own_mpp(path, image_states(image, path), *size)
        profile = image.info.get("icc_profile")
    slide = ImageSlide(partial(decode_image, path, path), mpp, path, size)
    slide.icc_profile = profile
    return slide


def image_states(image: Image.Image, path: Path) -> list[Stated]:
    """What a plain image says of its scale: pHYs of PNG, JFIF or EXIF of JPEG, the tags of TIFF."""
    if image.format == "TIFF":
        from wsigen.slides.tiff import read_facts

        return list(read_facts(path).stated)
    dpi = image.info.get("dpi")
    if image.format == "JPEG" and image.info.get("jfif_unit") not in (1, 2):
        # Pillow makes 72 dpi of no word at all.
        dpi = dpi if X_RESOLUTION in image.getexif() else None
    if dpi is None:
        return []
    across, down = (25400 / dots if dots else float("inf") for dots in map(float, dpi))
    return [Stated(across, down, f"{dpi[0]:g} dpi of the image")]


def upright_size(image: Image.Image) -> tuple[int, int]:
    """(height, width) of a plain image as it is to be seen."""
    height, width = image.height, image.width
    return (width, height) if orientation(image) in ON_THEIR_SIDE else (height, width)


def orientation(image: Image.Image) -> int:
    """How a plain image lies in its file, 1 for upright; nothing is decoded. Pillow turns TIFFs by itself."""
    if image.format == "TIFF" or "exif" not in image.info:
        return 1
    exif = Image.Exif()  # image.getexif() would decode a whole PNG
    try:
        exif.load(image.info["exif"])
        return int(exif.get(ORIENTATION, 1))
    except (SyntaxError, ValueError, TypeError, KeyError, struct.error):
        return 1


def open_image(file: Path | IO[bytes], path: Path) -> Image.Image:
    """Open a plain image without decoding it yet; ``path`` is for messages.

    Raises:
        WsigenError: it is unreadable, too large, or its colours have no one meaning on a screen.
    """
    # Whole slides are larger than Pillow expects of honest images. (catch_warnings is not for threads.)
    warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
    try:
        image = Image.open(file)
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise unreadable(path, error) from error
    except Image.DecompressionBombError as error:
        raise WsigenError(
            f"{path}: too large for a plain image ({error}); "
            "make a tiled pyramid of it with `wsigen convert` first"
        ) from error
    if image.mode not in IN_COLOUR + DEEP_GREY:
        raise WsigenError(
            f"{path}: its pixels are {image.mode}, expected RGB or grey of 8 bits; export it as RGB"
        )
    if image.format == "TIFF" and isinstance(file, Path):
        from wsigen.slides.tiff import read_facts

        read_facts(file).check(path)
    return image


def decode_image(file: Path | IO[bytes], path: Path) -> Image.Image:
    """Decode a plain image as it is to be seen: upright, with 16 bits of grey brought to 8."""
    image = open_image(file, path)
    try:
        turn = UPRIGHT.get(orientation(image))
        image.load()
        if turn is not None:
            image = image.transpose(turn)
    except (OSError, SyntaxError, ValueError) as error:
        raise unreadable(path, error) from error
    if image.mode in DEEP_GREY:
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    return image
