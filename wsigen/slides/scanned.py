"""Slides that OpenSlide opens: SVS, NDPI, MRXS, tiled TIFF, DICOM.

OpenSlide says (x, y) and (width, height); it is turned round here and nowhere else.
"""

import math
from functools import cached_property
from pathlib import Path

import openslide
from PIL import Image

from wsigen.slides.scale import Stated, own_mpp
from wsigen.slides.seen import content_name
from wsigen.slides.slide import (
    BLOCK_PX,
    WHITE,
    Slide,
    blocks,
    on_white,
    unreadable,
    whole_downsamples,
)
from wsigen.slides.tiff import TiffFacts

PLAIN_TIFF = "generic-tiff"  # OpenSlide's word for a tiled TIFF of no scanner that it knows
DICOM = "dicom"
SEVERAL_FILES = (
    DICOM,
    "hamamatsu",
    "mirax",
)  # formats whose slides may be more than the file opened


def scanned_format(path: Path) -> str | None:
    """What OpenSlide calls the format; None where it does not know it, as plain images."""
    try:
        found: str | None = openslide.OpenSlide.detect_format(path)
        return found
    except openslide.OpenSlideError as error:
        raise unreadable(path, error) from error


class OpenSlideSlide(Slide):
    """A file that OpenSlide opens.

    A level whose downsample is no whole number (2.0017, where 1501 px were halved) has no pixels at the places that
    OpenSlide is asked for, and it interpolates, differently for every window. Such a level is read in blocks at fixed
    places, so that its pixels are the same from whichever window they are read.
    """

    def __init__(
        self, path: Path, mpp: float | None = None, facts: TiffFacts | None = None
    ) -> None:
        if facts is not None:
            facts.check(path)
        self.path = path
        try:
            self._file = openslide.OpenSlide(path)
        except (openslide.OpenSlideError, OSError) as error:
            raise unreadable(path, error) from error
        self.properties = dict(self._file.properties)
        self.vendor = self.properties.get(openslide.PROPERTY_NAME_VENDOR, "unknown")
        self.levels = [(height, width) for width, height in self._file.level_dimensions]
        self.mpp = self._own_mpp(facts) if mpp is None else mpp

    def _own_mpp(self, facts: TiffFacts | None) -> float:
        stated: list[Stated] = []
        across = self.properties.get(openslide.PROPERTY_NAME_MPP_X)
        down = self.properties.get(openslide.PROPERTY_NAME_MPP_Y)
        if facts is not None:
            stated = list(facts.stated)
        elif across is not None or down is not None:
            where = f"as {self.vendor} writes it"
            # the standard demands it of every DICOM slide, and knows overviews
            confirmed = self.vendor == DICOM
            stated = [Stated(_number(across), _number(down), where, confirmed=confirmed)]
        power = _number(self.properties.get(openslide.PROPERTY_NAME_OBJECTIVE_POWER))
        return own_mpp(self.path, stated, self.height, self.width, power)

    @cached_property
    def _scales(self) -> list[float]:
        """OpenSlide infers them from the sizes, and is some pixels off at the far edge of levels that were halved."""
        return whole_downsamples(self.levels) or list(map(float, self._file.level_downsamples))

    @property
    def icc_profile(self) -> bytes | None:  # type: ignore[override]  # read when it is asked for
        profile = self._file.color_profile
        return None if profile is None else bytes(profile.tobytes())

    def _region(self, level: int, top: int, left: int, height: int, width: int) -> Image.Image:
        if float(self._file.level_downsamples[level]).is_integer():
            return self._read(level, top, left, height, width)
        region = Image.new("RGB", (width, height), WHITE)
        for row, column in blocks(top, left, height, width, self.levels[level]):
            block_top, block_left = row * BLOCK_PX, column * BLOCK_PX
            block = self._read(level, block_top, block_left, BLOCK_PX, BLOCK_PX)
            region.paste(block, (block_left - left, block_top - top))
        return region

    def _read(self, level: int, top: int, left: int, height: int, width: int) -> Image.Image:
        scale = self._file.level_downsamples[level]
        corner = (round(left * scale), round(top * scale))
        try:
            region = self._file.read_region(corner, level, (width, height))
        except openslide.OpenSlideError as error:
            raise unreadable(self.path, error) from error
        return on_white(region)

    def content_name(self) -> str | None:
        if self.vendor in SEVERAL_FILES:
            quick = self.properties.get(openslide.PROPERTY_NAME_QUICKHASH1)
            return quick and f"{self.vendor}-{quick}"
        return content_name(self.path)

    def close(self) -> None:
        self._file.close()


def _number(text: str | None) -> float:
    """The number in a property; no number (NaN) where there is none."""
    try:
        return float(text or "nan")
    except ValueError:
        return math.nan
