"""The bytes of an image file without what its head says of people, places and machines.

A pack goes out. A photograph's EXIF, XMP and comments name its maker and place, a TIFF's description often a patient or
a path. Pixels decode to the same bits; the colour profile and what decoding needs stay.
"""

import struct
from io import BytesIO
from pathlib import Path

from wsigen.slides.reader import decode_image, open_image, orientation
from wsigen.slides.slide import on_white

START_OF_SCAN, END = 0xDA, 0xD9
KEPT_SEGMENTS = (
    0xE0,
    0xE2,
    0xEE,
)  # JFIF, colour profile, Adobe's colour transform; other APPn and COM go
PNG = b"\x89PNG\r\n\x1a\n"
TALK = (b"tEXt", b"zTXt", b"iTXt", b"eXIf", b"tIME")


def bare_bytes(path: Path) -> bytes:
    """Bytes that decode to the image at ``path``, and say nothing else; JPEG and PNG keep their data as it is."""
    data = path.read_bytes()
    with open_image(path, path) as image:
        kind, turned = image.format, orientation(image) != 1
    if not turned and kind == "JPEG":
        return _bare_jpeg(data)
    if not turned and kind == "PNG":
        return _bare_png(data)
    out = BytesIO()
    on_white(decode_image(path, path)).save(out, "PNG")
    return out.getvalue()


def _bare_jpeg(data: bytes) -> bytes:
    parts, place = [data[:2]], 2
    while place + 4 <= len(data) and data[place] == 0xFF:
        marker = data[place + 1]
        if marker in (0xFF, END):
            break
        (length,) = struct.unpack_from(">H", data, place + 2)
        segment = data[place : place + 2 + length]
        if marker == START_OF_SCAN:
            break
        if marker in KEPT_SEGMENTS or not (0xE0 <= marker <= 0xEF or marker == 0xFE):
            parts.append(segment)
        place += len(segment)
    return b"".join([*parts, data[place:]])


def _bare_png(data: bytes) -> bytes:
    parts, place = [PNG], len(PNG)
    while place + 8 <= len(data):
        (length,) = struct.unpack_from(">I", data, place)
        if data[place + 4 : place + 8] not in TALK:
            parts.append(data[place : place + 12 + length])
        place += 12 + length
    return b"".join(parts)
