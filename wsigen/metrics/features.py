"""Features of many images, kept on disk under the content of the images and of the extractor.

Images are taken in batches in the order given. A batch that was seen before with the same extractor is read, not
computed, so a run that stopped goes on where it was and a set that grew costs its new batches only.
"""

import hashlib
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wsigen.errors import WsigenError
from wsigen.metrics.extractors import Extractor
from wsigen.outputs import whole

Pixels = NDArray[np.uint8]


def features(
    images: Iterable[Pixels],
    extractor: Extractor,
    *,
    cache: Path | str | None = None,
    batch_size: int = 64,
) -> NDArray[np.float32]:
    """Features of images, shape (images, dims).

    Args:
        images: of one size, uint8 (height, width, 3) each; an array (images, height, width, 3) or anything that yields
            them one by one.
        extractor: see `wsigen.metrics.extractors`.
        cache: folder for features computed before; None keeps nothing.
        batch_size: images at a time. Another one finds nothing in the cache.
    """
    found = [_batch(batch, extractor, cache) for batch in _batches(images, batch_size)]
    if not found:
        raise WsigenError("no images; expected at least one to take features of")
    return np.concatenate(found)


def _batches(images: Iterable[Pixels], batch_size: int) -> Iterator[Pixels]:
    source = iter(images)
    size: tuple[int, ...] | None = None
    while batch := list(islice(source, batch_size)):
        for image in batch:
            size = size or image.shape
            if image.shape != size or image.ndim != 3 or size[2] != 3 or image.dtype != np.uint8:
                raise WsigenError(
                    f"an image is {image.dtype} of shape {image.shape}; expected uint8 (height, width, 3), "
                    f"all of one size, the first is of {size}"
                )
        yield np.stack(batch)


def _batch(images: Pixels, extractor: Extractor, cache: Path | str | None) -> NDArray[np.float32]:
    if cache is None:
        return extractor(images)
    content = hashlib.sha256(repr((extractor.fingerprint, images.shape)).encode())
    content.update(images.tobytes())
    key = content.hexdigest()
    file = Path(cache) / extractor.name / key[:2] / f"{key}.npy"
    known = _load(file)
    if known is not None:
        return known
    found = extractor(images)
    _save(file, found)
    return found


def _load(file: Path) -> NDArray[np.float32] | None:
    """Return what the file holds, None where there is none or it cannot be read."""
    try:
        return np.asarray(np.load(file), np.float32)
    except (FileNotFoundError, EOFError, ValueError):
        return None


def _save(file: Path, found: NDArray[np.float32]) -> None:
    """Write the file so that it is there whole or not at all, also when two runs write it."""
    with whole(file) as part, part.open("wb") as stream:
        np.save(stream, found)
