"""The pyramid writer beside libvips' own tiffsave, on the same pixels, in turns in one run.

    python benchmarks/writer.py [--size 16384] [--rounds 3] [--out benchmarks/results/writer.json]

libvips gets the whole array in memory; ours gets strips, as a generated slide comes. Options of the file are the same.
``ratio`` is libvips' seconds over ours (1 is as fast), the median over rounds; ``cpu_ratio`` the same of the
processor's seconds, which other work on the machine does not change much.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyvips
from numpy.typing import NDArray
from saving import report

from wsigen.provenance import run_info
from wsigen.slides import write_pyramid

MPP, TILE_PX, QUALITY = 0.7, 256, 90


def by_libvips(pixels: NDArray[np.uint8], path: Path) -> None:
    height, width, _ = pixels.shape
    image = pyvips.Image.new_from_memory(pixels.data, width, height, 3, "uchar")
    image.tiffsave(
        str(path), bigtiff=True, pyramid=True, depth="onetile", tile=True, tile_width=TILE_PX,
        tile_height=TILE_PX, compression="jpeg", Q=QUALITY, resunit="cm", xres=1000 / MPP,
        yres=1000 / MPP,
    )  # fmt: skip


def by_us(pixels: NDArray[np.uint8], path: Path) -> None:
    height, width, _ = pixels.shape
    strips = (pixels[top : top + 256] for top in range(0, height, 256))
    write_pyramid(
        path, strips, MPP, height=height, width=width, tile_px=TILE_PX, quality=QUALITY,
        overwrite=True,
    )  # fmt: skip


def timed(work: Callable[[], None]) -> tuple[float, float]:
    """Seconds that went by, and seconds of the processor over all threads."""
    began, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - began, time.process_time() - cpu


def main() -> None:
    """Measure, print and save one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=16_384)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    side = arguments.size
    texture = np.random.default_rng(0).normal(160, 40, (256, 256, 3)).clip(0, 255)
    smooth = np.linspace(0.6, 1.4, side)[:, None, None]
    row = np.tile(texture, (1, side // 256, 1))
    pixels = np.empty((side, side, 3), np.uint8)
    for top in range(0, side, 256):
        pixels[top : top + 256] = (row * smooth[top : top + 256]).clip(0, 255)
    rounds = []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(arguments.rounds):
            rounds.append(
                (
                    timed(lambda: by_libvips(pixels, Path(folder) / "vips.tiff")),
                    timed(lambda: by_us(pixels, Path(folder) / "ours.tiff")),
                )
            )
        sizes = [(Path(folder) / f"{name}.tiff").stat().st_size for name in ("vips", "ours")]
    result = {
        "ratio": round(statistics.median(v[0] / o[0] for v, o in rounds), 3),
        "cpu_ratio": round(statistics.median(v[1] / o[1] for v, o in rounds), 3),
        "seconds_libvips": [round(v[0], 2) for v, _ in rounds],
        "seconds_ours": [round(o[0], 2) for _, o in rounds],
        "bytes": dict(zip(("libvips", "ours"), sizes, strict=True)),
        "libvips": ".".join(str(pyvips.version(i)) for i in range(3)),
        "run": run_info(size=side, rounds=arguments.rounds),
    }
    report(result, arguments.out)


if __name__ == "__main__":
    main()
