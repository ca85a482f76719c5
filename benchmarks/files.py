"""What slide files cost: packing a cohort, drawing patches from it, and writing a pyramid beside libvips.

    python benchmarks/files.py pack --cohort COHORT.csv --out benchmarks/results/pack.json
    python benchmarks/files.py writer [--size 16384] [--rounds 3] [--out benchmarks/results/writer.json]

pack: size, seconds to pack and to open, patches per second beside the slides themselves. Patches number 0 to N are
drawn from the slides and from the pack, compared, and timed in turn, in one process. A cohort is open when a sampler
can be asked; what is left to decode then is decoded by ``load``, in threads.

writer: libvips' tiffsave gets the whole array in memory; ours gets strips, as a generated slide comes; same pixels,
same options of the file, in turns in one run. ``ratio`` is libvips' seconds over ours (1 is as fast), the median over
rounds; ``cpu_ratio`` the same of the processor's seconds, which other work on the machine does not change much.
"""

import argparse
import statistics
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyvips
from numpy.typing import NDArray
from saving import finish, parsers, timed

from wsigen.cohorts.cohort import read_cohort
from wsigen.cohorts.pack import write_pack
from wsigen.cohorts.patches import PatchSampler, open_sources
from wsigen.slides import write_pyramid

MPP, TILE_PX, QUALITY = 0.7, 256, 90


def open_sampler(cohort: Path, patch_px: int) -> PatchSampler:
    """From the name of a cohort to something that draws patches."""
    return PatchSampler(open_sources(read_cohort(cohort)), patch_px)


def pack(arguments: argparse.Namespace) -> dict[str, Any]:
    """A pack beside the slides it was made of."""
    entries = read_cohort(arguments.cohort)
    with tempfile.TemporaryDirectory() as folder:
        packed = Path(folder) / "cohort.pack"
        spent, _ = timed(lambda: list(write_pack(entries, packed)))
        result: dict[str, Any] = {
            "slides": len(entries),
            "files_mb": round(sum(e.path.stat().st_size for e in entries) / 1e6, 1),
            "pack_mb": round(packed.stat().st_size / 1e6, 1),
            "seconds_to_pack": round(spent.seconds, 2),
        }
        samplers = {}
        for name, cohort in (("pack", packed), ("slides", arguments.cohort)):
            opened, samplers[name] = timed(
                lambda cohort=cohort: open_sampler(cohort, arguments.patch_px)
            )
            loaded, _ = timed(samplers[name].load)
            result[name] = {
                "seconds_to_open": round(opened.seconds, 2),
                "seconds_to_load": round(loaded.seconds, 2),
            }
            for number in range(200):  # what is found out once for each slide
                samplers[name].patch(number)
        rates: dict[str, list[float]] = {name: [] for name in samplers}
        equal = 0
        for first in range(0, arguments.patches * arguments.rounds, arguments.patches):
            numbers = range(first, first + arguments.patches)
            drawn = {}
            for name, sampler in samplers.items():
                spent, drawn[name] = timed(lambda s=sampler, n=numbers: [s.patch(i) for i in n])
                rates[name].append(round(arguments.patches / spent.seconds, 1))
            equal += sum(
                a[1] == b[1] and np.array_equal(a[0], b[0])
                for a, b in zip(drawn["pack"], drawn["slides"], strict=True)
            )
        for name, found in rates.items():
            result[name]["patches_per_second"] = found
        result["patches_compared"] = arguments.patches * arguments.rounds
        result["patches_equal"] = equal
    return result


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


def writer(arguments: argparse.Namespace) -> dict[str, Any]:
    """The pyramid writer beside libvips."""
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
            vips, _ = timed(lambda: by_libvips(pixels, Path(folder) / "vips.tiff"))
            ours, _ = timed(lambda: by_us(pixels, Path(folder) / "ours.tiff"))
            rounds.append((vips, ours))
        sizes = [(Path(folder) / f"{name}.tiff").stat().st_size for name in ("vips", "ours")]
    return {
        "ratio": round(statistics.median(v.seconds / o.seconds for v, o in rounds), 3),
        "cpu_ratio": round(statistics.median(v.cpu / o.cpu for v, o in rounds), 3),
        "seconds_libvips": [round(v.seconds, 2) for v, _ in rounds],
        "seconds_ours": [round(o.seconds, 2) for _, o in rounds],
        "bytes": dict(zip(("libvips", "ours"), sizes, strict=True)),
        "libvips": ".".join(str(pyvips.version(i)) for i in range(3)),
    }


def main() -> None:
    """Measure, print and save one JSON object."""
    words, (of_pack, of_writer) = parsers(__doc__, "pack", "writer")
    of_pack.add_argument("--cohort", type=Path, required=True)
    of_pack.add_argument("--patch-px", type=int, default=64)
    of_pack.add_argument("--patches", type=int, default=1000, help="in a round")
    of_writer.add_argument("--size", type=int, default=16_384, help="side of the slide")
    for each in (of_pack, of_writer):
        each.add_argument("--rounds", type=int, default=3)
    arguments = words.parse_args()
    finish({"pack": pack, "writer": writer}[arguments.measure](arguments), arguments)


if __name__ == "__main__":
    main()
