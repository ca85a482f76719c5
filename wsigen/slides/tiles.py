"""Deep-zoom tiles of slides, as JPEG; the slides and tiles used last are kept in memory.

Level 0 is a single pixel, each level doubles the one before, and the last is the slide itself, as Deep Zoom counts.
"""

import io
import re
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from threading import Lock

import openslide
from openslide.deepzoom import DeepZoomGenerator

from wsigen.errors import WsigenError
from wsigen.slides.reader import open_image
from wsigen.slides.slide import on_white, unreadable

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
        # A slide dropped from the cache is closed by OpenSlide when the last thread lets go of it.
        self._opened = lru_cache(slides)(self._open_slide)
        self._opening = Lock()
        self._tile = lru_cache(tiles)(self._make_tile)

    def size(self, name: str) -> tuple[int, int]:
        """(height, width) of a slide in pixels. Raises WsigenError where the file is missing or damaged."""
        width, height = self._open(name).level_dimensions[-1]
        return height, width

    def tile(self, name: str, address: str) -> bytes | None:
        """The tile at ``address``, written as level/column_row.jpg; None where the slide has no such tile."""
        place = ADDRESS.fullmatch(address)
        if place is None:
            return None
        level, column, row = map(int, place.groups())
        slide = self._open(name)
        if level >= slide.level_count:
            return None
        columns, rows = slide.level_tiles[level]
        return self._tile(name, level, column, row) if column < columns and row < rows else None

    def _open(self, name: str) -> DeepZoomGenerator:
        with (
            self._opening
        ):  # a page asks for many tiles at once, and each slide shall be opened once
            return self._opened(name)

    def _open_slide(self, name: str) -> DeepZoomGenerator:
        path = self.path_of(name)
        try:
            slide = openslide.open_slide(path)
            if isinstance(slide, openslide.ImageSlide):
                # Pillow decodes an image when its first pixel is wanted, and not safely so for several threads.
                slide.close()
                image = open_image(path, path)
                image.load()
                slide = openslide.ImageSlide(on_white(image))
            return DeepZoomGenerator(slide, tile_size=self.tile_px, overlap=0)
        except (openslide.OpenSlideError, OSError) as error:
            raise unreadable(path, error) from error

    def _make_tile(self, name: str, level: int, column: int, row: int) -> bytes:
        try:
            tile = self._open(name).get_tile(level, (column, row))
        except openslide.OpenSlideError as error:
            self._opened.cache_clear()  # a handle that has failed once fails for ever
            raise WsigenError(f"{name}: a tile cannot be read ({error}); check the file") from error
        out = io.BytesIO()
        tile.save(
            out,
            "JPEG",
            quality=self.quality,
            subsampling=0,
            icc_profile=tile.info.get("icc_profile"),
        )
        return out.getvalue()
