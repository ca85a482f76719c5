"""What a slide costs by its size: seconds of the processor, peak resident memory, bytes on disk.

    python benchmarks/scaling.py --denoiser exact --out benchmarks/results/scaling.json
    python benchmarks/scaling.py --denoiser tiny --sizes 32768 --minutes 7 --out benchmarks/results/scaling.json

Each size runs in a process of its own, with its canvas in memory-mapped files in half precision, and is written as
a pyramid. ``exact`` is the optimal denoiser of white Gaussian images: nearly free, so that what is seen is the cost of
the scheme itself. ``tiny`` is the network of that preset with random weights: time and memory do not depend on what it
has learnt. ``cpu_seconds`` are the processor's, which other work on the machine does not change much; ``seconds`` went
by. With ``--minutes`` a size that takes longer is killed (SIGKILL) and goes on when the same command is given again:
its seconds are then those of all sittings. Results are added to ``--out`` size by size.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, replace
from pathlib import Path

import torch
from saving import parser, peak_mib, save

from wsigen.arrays import Denoiser, Images
from wsigen.coarse_to_fine import generate
from wsigen.denoiser import EDMDenoiser
from wsigen.devices import has_fast_bfloat16
from wsigen.networks.unet import UNet
from wsigen.plan import FAST, stages
from wsigen.provenance import run_info
from wsigen.runs.canvas import strips
from wsigen.runs.painter import Painter
from wsigen.runs.storage import Storage, bytes_on_disk
from wsigen.runs.workdir import Workdir
from wsigen.slides import write_pyramid
from wsigen.training.config import TINY

PATCH_PX, MPP = 64, 0.7


class Exact:
    """The optimal denoiser where every pixel is an independent Gaussian, N(mean, std^2)."""

    def __init__(self, mean: float = 0.3, std: float = 0.2) -> None:
        self.mean, self.variance = mean, std**2

    def __call__(self, x: Images, sigma: float, mpp: float) -> Images:
        share = self.variance / (self.variance + sigma**2)
        return torch.lerp(x.new_tensor(self.mean), x, share)


def denoiser_of(name: str) -> Denoiser:
    if name == "exact":
        return Exact()
    torch.manual_seed(0)
    network = UNet(TINY.network).eval().requires_grad_(False)
    return EDMDenoiser(network, half=has_fast_bfloat16("cpu"))


def one(size: int, arguments: argparse.Namespace) -> None:
    """Make one slide in ``arguments.folder`` and print what it cost."""
    folder = arguments.folder / f"{arguments.denoiser}-{size}-{arguments.num_steps}"
    plan = replace(FAST, num_steps=arguments.num_steps, guided_steps=1)
    path = stages(size, size, MPP, patch_px=PATCH_PX)
    workdir = Workdir(folder, {"size": size, "denoiser": arguments.denoiser, "plan": asdict(plan)})
    sittings = folder / "sittings.json"
    before = json.loads(sittings.read_text()) if sittings.is_file() else {}
    before = {"seconds": 0.0, "cpu": 0.0, "MiB": 0.0, "sittings": 0} | before
    empty, began, told = peak_mib(), time.monotonic(), 0.0
    storage = Storage("files", True, "cpu", workdir)
    run = generate(Painter(denoiser_of(arguments.denoiser), plan, PATCH_PX), path, storage=storage)
    spent = {"sittings": before["sittings"] + 1}
    while True:
        try:
            next(run)
        except StopIteration as end:
            image = end.value
            break
        if time.monotonic() - told > 2:  # a killed process says nothing at its end
            told = time.monotonic()
            spent["seconds"] = before["seconds"] + told - began
            spent["cpu"] = before["cpu"] + time.process_time()
            spent["MiB"] = max(before["MiB"], peak_mib())
            sittings.write_text(json.dumps(spent))
    made, made_cpu = time.monotonic(), time.process_time()
    out = folder.with_suffix(".tiff")
    pixels = strips(image, size, size, release=storage.release)
    write_pyramid(out, pixels, MPP, height=size, width=size, overwrite=True)
    evaluations = sum(
        plan.num_steps * -(-stage.height // PATCH_PX) * -(-stage.width // PATCH_PX)
        for stage in path[1:]
    )
    row = {
        "denoiser": arguments.denoiser,
        "size": size,
        "cpu_seconds": round(before["cpu"] + made_cpu, 1),
        "cpu_seconds_to_write": round(time.process_time() - made_cpu, 1),
        "seconds": round(before["seconds"] + made - began, 1),
        "seconds_to_write": round(time.monotonic() - made, 1),
        "peak_mib": round(max(before["MiB"], peak_mib())),
        "empty_mib": round(empty),
        "sittings": spent["sittings"],
        "disk_gb": round(bytes_on_disk(path, True) / 1e9, 3),
        "slide_gb": round(out.stat().st_size / 1e9, 3),
        "patch_evaluations_without_borders": evaluations,
        "num_steps": plan.num_steps,
    }
    print(json.dumps(row))
    out.unlink()
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()


def main() -> None:
    """Run each size in its own process and save after each."""
    words = parser(__doc__)
    words.add_argument("--denoiser", choices=["exact", "tiny"], default="exact")
    words.add_argument("--sizes", type=int, nargs="+", default=[2048, 4096, 8192, 16384, 32768])
    words.add_argument("--num-steps", type=int, default=2)
    words.add_argument("--minutes", type=float, default=600, help="Kill a size after so long.")
    words.add_argument(
        "--folder", type=Path, default=Path(tempfile.gettempdir()) / "wsigen-scaling"
    )
    words.set_defaults(out=Path("scaling.json"))
    words.add_argument("--one", action="store_true", help="Run in this process and print.")
    arguments = words.parse_args()
    arguments.folder.mkdir(exist_ok=True)
    if arguments.one:
        return one(arguments.sizes[0], arguments)
    for size in arguments.sizes:
        options = ["--denoiser", arguments.denoiser, "--num-steps", str(arguments.num_steps)]
        options += ["--folder", str(arguments.folder), "--out", str(arguments.out)]
        command = [sys.executable, __file__, "--one", "--sizes", str(size), *options]
        try:
            done = subprocess.run(
                command, stdout=subprocess.PIPE, check=True, timeout=60 * arguments.minutes
            )
        except subprocess.TimeoutExpired:
            print(f"{size}: killed after {arguments.minutes:g} minutes; run the same command again")
            return None
        row = json.loads(done.stdout.splitlines()[-1])
        row["load"] = round(os.getloadavg()[2], 1)  # what else the machine was busy with
        row["run"] = run_info(denoiser=arguments.denoiser, size=size, num_steps=arguments.num_steps)
        print(json.dumps({k: v for k, v in row.items() if k != "run"}), flush=True)
        add(arguments.out, row)


def add(out: Path, row: dict[str, object]) -> None:
    """Put a row into the file, in place of an older one of its kind."""
    found = json.loads(out.read_text()) if out.is_file() else {"rows": []}
    key = ("denoiser", "size", "num_steps")
    rows = [old for old in found["rows"] if [old[k] for k in key] != [row[k] for k in key]]
    rows = sorted([*rows, row], key=lambda r: [r[k] for k in key])
    what = "seconds and peak resident memory by size; see benchmarks/scaling.py"
    save({"what": what, "rows": rows}, out)


if __name__ == "__main__":
    main()
