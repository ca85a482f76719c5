"""Do memory and disk of the live microscope stay under their limits while somebody wanders? On loopback, stops itself.

    python benchmarks/explore_walk.py [--minutes 10] [--out benchmarks/results/explore_walk.json]

A random walk with an untrained network of the preset `tiny`, which draws some ten times as much in a minute as the
model that ships: zoom in, zoom out, move, another slide. After every view are noted the memory of the process and the
bytes in its folder. The limits are small, so that both are reached.
"""

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from explore_kit import Looking, process_of
from saving import report

from wsigen.networks.unet import UNet
from wsigen.provenance import run_info
from wsigen.training.checkpoint import ModelInfo, save_checkpoint
from wsigen.training.config import TINY

WIDE, HIGH = 4, 3  # tiles of a view


def main() -> None:
    """Walk, print and save."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--memory-gb", type=float, default=0.25)
    parser.add_argument("--disk-gb", type=float, default=0.1)
    parser.add_argument("--plan", default="preview")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0, help="of the walk")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        model, work = Path(folder) / "tiny.safetensors", Path(folder) / "work"
        torch.manual_seed(0)
        info = ModelInfo(TINY.network, 0.5, TINY.patch_px, 0.25, 100.0, 0, ("untrained",))
        save_checkpoint(model, UNet(TINY.network), info)
        words = ["--memory-gb", str(options.memory_gb), "--disk-gb", str(options.disk_gb)]
        words += ["--plan", options.plan, "--workdir", str(work)]
        with process_of(model, *words, threads=options.threads) as (address, process):
            found = walked(Looking(address), process.pid, work, options)
            process.kill()  # at Ctrl-C it would first bring what is in memory to the folder, for next time
    given = {name: value for name, value in vars(options).items() if name != "out"}
    report(found | {"run": run_info(**given)}, options.out)


def walked(reader: Looking, pid: int, work: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Wander until time is up; the peaks, and what there was at the start and every tenth of the time."""
    rng, last = random.Random(options.seed), len(reader.mpps) - 1
    seed, stage, at = 0, 0, [0.5, 0.5]
    began, marks = time.monotonic(), []
    at_start, views, evaluations, most = resident(pid), 0, 0, {"memory": 0, "disk": 0}
    before = {}
    while (passed := time.monotonic() - began) < 60 * options.minutes:
        move = rng.random()
        if move < 0.05:
            seed, stage, at = rng.randrange(1 << 32), 0, [0.5, 0.5]
        elif move < 0.45 and stage < last:
            stage += 1
        elif move < 0.55 and stage > 0:
            stage -= 1
        factor = reader.mpps[-1] / reader.mpps[stage]
        tiles = []
        for axis, (length, number) in enumerate(((reader.height, HIGH), (reader.width, WIDE))):
            at[axis] = min(
                max(at[axis] + rng.uniform(-1, 1) * 128 * number / (length * factor), 0), 1
            )
            across = -(-int(length * factor + 0.999) // 256)
            first = min(int(at[axis] * across), max(0, across - number))
            tiles.append(range(first, min(first + number, across)))
        answer = reader.wait(
            *(f"{stage}/{column}_{row}" for row in tiles[0] for column in tiles[1]),
            seed=seed,
            form="jpg",
        )
        views += 1
        evaluations += answer["spent"]["evaluations"] - before.get(seed, 0)
        before[seed] = answer["spent"]["evaluations"]
        now = {"memory": resident(pid), "disk": on_disk(work)}
        most = {name: max(most[name], value) for name, value in now.items()}
        if passed >= 6 * options.minutes * len(marks):
            marks.append({"minute": round(passed / 60, 2)} | now)
            print(marks[-1], file=sys.stderr, flush=True)
    return {
        "views": views,
        "slides": len(before),
        "evaluations": evaluations,
        "memory_at_start": at_start,
        "most_memory": most["memory"],
        "most_disk": most["disk"],
        "marks": marks,
    }


def resident(pid: int) -> int:
    """Bytes of memory of a process."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return 1024 * int(next(line for line in lines if line.startswith("VmRSS")).split()[1])


def on_disk(folder: Path) -> int:
    """Bytes that the windows in a folder take, in blocks."""
    total = 0
    for file in folder.rglob("*.npy"):
        try:
            total += 512 * file.stat().st_blocks
        except FileNotFoundError:  # just thrown out
            continue
    return total


if __name__ == "__main__":
    main()
