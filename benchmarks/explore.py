"""How long a view of the live microscope takes, and what it costs beside `zoom`; on loopback, stops itself.

    python benchmarks/explore.py [--plans student fast] [--mpp 0.7 5.6] [--out benchmarks/results/explore.json]

A microscope of --threads cores is started before a slide of 20 x 15 mm, and looked through as a page does: at first the
overview, then 16 tiles of 256 px of each stage at one place, each stage when the one before is sharp, then the finest
stage half a view to the right. Each plan has its --mpp, or all have one: what a stage costs does not depend on how many
follow, so a slow plan is timed well enough on a coarser slide. For each:

    seconds       until all tiles are there as JPEG, and cpu_seconds of the processor over all threads
    evaluations   of the network
    of_zoom       all evaluations at the place over those that `wsigen zoom` counts there with views of 1024 px
"""

import argparse
import os
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from explore_kit import Looking, process_of
from saving import report

from wsigen.models import DEFAULT_MODEL
from wsigen.plan import plan as named_plan
from wsigen.plan import stages
from wsigen.provenance import run_info
from wsigen.training.checkpoint import load_denoiser
from wsigen.zoom.cone import cones
from wsigen.zoom.path import evaluations_of

SIDE = 4  # tiles of a view
MM = ("--width-mm", "20", "--height-mm", "15")


def main() -> None:
    """Measure every plan and save."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--plans", nargs="+", default=["student", "fast"])
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--mpp", type=float, nargs="+", default=[0.7], help="one for all, or each")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--at", type=float, nargs=2, default=[0.40, 0.27], help="row, column")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--note", default="", help="what else the machine did, to be saved")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    each = options.mpp * len(options.plans) if len(options.mpp) == 1 else options.mpp
    rows = [looked(plan, mpp, options) for plan, mpp in zip(options.plans, each, strict=True)]
    given = {name: value for name, value in vars(options).items() if name != "out"}
    report({"rows": rows, "run": run_info(**given)}, options.out)


def looked(plan: str, mpp: float, options: argparse.Namespace) -> dict[str, Any]:
    """One walk from the overview to the nuclei and half a view on."""
    words = (*MM, "--mpp", str(mpp), "--seed", str(options.seed), "--plan", plan)
    began = time.perf_counter()
    with process_of(options.model, *words, threads=options.threads) as (address, process):
        reader = Looking(address)
        ready = time.perf_counter() - began
        views = [view(reader, stage, options.at) for stage in range(len(reader.mpps))]
        seen = [timed(reader, process.pid, tiles, options.seed) for tiles in views]
        spent = reader.want(seed=options.seed).json()["spent"]["evaluations"]
        to_the_right = [shifted(tile) for tile in views[-1]]
        pan = timed(reader, process.pid, to_the_right, options.seed)
        place = (options.at[0] * reader.height, options.at[1] * reader.width)
        size = reader.height, reader.width
    zoom = zoomed(plan, mpp, options, size, place)
    row = {
        "plan": plan,
        "stages": [{"mpp": m, **s} for m, s in zip(reader.mpps, seen, strict=True)],
        "half_a_view_on": pan,
        "program_starts_s": round(ready, 2),
        "overview_from_start_s": round(ready + seen[0]["seconds"], 2),
        "evaluations": spent,
        "zoom_evaluations": zoom,
        "of_zoom": round(spent / zoom, 3),
    }
    print(row, file=sys.stderr, flush=True)
    return row


def view(reader: Looking, stage: int, at: list[float]) -> list[str]:
    """The tiles of a view of a stage round a place; all of a stage that has no more."""
    factor = reader.mpps[-1] / reader.mpps[stage]
    chosen = []
    for length, share in ((reader.height, at[0]), (reader.width, at[1])):
        number = -(-int(length * factor + 0.999) // 256)
        first = min(max(round(length * factor * share / 256) - SIDE // 2, 0), max(0, number - SIDE))
        chosen.append(range(first, min(first + SIDE, number)))
    return [f"{stage}/{column}_{row}" for row in chosen[0] for column in chosen[1]]


def shifted(tile: str) -> str:
    """The tile half a view further to the right."""
    stage, place = tile.split("/")
    column, row = place.split("_")
    return f"{stage}/{int(column) + SIDE // 2}_{row}"


def timed(reader: Looking, pid: int, tiles: list[str], seed: int) -> dict[str, Any]:
    """Wait for tiles and fetch them."""
    before = reader.want(seed=seed).json()["spent"]["evaluations"]
    began, cpu = time.perf_counter(), cpu_seconds(pid)
    left = list(tiles)
    while left:
        for tile in reader.want(*left, seed=seed).raise_for_status().json()["ready"]:
            reader.tile(tile, seed, "jpg").raise_for_status()
            left.remove(tile)
    found = {
        "tiles": len(tiles),
        "seconds": round(time.perf_counter() - began, 2),
        "cpu_seconds": round(cpu_seconds(pid) - cpu, 2),
        "evaluations": reader.want(seed=seed).json()["spent"]["evaluations"] - before,
    }
    print(found, file=sys.stderr, flush=True)
    return found


def cpu_seconds(pid: int) -> float:
    """What a process has had of the processor."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def zoomed(
    plan: str,
    mpp: float,
    options: argparse.Namespace,
    size: tuple[int, int],
    place: tuple[float, float],
) -> int:
    """Evaluations that `wsigen zoom` counts at the place, with views as large as a view of tiles."""
    denoiser = load_denoiser(options.model)
    info = denoiser.info
    path = stages(*size, mpp, patch_px=info.patch_px, mpp_max=info.mpp_max)
    painter = denoiser.painter(named_plan(plan), seed=options.seed)
    return sum(evaluations_of(cones(painter, path, place, view_px=256 * SIDE)))


if __name__ == "__main__":
    main()
