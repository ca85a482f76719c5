"""Deep-zoom tiles of slides, as JPEG; the slides and tiles used last are kept in memory.

Level 0 is a single pixel, each level doubles the one before, and the last is the slide itself, as Deep Zoom counts.
Tiles are read as all else of a slide is. OpenSlide's generator of them would put the far end of a long, low slide
elsewhere at each level, see `findings`.
"""

import io
import re
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from threading import Lock

from PIL import Image

from wsigen.errors import WsigenError
from wsigen.slides.reader import open_slide
from wsigen.slides.slide import Slide

ADDRESS = re.compile(r"(\d{1,2})/(\d{1,6})_(\d{1,6})\.jpg", re.ASCII)  # level/column_row.jpg


class Tiles:
    """Tiles of many slides; safe to share between threads.

    Args:
        path_of: the file of a slide by its name.
        tile_px: side of a tile.
        quality: JPEG quality; the chroma keeps its full resolution.
        slides, tiles: how many to keep; a tile takes about 25 kB.
    """

    def __init__(
        self,
        path_of: Callable[[str], Path],
        *,
        tile_px: int = 256,
        quality: int = 85,
        slides: int = 64,
        tiles: int = 4096,
    ) -> None:
        self.path_of, self.tile_px, self.quality = path_of, tile_px, quality
        # A slide dropped from the cache is closed when the last thread lets go of it.
        self._opened = lru_cache(slides)(self._open_slide)
        self._opening = Lock()
        self._tile = lru_cache(tiles)(self._make_tile)

    def size(self, name: str) -> tuple[int, int]:
        """(height, width) of a slide in pixels. Raises WsigenError where the file is missing or damaged."""
        slide = self._open(name)
        return slide.height, slide.width

    def tile(self, name: str, address: str) -> bytes | None:
        """The tile at ``address``, written as level/column_row.jpg; None where the slide has no such tile."""
        place = ADDRESS.fullmatch(address)
        if place is None:
            return None
        level, column, row = map(int, place.groups())
        height, width = self.size(name)
        halvings = last_level(height, width) - level
        if halvings < 0:
            return None
        there = -(-height >> halvings) > row * self.tile_px
        there = there and -(-width >> halvings) > column * self.tile_px
        return self._tile(name, halvings, column, row) if there else None

    def _open(self, name: str) -> Slide:
        with (
            self._opening
        ):  # a page asks for many tiles at once, and each slide shall be opened once
            return self._opened(name)

    def _open_slide(self, name: str) -> Slide:
        slide = open_slide(
            self.path_of(name), mpp=1.0
        )  # places are pixels here, whatever they measure
        slide.load()  # Pillow decodes an image when its first pixel is wanted, and not safely so for several threads
        return slide

    def _make_tile(self, name: str, halvings: int, column: int, row: int) -> bytes:
        slide, side = self._open(name), self.tile_px
        top, left, zoom = row * side, column * side, 2**halvings
        height = min(side, -(-slide.height // zoom) - top)
        width = min(side, -(-slide.width // zoom) - left)
        try:
            pixels = slide.read(top, left, height, width, float(zoom))
        except WsigenError as error:
            self._opened.cache_clear()  # a handle that has failed once fails for ever
            raise WsigenError(f"{name}: a tile cannot be read ({error}); check the file") from error
        out = io.BytesIO()
        tile = Image.fromarray(pixels)
        tile.save(out, "JPEG", quality=self.quality, subsampling=0, icc_profile=slide.icc_profile)
        return out.getvalue()


def last_level(height: int, width: int) -> int:
    """The level that is the slide itself."""
    return (max(height, width) - 1).bit_length()
