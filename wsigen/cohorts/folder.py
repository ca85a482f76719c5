"""A folder of slides as people keep them: in subfolders, and beside tables, thumbnails and annotations.

What is no slide is passed over with a word. A file with the suffix of a slide that does not open stays: it may be a
broken copy, and that is worth an error.
"""

import logging
import os
import re
from collections.abc import Iterator
from pathlib import Path

from wsigen.slides.dicom import is_dicom, series_of

SLIDES = (
    ".svs", ".tif", ".tiff", ".ndpi", ".vms", ".vmu", ".scn", ".mrxs", ".bif", ".svslide", ".dcm", ".dicom",
    ".jpg", ".jpeg", ".png", ".bmp", ".webp",
)  # fmt: skip
DICOM = (".dcm", ".dicom")
NO_SLIDES = (".csv", ".json", ".jsonl", ".md", ".part", ".pdf", ".tsv", ".txt", ".xml", ".zip")
NOT_LOOKED_INTO = ("__MACOSX",)
TILED_BY = (".vms", ".vmu")  # the images beside such a file are its tiles
TCGA_PATIENT = re.compile(r"TCGA-[A-Z0-9]{2}-[A-Z0-9]{4}(?=-|$)")
SHOWN = 3  # names of files left out that are told

log = logging.getLogger(__name__)


def slides_in(folder: Path) -> list[tuple[Path, str]]:
    """Every slide of a folder and its subfolders, with its case; a DICOM slide by the first of its files.

    The case is the patient of a TCGA name, else the file's name without its suffix, with its folders where two slides
    share the name.
    """
    found, left_out = list[Path](), list[Path]()
    for path in _files(folder):
        suffix = path.suffix.lower()
        if suffix in SLIDES or (suffix not in NO_SLIDES and _opens(path)):
            found.append(path)
        elif suffix not in NO_SLIDES:
            left_out.append(path)
    if left_out:
        names = ", ".join(path.name for path in left_out[:SHOWN])
        more = f" and {len(left_out) - SHOWN} more" if len(left_out) > SHOWN else ""
        log.warning("%s: left out what is no slide: %s%s", folder, names, more)
    slides = list(_once(found))
    stems = [path.stem for path in slides]
    return [
        (path, case_of(path) if stems.count(path.stem) == 1 else _long_case(path, folder))
        for path in slides
    ]


def case_of(path: Path) -> str:
    """The patient in a name of TCGA, else the name without its suffix."""
    patient = TCGA_PATIENT.match(path.name)
    return patient[0] if patient else path.stem


def _long_case(path: Path, folder: Path) -> str:
    patient = TCGA_PATIENT.match(path.name)
    return patient[0] if patient else path.relative_to(folder).with_suffix("").as_posix()


def _files(folder: Path) -> Iterator[Path]:
    """Files that are not hidden, in the order of their names; parts of slides made of many files are passed over."""
    entries = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    suffixes = {path.suffix.lower() for path in entries}
    made_of_tiles = suffixes & set(TILED_BY)
    of_mirax = {path.stem for path in entries if path.suffix.lower() == ".mrxs"}
    for path in entries:
        if path.is_dir():
            if path.name not in NOT_LOOKED_INTO and path.name not in of_mirax:
                yield from _files(path)
        elif not made_of_tiles or path.suffix.lower() in TILED_BY:
            yield path


def _once(paths: list[Path]) -> Iterator[Path]:
    """The paths, those of a DICOM series once."""
    series = set[str]()
    for path in paths:
        suffix = path.suffix.lower()
        uid = series_of(path) if suffix in DICOM or suffix not in SLIDES else None
        if uid is None or uid not in series:
            yield path
        if uid is not None:
            series.add(uid)


def _opens(path: Path) -> bool:
    """Whether a file of an unknown suffix is a slide all the same, as DICOM files without one are."""
    from PIL import Image, UnidentifiedImageError

    if not os.access(path, os.R_OK) or path.stat().st_size == 0:
        return False
    if is_dicom(path):
        return True
    try:
        with Image.open(path):
            return True
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return False
