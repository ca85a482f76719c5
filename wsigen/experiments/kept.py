"""Arrays that are computed once: kept as .npy files in a folder, under the name of all that decides them."""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


def kept(
    cache: Path, key: tuple[object, ...], make: Callable[[Path], None]
) -> list[NDArray[np.uint8]]:
    """Arrays from the cache, or made now.

    What is made is there whole or not at all: a run that was stopped leaves nothing, and of two processes that make
    the same the second one's is thrown away.

    Args:
        cache: folder of all that is kept.
        key: what decides the arrays; its first word says what they are. Equal keys (by ``repr``) give equal arrays.
        make: writes them into a folder, as .npy files.

    Returns:
        The arrays in the order of their files' names, mapped from the files.
    """
    folder = cache / "arrays" / hashlib.sha256(repr(key).encode()).hexdigest()[:32]
    try:
        return _read(folder)
    except (OSError, EOFError, ValueError):  # never made, or damaged
        shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as work:
        new = Path(work) / "new"
        new.mkdir()
        make(new)
        try:
            os.rename(new, folder)
        except OSError:
            if not folder.is_dir():
                raise
    return _read(folder)


def _read(folder: Path) -> list[NDArray[np.uint8]]:
    files = sorted(folder.glob("*.npy"))
    if not files:
        raise FileNotFoundError(f"{folder}: no arrays")
    return [np.load(file, mmap_mode="r") for file in files]
