"""Looking through a folder of images, packing it, and opening a cohort: this checkout beside an older one.

    git worktree add ../older COMMIT
    python benchmarks/opening.py --older ../older [--images 200] [--out benchmarks/results/opening.json]
    python benchmarks/opening.py --cohort COHORT.csv [--out benchmarks/results/opening_cohort.json]

Each command runs in a process of its own with an empty cache, ours once more with the cache that the first left.
``ratio`` is the older checkout's seconds over ours at first sight, ``processor_ratio`` that of the processor's seconds
over all threads, which other work on the machine does not change much. With ``--cohort`` the sources of every split are
opened, and ``peak_mb`` is the most memory that the process held.
"""

import argparse
import csv
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from saving import report
from scipy.ndimage import gaussian_filter

from wsigen.provenance import run_info

HERE = Path(__file__).parent.parent
OPEN = """
import json, resource, sys, time
began = time.perf_counter()
from wsigen.cohorts.cohort import read_cohort
from wsigen.cohorts.patches import open_sources
entries = read_cohort(sys.argv[1])
slides = [s for split in sorted({e.split for e in entries}) for s in open_sources(entries, split)]
seconds, used = time.perf_counter() - began, time.process_time()
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({
    "slides": len(slides), "seconds": round(seconds, 2), "processor_seconds": round(used, 2), "peak_mb": round(peak)
}))
"""


def draw(folder: Path, images: int, side: int) -> None:
    """Write JPEGs of a disc of mottled tissue on noisy glass, and the cohort.csv that gives their scale."""
    stream = np.random.default_rng(0)
    rows, columns = np.mgrid[:side, :side]
    for number in range(images):
        centre = side * stream.uniform(0.35, 0.65, 2)
        disc = (rows - centre[0]) ** 2 + (columns - centre[1]) ** 2 < (side * 0.3) ** 2
        mottled = gaussian_filter(stream.standard_normal((side, side, 3)), (3, 3, 0)) * 150
        pixels = np.where(disc[..., None], np.array([170, 100, 160]) + mottled, 240.0)
        pixels += stream.normal(0, 2, pixels.shape)
        image = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
        image.save(folder / f"{number:03d}.jpg", quality=90)
    with (folder / "cohort.csv").open("w", newline="") as file:
        rows_of = [(f"{n:03d}.jpg", n, 0.5, "train") for n in range(images)]
        csv.writer(file).writerows([("path", "case", "mpp", "split"), *rows_of])


def run(checkout: Path, cache: Path, words: Sequence[str]) -> dict[str, float]:
    """Seconds of a command of a checkout, and those of the processor over all threads."""
    began, cpu = time.perf_counter(), processor_seconds()
    subprocess.run(
        [sys.executable, *words],
        env=environment(checkout, cache),
        check=True,
        stdout=subprocess.DEVNULL,
        cwd=cache,
    )
    seconds = round(time.perf_counter() - began, 2)
    return {"seconds": seconds, "processor_seconds": round(processor_seconds() - cpu, 2)}


def processor_seconds() -> float:
    """Of all processes that were started and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def environment(checkout: Path, cache: Path) -> dict[str, str]:
    cache.mkdir(parents=True, exist_ok=True)
    return {**os.environ, "PYTHONPATH": str(checkout.absolute()), "XDG_CACHE_HOME": str(cache)}


def beside(older: Path, images: int, side: int, scratch: Path) -> list[dict[str, Any]]:
    """`cohort check` and `pack` of one folder by both checkouts, in turns."""
    folder = scratch / "images"
    folder.mkdir()
    draw(folder, images, side)
    rows = []
    for verb in ("cohort check", "pack"):
        words = ["-m", "wsigen", *verb.split(), str(folder)]
        names = {"older": older, "first": HERE, "again": HERE}
        took = {}
        for name, checkout in names.items():
            cache = scratch / f"{verb.replace(' ', '-')}-{'older' if name == 'older' else 'ours'}"
            out = [] if verb != "pack" else [str(scratch / f"{name}.pack")]
            took[name] = run(checkout, cache, [*words, *out])
        ratios = {
            ratio: round(took["older"][unit] / took["first"][unit], 2)
            for ratio, unit in (("ratio", "seconds"), ("processor_ratio", "processor_seconds"))
        }
        rows.append({"verb": verb, **took, **ratios})
    return rows


def opened(cohort: Path, scratch: Path) -> list[dict[str, Any]]:
    """Open a cohort at first sight and again."""
    rows = []
    for sight in ("first", "again"):
        done = subprocess.run(
            [sys.executable, "-c", OPEN, str(cohort.absolute())],
            env=environment(HERE, scratch / "cache"), check=True, capture_output=True, text=True,
        )  # fmt: skip
        rows.append({"sight": sight, **json.loads(done.stdout)})
    return rows


def main() -> None:
    """Measure, print and save one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--older", type=Path, help="Checkout of an older commit.")
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--side", type=int, default=768)
    parser.add_argument("--cohort", type=Path)
    parser.add_argument("--note", help="What else ran on the machine.")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    result: dict[str, Any] = {"images": arguments.images, "side": arguments.side}
    with tempfile.TemporaryDirectory() as scratch:
        if arguments.older:
            commit = ["git", "-C", str(arguments.older), "rev-parse", "HEAD"]
            result["older"] = subprocess.check_output(commit, text=True).strip()
            result["rows"] = beside(
                arguments.older, arguments.images, arguments.side, Path(scratch)
            )
        if arguments.cohort:
            result["cohort"] = opened(arguments.cohort, Path(scratch))
    result["note"] = arguments.note
    result["cores"] = len(os.sched_getaffinity(0))
    report({**result, "run_info": run_info()}, arguments.out)


if __name__ == "__main__":
    main()
