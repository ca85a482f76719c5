"""The pyramid writer: pixels in order from the top, a tiled pyramidal BigTIFF out, in bounded memory.

libvips makes the levels and compresses the tiles while the rows arrive. It reads them as an uncompressed TIFF that
exists only as a stream (`wsigen.slides.feed`): a header, then the strips as the caller makes them. That costs one
copy in memory and no pass over the disk. libvips runs in a thread of its own, so that the caller's iterator, its
exceptions and Ctrl-C stay in the caller's thread.
"""

import errno
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import numpy as np
import openslide
import pyvips
import tifffile
from numpy.typing import NDArray

from wsigen.errors import WsigenError
from wsigen.slides.feed import Feed
from wsigen.slides.scale import Stated, checked_mpp, doubt
from wsigen.slides.slide import whole_downsamples

LARGEST_TILE_PX = 32768  # of libvips
STRIP_ROWS = 256  # rows handed over at a time when the whole array is there
ICC_RGB = (
    b"RGB "  # bytes 16 to 19 of a colour profile for RGB; one for grey means nothing to RGB pixels
)


def write_pyramid(
    path: str | Path,
    tiles_or_array: NDArray[np.uint8] | Iterable[NDArray[np.uint8]],
    mpp: float,
    *,
    height: int | None = None,
    width: int | None = None,
    description: dict[str, Any] | None = None,
    tile_px: int = 256,
    quality: int = 90,
    icc_profile: bytes | None = None,
    overwrite: bool = False,
) -> None:
    """Write an RGB image as a pyramidal BigTIFF that OpenSlide, tifffile and libvips open.

    Args:
        path: the file to write. It appears under this name only when it is whole.
        tiles_or_array: uint8 pixels, either an array or memmap (height, width, 3), or an iterable of strips
            (rows, width, 3) from top to bottom, of any number of rows each.
        mpp: micrometre per pixel of level 0.
        height, width: size of level 0 in pixels; needed with strips, checked with an array.
        description: kept as JSON in ImageDescription, see `read_description`.
        tile_px: side of the square tiles, a multiple of 16. Levels halve until one tile holds the last.
        quality: JPEG quality, 1 to 100. From 90 on the chroma keeps its full resolution (4:4:4).
        icc_profile: what the colours mean; kept where it is a profile of RGB.
        overwrite: replace an existing file.

    Memory is a few strips and, inside libvips, two rows of tiles per level. The finished tiles of the smaller levels
    (a third of the file) wait in the system's temporary folder.

    Raises:
        WsigenError: wrong size, type or option; an existing file; a full disk.
    """
    path = Path(path)
    if isinstance(tiles_or_array, np.ndarray):
        array = tiles_or_array
        if array.ndim != 3 or (height or array.shape[0], width or array.shape[1], 3) != array.shape:
            raise WsigenError(f"expected an array (height, width, 3), found {array.shape}")
        height, width = array.shape[:2]
        tiles_or_array = (array[top : top + STRIP_ROWS] for top in range(0, height, STRIP_ROWS))
    elif height is None or width is None:
        raise WsigenError("strips come without a size: give height and width in pixels")
    else:
        # The maker of the strips may reuse its buffer while libvips still reads the last one.
        tiles_or_array = map(np.array, tiles_or_array)
    if height < 1 or width < 1:
        raise WsigenError(f"an image has at least one pixel, found {height} x {width}")
    checked_mpp(mpp)
    if doubt(Stated(mpp, mpp, "asked for"), height, width):
        # Readers that doubt such a scale find it confirmed.
        description = {"mpp": mpp, **(description or {})}
    if not 16 <= tile_px <= LARGEST_TILE_PX or tile_px % 16 or not 1 <= quality <= 100:
        raise WsigenError(
            f"tile_px is a multiple of 16 up to {LARGEST_TILE_PX} and quality 1 to 100, found {tile_px} and {quality}"
        )
    if not path.parent.is_dir():
        raise WsigenError(f"the folder {path.parent} does not exist: create it first")
    check_output(path, overwrite=overwrite)

    pixels_per_mm = 1000 / mpp
    options = {
        "bigtiff": True,
        "pyramid": True,
        "depth": "onetile",
        "tile": True,
        "tile_width": tile_px,
        "tile_height": tile_px,
        "compression": "jpeg",
        "Q": quality,  # libvips keeps the chroma whole from 90 on
        "resunit": "cm",
        "xres": pixels_per_mm,
        "yres": pixels_per_mm,
    }
    text = None if description is None else json.dumps(description)
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    feed = Feed(height, width)
    try:
        with ThreadPoolExecutor(1) as pool:
            job = pool.submit(_encode, feed, partial, text, icc_profile, options)
            try:
                for strip in _checked(tiles_or_array, height, width):
                    feed.put(strip)
                job.result()
            finally:
                feed.stop()
        _right_resolutions(partial)
        os.replace(partial, path)
    except pyvips.Error as error:
        raise _write_error(error, path, partial, feed.fraction) from error
    finally:
        partial.unlink(missing_ok=True)


def check_output(path: str | Path, *, overwrite: bool = False) -> None:
    """Raise WsigenError where an output exists: worth asking before hours of work, too."""
    path = Path(path)
    if path.is_dir():
        raise WsigenError(f"{path} is a folder: give the name of a file")
    if path.exists() and not overwrite:
        raise WsigenError(f"{path} exists: choose another name or use --overwrite")


def opens_as_slide(path: str | Path) -> bool:
    """Whether OpenSlide knows the format of a file; it does not know plain images."""
    try:
        return openslide.OpenSlide.detect_format(path) is not None
    except openslide.OpenSlideError:
        return False


def read_description(path: str | Path) -> dict[str, Any] | None:
    """The JSON object in a slide's ImageDescription, or None when there is none.

    Raises WsigenError when OpenSlide cannot read the file.
    """
    try:
        with openslide.OpenSlide(path) as slide:
            properties = dict(slide.properties)
    except (openslide.OpenSlideError, OSError) as error:
        raise WsigenError(f"{path} is not a slide that OpenSlide can read: {error}") from error
    for name in ("tiff.ImageDescription", "openslide.comment"):
        try:
            found = json.loads(properties.get(name, ""))
        except ValueError:
            continue
        if isinstance(found, dict):
            return found
    return None


def _checked(
    strips: Iterable[NDArray[np.uint8]], height: int, width: int
) -> Iterator[NDArray[np.uint8]]:
    rows = 0
    for strip in strips:
        if strip.dtype != np.uint8 or strip.ndim != 3 or strip.shape[1:] != (width, 3):
            raise WsigenError(
                f"expected uint8 strips (rows, {width}, 3), found {strip.dtype} {strip.shape} at row {rows}"
            )
        rows += len(strip)
        if rows > height:
            raise WsigenError(f"expected {height} rows, found at least {rows}")
        yield strip
    if rows < height:
        raise WsigenError(f"expected {height} rows, found {rows}")


def _encode(
    feed: Feed, partial: Path, text: str | None, icc_profile: bytes | None, options: dict[str, Any]
) -> None:
    try:
        source = pyvips.SourceCustom()
        source.on_read(feed.read)
        source.on_seek(feed.seek)
        image = pyvips.Image.tiffload_source(source, access="sequential", fail_on="truncated")
        if text is not None:
            image = image.copy()
            image.set_type(pyvips.GValue.gstr_type, "image-description", text)
        if icc_profile is not None and icc_profile[16:20] == ICC_RGB:
            image = image.copy()
            image.set_type(pyvips.GValue.blob_type, "icc-profile-data", icc_profile)
        image.tiffsave(str(partial), **options)
    finally:
        feed.stop()


def _right_resolutions(path: Path) -> None:
    """Give the pages of the smaller levels their own resolution, in place: libvips repeats that of level 0."""
    with tifffile.TiffFile(path, mode="r+") as tiff:
        pages = [cast(tifffile.TiffPage, page) for page in tiff.pages]
        scales = whole_downsamples([(page.imagelength, page.imagewidth) for page in pages])
        for page, scale in zip(pages[1:], (scales or [])[1:], strict=False):
            for name in ("XResolution", "YResolution"):
                dots, units = page.tags[name].value
                page.tags[name].overwrite(_rational(dots / units / scale))


def _rational(value: float) -> tuple[int, int]:
    """Numerator and denominator below 2^32, as a tag of TIFF holds them."""
    found = Fraction(value).limit_denominator(max(1, min(10**6, int((2**32 - 1) / max(value, 1)))))
    return found.numerator, found.denominator


def _write_error(error: pyvips.Error, path: Path, partial: Path, done: float) -> WsigenError:
    """The first cause in libvips' many lines; for a full disk, how much room it would have taken."""
    lines = str(error).splitlines()
    causes = [line for line in lines if line.startswith("system error:")] or lines
    cause = causes[0].removeprefix("system error:").strip()
    if cause != os.strerror(errno.ENOSPC):
        return WsigenError(f"{path} could not be written: {cause}")
    # Level 0 is written as it comes, the smaller levels wait elsewhere: a third of it.
    written = partial.stat().st_size if partial.exists() else 0
    needed = f"at least about {4 / 3 * written / done / 1e6:.1f} MB" if done else "more"
    free = {
        folder: (shutil.disk_usage(folder).free + (written if folder == path.parent else 0)) / 1e6
        for folder in (path.parent, Path(tempfile.gettempdir()))
    }
    room = " and ".join(f"{megabytes:.1f} MB in {folder}" for folder, megabytes in free.items())
    return WsigenError(f"the disk is full: {path} needs {needed}, and {room} were free: make room")
