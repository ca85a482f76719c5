"""Random streams by name: the same seed gives the same slide, whatever the batch size or patch order.

Every random number comes from a counter-based Philox generator keyed by (seed, path), where the path
says what the number is for, such as ``("stage", 3, "noise")``. Nothing is drawn from a shared stream, so nothing
depends on the order in which patches are visited.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

BLOCK = 64  # side of the squares, in pixels, in which a noise field is drawn
WORTH_THREADS = 16  # blocks


def generator(seed: int, *path: str | int) -> np.random.Generator:
    """A random stream named by ``seed`` and ``path``; equal names give equal streams.

    Non-negative integers are taken as they are, words through CRC-32, negative integers (places left of
    or above the origin) as a pair.
    """
    words: list[int] = []
    for name in path:
        if isinstance(name, str):
            words += [0, crc32(name.encode())]
        else:
            words += [1 if name >= 0 else 2, abs(int(name))]
    return np.random.Generator(np.random.Philox(np.random.SeedSequence([int(seed), *words])))


def white_noise(
    seed: int,
    *path: str | int,
    top: int,
    left: int,
    height: int,
    width: int,
    threads: int = 1,
) -> NDArray[np.float32]:
    """A window of an endless plane of standard normal noise, shape (3, height, width).

    The plane is drawn in blocks of 64 x 64 px, each from its own stream named by its place: a pixel has
    the same value from whichever window it is read, also at negative coordinates, and by however many ``threads``.
    """
    out = np.empty((3, height, width), np.float32)
    places = [
        (row, column)
        for row in range(top // BLOCK, -(-(top + height) // BLOCK))
        for column in range(left // BLOCK, -(-(left + width) // BLOCK))
    ]

    def draw(some: Sequence[tuple[int, int]]) -> None:
        for row, column in some:
            block = _noise_block(seed, path, row, column)
            block_top, block_left = row * BLOCK - top, column * BLOCK - left
            rows = slice(max(block_top, 0), min(block_top + BLOCK, height))
            columns = slice(max(block_left, 0), min(block_left + BLOCK, width))
            out[:, rows, columns] = block[
                :,
                rows.start - block_top : rows.stop - block_top,
                columns.start - block_left : columns.stop - block_left,
            ]

    if threads == 1 or len(places) < WORTH_THREADS:
        draw(places)
    else:
        with ThreadPoolExecutor(threads) as pool:  # drawing leaves Python's lock to the others
            list(pool.map(draw, (places[n::threads] for n in range(threads))))
    return out


@lru_cache(maxsize=2304)  # 113 MB: the blocks that two rows of windows share, up to 65 536 px
def _noise_block(
    seed: int, path: tuple[str | int, ...], row: int, column: int
) -> NDArray[np.float32]:
    stream = generator(seed, *path, row, column)
    return stream.standard_normal((3, BLOCK, BLOCK), np.float32)
