"""TIFFs that OpenSlide opens without their coarser levels, or lying on their side: read by libvips.

QuPath and Bio-Formats hang the levels of an OME-TIFF on its page as SubIFDs, of which OpenSlide lists none, and
OpenSlide does not heed the orientation of a TIFF.
"""

import os
from pathlib import Path

import numpy as np
import pyvips
from PIL import Image

from wsigen.slides.scale import own_mpp
from wsigen.slides.seen import content_name
from wsigen.slides.slide import ON_THEIR_SIDE, WHITE, Slide, unreadable
from wsigen.slides.tiff import TiffFacts

ICC = "icc-profile-data"  # libvips' name of the colour profile


class NestedSlide(Slide):
    """A tiled TIFF whose coarser levels are SubIFDs of the first page.

    Args:
        path: of the file.
        facts: of `wsigen.slides.tiff.read_facts`.
        mpp: micrometres per pixel, where the caller knows them.
    """

    def __init__(self, path: Path, facts: TiffFacts, mpp: float | None = None) -> None:
        facts.check(path)
        self.path = path
        self.vendor = "generic-tiff"
        self.properties = {}
        turned = facts.orientation in ON_THEIR_SIDE
        self.levels = [(w, h) if turned else (h, w) for h, w in facts.levels]
        self._opened: dict[int, pyvips.Image] = {}
        self._process = os.getpid()
        self.mpp = own_mpp(path, facts.stated, *self.levels[0]) if mpp is None else mpp
        icc = self._level(0)
        self.icc_profile = icc.get(ICC) if ICC in icc.get_fields() else None

    def _level(self, level: int) -> pyvips.Image:
        """The image of a level, upright and in RGB; a forked process opens the file for itself."""
        if os.getpid() != self._process:
            self._opened, self._process = {}, os.getpid()
        if level not in self._opened:
            try:
                image = pyvips.Image.new_from_file(
                    # without fail_on, tiles that libvips cannot decode are black
                    str(self.path),
                    subifd=level - 1,
                    fail_on="error",
                    revalidate=True,
                )
                image = image.autorot().colourspace("srgb")
                if image.hasalpha():
                    image = image.flatten(background=255)
                self._opened[level] = image.cast("uchar")
            except pyvips.Error as error:
                raise unreadable(self.path, error) from error
        return self._opened[level]

    def _region(self, level: int, top: int, left: int, height: int, width: int) -> Image.Image:
        image = self._level(level)
        first_row, first_column = max(top, 0), max(left, 0)
        rows = min(top + height, image.height) - first_row
        columns = min(left + width, image.width) - first_column
        region = np.full((height, width, 3), WHITE, np.uint8)
        if rows > 0 and columns > 0:
            try:
                pixels = pyvips.Region.new(image).fetch(first_column, first_row, columns, rows)
            except pyvips.Error as error:
                raise unreadable(self.path, error) from error
            y, x = first_row - top, first_column - left
            shown = np.frombuffer(pixels, np.uint8).reshape(rows, columns, 3)
            region[y : y + rows, x : x + columns] = shown
        return Image.fromarray(region)

    def content_name(self) -> str | None:
        return content_name(self.path)

    def close(self) -> None:
        self._opened = {}
