"""DICOM slides: a slide is a series of files, one for each level, label and overview, and no file is the slide.

OpenSlide opens the slide by any of its files. Here is what it takes to see that files belong together, without
reading more than their heads.
"""

import struct
from collections.abc import Iterable
from pathlib import Path

from wsigen.errors import WsigenError

PREAMBLE = 128  # bytes before the letters DICM
HEAD_BYTES = 1 << 18
STUDY, SERIES = (
    b"\x20\x00\x0d\x00",
    b"\x20\x00\x0e\x00",
)  # (0020,000D) and (0020,000E), little endian


def is_dicom(path: Path) -> bool:
    """Whether a file begins as DICOM files do."""
    with path.open("rb") as file:
        return file.read(PREAMBLE + 4)[PREAMBLE:] == b"DICM"


def series_of(path: Path) -> str | None:
    """The SeriesInstanceUID of a DICOM file, or None where it is none.

    The two tags follow each other at the top of a file; in the items of sequences they never do.
    """
    with path.open("rb") as file:
        if file.read(PREAMBLE + 4)[PREAMBLE:] != b"DICM":
            return None
        head = file.read(HEAD_BYTES)
    place = head.find(STUDY)
    while place >= 0:
        _, after = _value(head, place)
        if head[after : after + 4] == SERIES:
            found, _ = _value(head, after)
            return found.rstrip(b"\0 ").decode("ascii", "replace")
        place = head.find(STUDY, place + 4)
    return None


def slides_of(files: Iterable[Path]) -> list[list[Path]]:
    """Group DICOM files to slides; files of no series stay alone."""
    groups: dict[str, list[Path]] = {}
    for path in files:
        groups.setdefault(series_of(path) or str(path), []).append(path)
    return list(groups.values())


def slide_in_folder(folder: Path) -> Path:
    """The file by which to open the one DICOM slide of a folder.

    Raises:
        WsigenError: there is none, or there are several.
    """
    files = sorted(path for path in folder.iterdir() if path.is_file() and is_dicom(path))
    slides = slides_of(files)
    if not slides:
        raise WsigenError(
            f"{folder}: a folder without DICOM files; expected a slide or an image, "
            f"see `wsigen cohort check {folder}` for what it holds"
        )
    if len(slides) > 1:
        named = ", ".join(group[0].name for group in slides[:3])
        raise WsigenError(
            f"{folder}: holds {len(slides)} DICOM slides; name a file of the one you mean, such as {named}"
        )
    return slides[0][0]


def _value(head: bytes, place: int) -> tuple[bytes, int]:
    """The value of the element at ``place``, and where the next begins; its kind may be told (UI) or not."""
    if head[place + 4 : place + 6] == b"UI":
        (length,) = struct.unpack_from("<H", head.ljust(place + 8), place + 6)
    else:
        (length,) = struct.unpack_from("<I", head.ljust(place + 8), place + 4)
    return head[place + 8 : place + 8 + length], place + 8 + length
