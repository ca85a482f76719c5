"""Read a packed cohort: one file from which patches come as from the slides, without OpenSlide, libvips or scipy.

A pack is an uncompressed zip archive, which any tool opens:

    index.json               what `wsigen.cohorts.pack` wrote about each slide, and where its tissue lies
    000/tissue.png           the mask of slide 0
    000/fill.png             where its scanner filled in black, if it did
    000/image                a plain image: the bytes of its file
    001/level-2/3-7          a slide: block 3, 7 (row, column) of its level 2, as WebP or JPEG

The archive is mapped into memory, not read: the system keeps what is in use, and processes share it.
"""

import json
import mmap
import struct
import zipfile
from functools import lru_cache, partial
from io import BytesIO
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from wsigen.errors import WsigenError
from wsigen.slides.reader import ImageSlide, decode_image
from wsigen.slides.slide import BLOCK_PX, WHITE, Slide, blocks, on_white
from wsigen.slides.tissue import Tissue

FORMAT = "wsigen-pack-1"
CACHED_BLOCKS = 64  # decoded blocks kept per slide: 12 MB


class Pack:
    """An open pack.

    Args:
        path: a file that `wsigen pack` wrote.

    Raises:
        WsigenError: it is no pack, or not a whole one.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with zipfile.ZipFile(path) as archive:
                self._members = {member.filename: member for member in archive.infolist()}
            with path.open("rb") as file:
                self._bytes = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            index = json.loads(self.read("index.json"))
            found = index.get("format")
        except (zipfile.BadZipFile, OSError, ValueError, KeyError, AttributeError) as error:
            raise WsigenError(
                f"{path}: not a whole pack ({error}); copy or pack it again"
            ) from error
        if found != FORMAT:
            raise WsigenError(
                f"{path}: a pack of format {found!r}, expected {FORMAT!r}; pack the cohort again"
            )
        self.slides: list[dict[str, Any]] = index["slides"]
        self.mpp_min: float = index["mpp_min"]

    def __contains__(self, name: str) -> bool:
        return name in self._members

    def read(self, name: str) -> bytes:
        """The bytes of a member, its checksum compared.

        The archive's directory says where a member's header begins; its content follows the name in there.
        """
        member = self._members[name]
        start = member.header_offset
        name_length, extra_length = struct.unpack("<HH", self._bytes[start + 26 : start + 30])
        start += 30 + name_length + extra_length
        data = self._bytes[start : start + member.file_size]
        if crc32(data) != member.CRC:
            raise WsigenError(f"{self.path}: {name} is damaged; copy or pack it again")
        return data

    def open(self, number: int) -> Slide:
        """Open slide ``number`` of the pack."""
        about = self.slides[number]
        path = self.path / about["path"]
        slide: Slide
        if about["kind"] == "image":
            size = (about["height"], about["width"])
            slide = ImageSlide(partial(self._image, number, path), about["mpp"], path, size)
        else:
            slide = PackedSlide(self, number)
        white = about["white"]
        fill = f"{number:03d}/fill.png"
        slide.tissue = Tissue.of(
            self._plane(f"{number:03d}/tissue.png"),
            about["tissue_mpp"],
            None if white is None else np.asarray(white, np.float32),
            self._plane(fill) if fill in self else None,
        )
        return slide

    def _plane(self, name: str) -> NDArray[np.bool_]:
        return np.asarray(Image.open(BytesIO(self.read(name))), np.bool_)

    def _image(self, number: int, path: Path) -> Image.Image:
        """Decode the plain image that is slide ``number``."""
        return decode_image(BytesIO(self.read(f"{number:03d}/image")), path)


class PackedSlide(Slide):
    """A slide whose levels lie in a pack, in blocks of ``BLOCK_PX``; a block that was left out is flat glass."""

    def __init__(self, pack: Pack, number: int) -> None:
        about = pack.slides[number]
        self.path = pack.path / about["path"]
        self.mpp = about["mpp"]
        self.vendor = about["vendor"]
        self.properties = {}
        self.levels = [(height, width) for height, width in about["levels"]]
        self._downsamples: list[float] = about["downsamples"]
        self._first: int = about["first_level"]
        self._glass = tuple(about["glass"])
        self._name = f"{number:03d}/level-{{}}/{{}}-{{}}"
        self._pack = pack
        self._block = lru_cache(CACHED_BLOCKS)(partial(_decode, pack, self._name))

    def _downsample(self, level: int) -> float:
        return self._downsamples[level]

    def _region(self, level: int, top: int, left: int, height: int, width: int) -> Image.Image:
        if level < self._first:
            raise WsigenError(
                f"{self.path}: packed for {self._pack.mpp_min:g} um/px and coarser, and asked for finer; "
                f"train with --mpp-min {self._pack.mpp_min:g}, or pack again with a lower --mpp-min"
            )
        region = Image.new("RGB", (width, height), WHITE)
        rows, columns = self.levels[level]
        for row, column in blocks(top, left, height, width, (rows, columns)):
            block_top, block_left = row * BLOCK_PX, column * BLOCK_PX
            block = self._block(level, row, column)
            if block is None:
                size = (min(BLOCK_PX, columns - block_left), min(BLOCK_PX, rows - block_top))
                block = Image.new("RGB", size, self._glass)
            region.paste(block, (block_left - left, block_top - top))
        return region


def _decode(pack: Pack, name: str, level: int, row: int, column: int) -> Image.Image | None:
    name = name.format(level, row, column)
    return on_white(Image.open(BytesIO(pack.read(name)))) if name in pack else None
