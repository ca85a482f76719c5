"""What was seen of slides before: their tissue and thumbnails, kept in the user's cache under the content's name.

Finding the tissue of a slide costs a pass over a level; opening a cohort of hundreds would pay for it each time. A file
is named by its content, so that a copy, a new name or a new date change nothing. Files appear whole (written aside and
renamed), whoever writes at the same time; what cannot be read or written counts as not seen. The oldest go when all
take more than ``LIMIT_BYTES``.
"""

import hashlib
import json
import os
import zlib
from contextlib import suppress
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from wsigen.slides.tissue import Tissue

LOOK = 1  # of the way in which tissue is found: another number, and nothing was seen yet
LIMIT_BYTES = 500 << 20
SWEEP = 128  # one in so many writes looks at the size of all
WHOLE_BYTES = 32 << 20  # files up to here are read whole for their name
SAMPLES, SAMPLE_BYTES = 64, 1 << 16  # of larger ones


def cache_folder() -> Path:
    """``wsigen`` in ``$XDG_CACHE_HOME`` or ``~/.cache``; it need not exist."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "wsigen"


def content_name(path: Path) -> str:
    """A name that files of other content do not have: a hash of all, or of the size and many parts of a large one."""
    size = path.stat().st_size
    found = hashlib.blake2b(str(size).encode(), digest_size=20)
    with path.open("rb") as file:
        if size <= WHOLE_BYTES:
            found.update(file.read())
        else:
            for number in range(SAMPLES):
                file.seek((size - SAMPLE_BYTES) * number // (SAMPLES - 1))
                found.update(file.read(SAMPLE_BYTES))
    return found.hexdigest()


def seen_tissue(name: str, mpp: float) -> Tissue | None:
    """The tissue of a slide of that content, whose level 0 has ``mpp``, or None."""
    try:
        head, _, body = (_folder() / f"{name}.tissue").read_bytes().partition(b"\n")
        about = json.loads(head)
        rows = np.frombuffer(zlib.decompress(body), np.uint8)
        planes = rows.reshape(about["planes"], about["height"], -1)
    except (OSError, ValueError, KeyError, TypeError, zlib.error):
        return None
    white = None if about["white"] is None else np.asarray(about["white"], np.float32)
    fill = planes[1] if len(planes) > 1 else None
    return Tissue(planes[0], about["width"], mpp * about["zoom"], white, fill, about["pen"])


def keep_tissue(name: str, tissue: Tissue, mpp: float) -> None:
    """Keep the tissue of a slide of that content, whose level 0 has ``mpp``."""
    planes = [tissue.bits] if tissue.fill is None else [tissue.bits, tissue.fill]
    about = {
        "planes": len(planes),
        "height": len(tissue.bits),
        "width": tissue.width,
        "zoom": tissue.mpp / mpp,
        "white": None if tissue.white is None else [float(value) for value in tissue.white],
        "pen": tissue.pen,
    }
    body = zlib.compress(b"".join(plane.tobytes() for plane in planes), 1)
    _keep(f"{name}.tissue", json.dumps(about).encode() + b"\n" + body)


def seen_overview(name: str) -> NDArray[np.uint8] | None:
    """The thumbnail of that name, or None."""
    try:
        with Image.open(_folder() / f"{name}.png") as image:
            return np.asarray(image.convert("RGB"))
    except (OSError, SyntaxError, ValueError):
        return None


def keep_overview(name: str, pixels: NDArray[np.uint8]) -> None:
    """Keep a thumbnail, uint8 (height, width, 3)."""
    data = BytesIO()
    Image.fromarray(pixels).save(data, "PNG", compress_level=1)
    _keep(f"{name}.png", data.getvalue())


def _folder() -> Path:
    return cache_folder() / f"seen-{LOOK}"


def _keep(name: str, data: bytes) -> None:
    folder = _folder()
    partial = folder / f".{name}.{os.getpid()}.{os.urandom(4).hex()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(data)
        os.replace(partial, folder / name)
        if os.urandom(1)[0] < 256 // SWEEP:
            sweep(folder)
    except OSError:  # a full or read-only home is no reason to stop
        with suppress(OSError):
            partial.unlink()


def sweep(folder: Path, limit: int = LIMIT_BYTES) -> None:
    """Remove the oldest files of a folder until all take at most three quarters of ``limit``, if they took more."""
    files = []
    with os.scandir(folder) as entries:
        for entry in entries:
            try:
                about = entry.stat()
            except FileNotFoundError:  # another process sweeps too
                continue
            files.append((about.st_mtime, about.st_size, entry.path))
    total = sum(size for _, size, _ in files)
    if total <= limit:
        return
    for _, size, path in sorted(files):
        Path(path).unlink(missing_ok=True)
        total -= size
        if total <= limit * 3 // 4:
            break
