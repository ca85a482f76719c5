"""Slides that OpenSlide opens: SVS, NDPI, MRXS, tiled TIFF, DICOM.

OpenSlide says (x, y) and (width, height); it is turned round here and nowhere else.
"""

import math
from pathlib import Path

import openslide
from PIL import Image

from wsigen.slides.scale import Stated, own_mpp
from wsigen.slides.slide import (
    BLOCK_PX,
    WHITE,
    Slide,
    blocks,
    on_white,
    unreadable,
)

PLAIN_TIFF = "generic-tiff"  # OpenSlide's word for a tiled TIFF of no scanner that it knows


def is_scanned(path: Path) -> bool:
    """Whether OpenSlide knows the format; it does not know plain images."""
    try:
        return openslide.OpenSlide.detect_format(path) is not None
    except openslide.OpenSlideError as error:
        raise unreadable(path, error) from error


class OpenSlideSlide(Slide):
    """A file that OpenSlide opens.

    A level whose downsample is no whole number (2.0017, where 1501 px were halved) has no pixels at the places that
    OpenSlide is asked for, and it interpolates, differently for every window. Such a level is read in blocks at fixed
    places, so that its pixels are the same from whichever window they are read.
    """

    def __init__(self, path: Path, mpp: float | None = None) -> None:
        self.path = path
        try:
            self._file = openslide.OpenSlide(path)
        except (openslide.OpenSlideError, OSError) as error:
            raise unreadable(path, error) from error
        self.properties = dict(self._file.properties)
        self.vendor = self.properties.get(openslide.PROPERTY_NAME_VENDOR, "unknown")
        self.levels = [(height, width) for width, height in self._file.level_dimensions]
        self.mpp = self._own_mpp() if mpp is None else mpp

    def _own_mpp(self) -> float:
        stated = []
        across = self.properties.get(openslide.PROPERTY_NAME_MPP_X)
        down = self.properties.get(openslide.PROPERTY_NAME_MPP_Y)
        if self.vendor == PLAIN_TIFF:
            from wsigen.slides.tiff import read_facts

            stated = list(read_facts(self.path).stated)
        elif across is not None or down is not None:
            where = f"as {self.vendor} writes it"
            stated = [Stated(_number(across), _number(down), where)]
        power = _number(self.properties.get(openslide.PROPERTY_NAME_OBJECTIVE_POWER))
        return own_mpp(self.path, stated, self.height, self.width, power)

    def _downsample(self, level: int) -> float:
        return float(self._file.level_downsamples[level])

    def _region(self, level: int, top: int, left: int, height: int, width: int) -> Image.Image:
        if self._downsample(level).is_integer():
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

    def close(self) -> None:
        self._file.close()


def _number(text: str | None) -> float:
    """The number in a property; no number (NaN) where there is none."""
    try:
        return float(text or "nan")
    except ValueError:
        return math.nan
