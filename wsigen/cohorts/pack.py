"""Write a cohort into one file, from which `wsigen.cohorts.packed` reads the same patches.

Three ways were weighed:

1. The training patches themselves, drawn once. Nothing is simpler to read, but every patch is one of finitely many
   scales and places, and a change of patch size or seed wants a new pack.
2. Every level of every slide as lossless blocks. Any patch can be read, but a JPEG grows tenfold: the five HER2ST
   sections of 19 MB become several hundred.
3. What came as a plain image stays as it came, its data byte for byte but without what its head says of people
   (`wsigen.cohorts.bare`), and its levels are made by the reader as ever; what only OpenSlide can decode becomes
   lossless blocks of its levels. This is what is done: patches are equal to the last bit, and the pack of a cohort of
   plain images is as large as its files. (A JPEG is decoded by the Pillow at hand, from a pack as from a folder;
   another release of its decoder may round differently, in both.)

Glass is kept too, since one patch in ten may lie anywhere. Lossless blocks of whole slides are large (about 1 byte
per pixel): ``mpp_min`` leaves out levels finer than training wants, and ``quality`` writes the others as JPEG and only
where tissue is, with flat glass around. With ``quality`` patches differ from the slide's.

Where a cohort has to fit into a few megabytes, `wsigen.cohorts.cut` takes parts of its slides, which are packed as
plain images: of all slides something, at all scales that they show.
"""

import hashlib
import json
import os
import zipfile
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from wsigen import __version__
from wsigen.cohorts.bare import bare_bytes
from wsigen.cohorts.cut import cut
from wsigen.cohorts.entry import Entry
from wsigen.cohorts.packed import FORMAT
from wsigen.cohorts.patches import Source
from wsigen.errors import WsigenError
from wsigen.slides.reader import ImageSlide
from wsigen.slides.slide import BLOCK_PX, SCALE_TOLERANCE, Slide, blocks
from wsigen.slides.tissue import Tissue

PACK = (".pack",)
# Of a zip archive; with one date the same cohort gives the same bytes.
EARLIEST = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class Packing:
    """One slide packed, of ``total``, into ``size`` bytes."""

    done: int
    total: int
    path: Path
    size: int


def write_pack(
    entries: Sequence[Entry],
    out: Path,
    *,
    quality: int | None = None,
    mpp_min: float = 0.0,
    cut_px: float | None = None,
    overwrite: bool = False,
) -> Iterator[Packing]:
    """Pack the slides of a cohort into the file ``out``, yielding after each.

    Args:
        entries: of `read_cohort`.
        out: appears under this name only when it is whole.
        quality: of JPEG, 1 to 100, for slides (never for plain images); by default they are kept without loss.
        mpp_min: leave out the levels of slides that patches of this scale and coarser do not need.
        cut_px: keep of a slide of side s no more than s x cut_px pixels, as WebP of ``quality``; see
            `wsigen.cohorts.cut`.
        overwrite: replace an existing file.

    Raises:
        WsigenError: ``out`` exists, or a slide cannot be read.
    """
    if out.is_dir() or (out.exists() and not overwrite):
        raise WsigenError(f"{out} exists: choose another name or use --overwrite")
    if not out.absolute().parent.is_dir():
        raise WsigenError(f"the folder {out.parent} does not exist: create it first")
    if cut_px is not None and quality is None:
        raise WsigenError("parts of slides are written with loss: choose a quality (60 is fair)")
    if any(entry.opener for entry in entries):
        raise WsigenError("the cohort is a pack already; give the slides it was packed from")
    numbers = {case: n for n, case in enumerate(dict.fromkeys(entry.case for entry in entries), 1)}
    part = out.with_name(f".{out.name}.{os.getpid()}.part")
    pool = ThreadPoolExecutor(os.cpu_count())
    try:
        with zipfile.ZipFile(part, "w") as archive:
            slides = list[dict[str, Any]]()
            opened = pool.map(lambda entry: Source.of(entry.open(), entry.case), entries)
            for done, (entry, source) in enumerate(zip(entries, opened, strict=True)):
                begin = archive.start_dir
                if cut_px is None:
                    found = [
                        _pack_slide(archive, len(slides), entry, source, pool, quality, mpp_min)
                    ]
                else:
                    found = _pack_parts(
                        archive, len(slides), entry, source, quality, mpp_min, cut_px
                    )
                # names of files and cases are names of patients, and a pack goes out
                name = f"{done:03d}{entry.path.suffix.lower()}"
                case = f"case-{numbers[entry.case]:03d}"
                slides += [{"path": name, "case": case, **about} for about in found]
                yield Packing(done + 1, len(entries), entry.path, archive.start_dir - begin)
            index = {
                "format": FORMAT,
                "made_by": f"wsigen {__version__}",
                "quality": quality,
                "mpp_min": mpp_min,
                "cut_px": cut_px,
                "block_px": BLOCK_PX,
                "slides": slides,
            }
            _add(archive, "index.json", json.dumps(index, indent=1).encode())
        os.replace(part, out)
    finally:
        pool.shutdown(cancel_futures=True)
        part.unlink(missing_ok=True)


def _pack_slide(
    archive: zipfile.ZipFile,
    number: int,
    entry: Entry,
    source: Source,
    pool: Executor,
    quality: int | None,
    mpp_min: float,
) -> dict[str, Any]:
    with source.slide as slide:
        about = _about(archive, number, entry, slide, source.tissue)
        if isinstance(slide, ImageSlide):
            _add(archive, f"{number:03d}/image", bare_bytes(entry.path))
            return about | {"kind": "image"}
        downsamples = [slide._downsample(level) for level in range(len(slide.levels))]
        fits = [scale * slide.mpp <= mpp_min * (1 + SCALE_TOLERANCE) for scale in downsamples]
        first = max(sum(fits) - 1, 0)  # the coarsest level that patches of mpp_min are made from
        for level in range(first, len(slide.levels)):
            _pack_level(archive, number, level, source, pool, quality)
        glass = np.full(3, 255) if source.white is None else np.round(source.white)
        return about | {
            "kind": "blocks",
            "levels": slide.levels,
            "downsamples": downsamples,
            "first_level": first,
            "glass": [int(value) for value in glass],
        }


def _pack_parts(
    archive: zipfile.ZipFile,
    number: int,
    entry: Entry,
    source: Source,
    quality: int | None,
    mpp_min: float,
    cut_px: float,
) -> list[dict[str, Any]]:
    found = list[dict[str, Any]]()
    with source.slide as slide:
        for part in cut(slide, mpp_min, cut_px):
            size = {"mpp": part.mpp, "height": part.height, "width": part.width}
            about = _about(archive, number + len(found), entry, slide, part.tissue) | size
            data = BytesIO()
            Image.fromarray(part.read(slide)).save(data, "WEBP", quality=quality, method=6)
            _add(archive, f"{number + len(found):03d}/image", data.getvalue())
            found.append(about | {"kind": "image"})
    return found


def _about(
    archive: zipfile.ZipFile, number: int, entry: Entry, slide: Slide, tissue: Tissue
) -> dict[str, Any]:
    """Pack where a slide's tissue lies; return what the index says of it."""
    _add(archive, f"{number:03d}/tissue.png", _png(tissue.mask))
    if tissue.filled is not None:
        _add(archive, f"{number:03d}/fill.png", _png(tissue.filled))
    return {
        "split": entry.split,
        "cohort": entry.cohort,
        "licence": entry.licence,
        "organ": entry.organ,
        "mpp_source": entry.mpp_source,
        "mpp": slide.mpp,
        "height": slide.height,
        "width": slide.width,
        "tissue_mpp": tissue.mpp,
        "white": None if tissue.white is None else [float(value) for value in tissue.white],
        "sha256": _sha256(entry.path),
        "vendor": slide.vendor,
    }


def _pack_level(
    archive: zipfile.ZipFile,
    number: int,
    level: int,
    source: Source,
    pool: Executor,
    quality: int | None,
) -> None:
    size = source.slide.levels[level]
    wanted = None if quality is None else _near_tissue(source, size)
    for _, in_row in groupby(blocks(0, 0, *size), key=itemgetter(0)):  # a row at a time is held
        places = [place for place in in_row if wanted is None or wanted[place]]
        encode = partial(_encoded, source.slide, level, quality)
        for (row, column), data in zip(places, pool.map(encode, places), strict=True):
            _add(archive, f"{number:03d}/level-{level}/{row}-{column}", data)


def _encoded(slide: Slide, level: int, quality: int | None, place: tuple[int, int]) -> bytes:
    """The block at (row, column) of a level as WebP without loss, or as JPEG."""
    row, column = place
    block = slide._region(level, row * BLOCK_PX, column * BLOCK_PX, BLOCK_PX, BLOCK_PX)
    data = BytesIO()
    if quality is None:
        block.save(data, "WEBP", lossless=True, method=4)
    else:
        block.save(data, "JPEG", quality=quality, subsampling=0 if quality >= 90 else 2)
    return data.getvalue()


def _near_tissue(source: Source, size: tuple[int, int]) -> NDArray[np.bool_]:
    """Which blocks of a level of ``size`` show tissue or have a neighbour that does, shape (rows, columns)."""
    rows, columns = (-(-side // BLOCK_PX) for side in size)
    spots = source.spots / source.mask.shape * size / BLOCK_PX
    found = np.zeros((rows + 2, columns + 2), np.bool_)
    row, column = np.minimum(spots.astype(int), (rows - 1, columns - 1)).T
    for down in range(3):
        for across in range(3):
            found[row + down, column + across] = True
    return found[1:-1, 1:-1]


def _add(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    archive.writestr(zipfile.ZipInfo(name, EARLIEST), data)


def _png(plane: NDArray[np.bool_]) -> bytes:
    data = BytesIO()
    Image.fromarray(plane).save(data, "PNG")
    return data.getvalue()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
