"""What a TIFF says of itself in its tags, its OME-XML and its descriptions, beyond what OpenSlide reads.

A TIFF holds pixels in many layouts, and libraries disagree about the rarer ones: bands in pages of their own (read as
grey by all that read the first page), stacks, ink colours, float numbers. What has no one reading as RGB is refused
in one line. Scales stand in many places, and each kind of program fills its own: OME-XML (QuPath, Bio-Formats), a unit
in the description of ImageJ, the resolution tags (libvips, scanners), a JSON description (wsigen).
"""

import json
import logging
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import tifffile

from wsigen.errors import WsigenError
from wsigen.slides.scale import Stated
from wsigen.slides.slide import unreadable

MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
UM_OF_UNIT = {
    "pm": 1e-6, "angstrom": 1e-4, "nm": 1e-3, "um": 1.0, "micron": 1.0, "microns": 1.0, "micrometer": 1.0,
    "mm": 1e3, "cm": 1e4, "m": 1e6, "inch": 25400.0, "in": 25400.0,
}  # fmt: skip
UM_OF_RESOLUTION_UNIT = {2: 25400.0, 3: 10000.0}  # inch and centimetre; 1 is no unit


PHOTOMETRIC = {0: "grey", 1: "grey", 2: "RGB", 3: "palette", 6: "YCbCr"}  # what is read alike
ALPHA = (1, 2)  # of the tag ExtraSamples; 0 says nothing of what the samples are
DIMENSION = {"C": "channels", "Z": "focal planes", "T": "times", "S": "samples"}


@dataclass(frozen=True)
class TiffFacts:
    """What is known of a TIFF.

    Args:
        stated: every scale it states, most trustworthy first.
        trouble: why its pixels cannot be read as one image in RGB; empty where they can.
        levels: (height, width) of the level and the coarser ones that hang on it as SubIFDs.
        orientation: 1 is upright.
    """

    stated: tuple[Stated, ...]
    trouble: str = ""
    levels: tuple[tuple[int, int], ...] = ()
    orientation: int = 1

    def check(self, path: Path) -> None:
        """Raise WsigenError where the pixels cannot be read."""
        if self.trouble:
            raise WsigenError(
                f"{path}: {self.trouble}; expected one image in colour, export it as interleaved RGB of 8 bits"
            )


def is_tiff(path: Path) -> bool:
    """Whether a file begins as TIFF or BigTIFF does."""
    with path.open("rb") as file:
        return file.read(4) in MAGIC


def read_facts(path: Path) -> TiffFacts:
    """Read the facts of a TIFF; no pixels are touched.

    Raises:
        WsigenError: its directory is damaged.
    """
    logging.getLogger("tifffile").setLevel(logging.CRITICAL)  # what matters is told below
    try:
        with tifffile.TiffFile(path) as tiff:
            page = tiff.pages.first
            description = page.description
            stated = [
                *_from_ome(description),
                *_from_imagej(description, page),
                *_from_resolution(page, _own_word(description)),
            ]
            turned = page.tags.get("Orientation")
            return TiffFacts(
                tuple(stated),
                _trouble(tiff, page),
                _levels(page),
                int(turned.value) if turned else 1,
            )
    except (tifffile.TiffFileError, OSError, ValueError, IndexError, KeyError, TypeError) as error:
        raise unreadable(path, error) from error


def _trouble(tiff: Any, page: Any) -> str:
    series = tiff.series[0]
    for axis, count in zip(series.axes, series.shape, strict=True):
        if axis not in "YXS" and count > 1:
            what = DIMENSION.get(axis, "images of one size")
            return f"it has {count} {what} in pages (axes {series.axes})"
    if page.photometric not in PHOTOMETRIC:
        return f"its colours are {getattr(page.photometric, 'name', page.photometric)}"
    samples, extra = page.samplesperpixel, tuple(page.extrasamples)
    if samples - len(extra) not in (1, 3) or len(extra) > 1 or not set(extra) <= set(ALPHA):
        return f"it has {samples} samples a pixel"
    if page.dtype is None or page.dtype.kind != "u" or page.bitspersample > 16:
        return f"its samples are {page.dtype}"
    return ""


def _levels(page: Any) -> tuple[tuple[int, int], ...]:
    """(height, width) of a page and of the SubIFDs that are coarser copies of it."""
    levels = [(int(page.imagelength), int(page.imagewidth))]
    for sub in page.pages or ():
        size = (int(sub.imagelength), int(sub.imagewidth))
        if max(size) < 1 or size[0] > levels[-1][0] or size[1] > levels[-1][1]:
            break
        levels.append(size)
    return tuple(levels)


def um_of_unit(unit: str) -> float | None:
    """Micrometres in a unit of length as people spell it, or None for another word, such as pixel."""
    plain = unit.strip().replace("\\u00B5", "u").replace("\xb5", "u").replace("\u03bc", "u")
    return UM_OF_UNIT.get(plain.lower())


def _from_ome(description: str) -> list[Stated]:
    """PhysicalSizeX and Y of the first image, whose unit has to be said."""
    if "<OME" not in description[:4000]:
        return []
    try:
        root = ElementTree.fromstring(description.strip("\0 \r\n"))
    except ElementTree.ParseError:
        return []
    pixels = next((one for one in root.iter() if one.tag.rpartition("}")[2] == "Pixels"), None)
    if pixels is None:
        return []
    sides = []
    words = []
    for axis in "XY":
        size, unit = pixels.get(f"PhysicalSize{axis}"), pixels.get(f"PhysicalSize{axis}Unit")
        if size is None:
            return []
        um = um_of_unit(unit) if unit is not None else None
        sides.append(_number(size) * um if um else math.nan)
        words.append(f"{size} {unit or 'without a unit'}")
    said = "" if all(map(math.isfinite, sides)) else " x ".join(dict.fromkeys(words))
    return [Stated(sides[0], sides[1], "OME-XML", said)]


def _from_imagej(description: str, page: Any) -> list[Stated]:
    """ImageJ counts pixels per ``unit`` of its description in the resolution tags."""
    if not description.startswith("ImageJ="):
        return []
    unit = re.search(r"^unit=(.*)$", description, re.MULTILINE)
    um = um_of_unit(unit[1]) if unit else None
    if um is None:
        return []
    across, down = _per_pixel(page, um)
    return [Stated(across, down, "the unit of ImageJ")]


def _from_resolution(page: Any, own: float | None) -> list[Stated]:
    unit = page.tags.get("ResolutionUnit")
    um = UM_OF_RESOLUTION_UNIT.get(int(unit.value) if unit else 2)
    if um is None or "XResolution" not in page.tags or "YResolution" not in page.tags:
        return []
    across, down = _per_pixel(page, um)
    confirmed = own is not None and math.isclose(own, across, rel_tol=0.01)
    return [Stated(across, down, "TIFF resolution", confirmed=confirmed)]


def _per_pixel(page: Any, um: float) -> tuple[float, float]:
    """Micrometres per pixel from pixels per unit of ``um``; infinite where a tag is 0."""
    sides = []
    for name in ("XResolution", "YResolution"):
        tag = page.tags.get(name)
        pixels, units = tag.value if tag else (0, 1)
        sides.append(um * units / pixels if pixels else math.inf)
    return sides[0], sides[1]


def _own_word(description: str) -> float | None:
    """The scale in the description that wsigen writes, or None."""
    try:
        found = json.loads(description)
        return float(found["mpp"])
    except (ValueError, TypeError, KeyError):
        return None


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
