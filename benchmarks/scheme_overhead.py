"""What grid-shift costs beside the network: the time of a stage over that of its bare evaluations.

    OMP_NUM_THREADS=1 python benchmarks/scheme_overhead.py [--size 4096] [--num-steps 10] [--model small] [--rounds 3]

Prints ``ratio`` = seconds of the stage / (evaluations x seconds per patch of the bare denoiser at its best batch).
Both are measured in turn, several times, in one run; the ratio is the median over the rounds. Seconds are the
processor's, of one thread, so that other work on the machine does not count.
"""

import argparse
import json
import statistics
import time
from dataclasses import replace

import torch

from wsigen.coarse_to_fine import run_stage
from wsigen.plan import Stage, plan
from wsigen.provenance import run_info
from wsigen.training.checkpoint import LoadedDenoiser, load_denoiser

BATCHES = (8, 16, 32, 64)


@torch.no_grad()
def seconds_per_patch(denoiser: LoadedDenoiser, batch: int, patches: int) -> float:
    """Mean time of the bare denoiser on one patch, in batches."""
    side = denoiser.info.patch_px
    x = torch.randn(batch, 3, side, side)
    denoiser(x, 1.0, 1.0)
    began = time.process_time()
    for _ in range(max(1, patches // batch)):
        denoiser(x, 1.0, 1.0)
    return (time.process_time() - began) / (max(1, patches // batch) * batch)


def main() -> None:
    """Measure and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=1024)
    parser.add_argument("--num-steps", type=int, default=10)
    parser.add_argument("--model", default="small")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()

    torch.set_num_threads(1)
    denoiser = load_denoiser(arguments.model)
    stage = Stage(1, arguments.size, arguments.size, 1.0)
    guide = torch.rand(3, arguments.size // 2, arguments.size // 2) * 2 - 1
    batch = min(BATCHES, key=lambda size: seconds_per_patch(denoiser, size, 128))
    fewer = replace(plan("fast"), num_steps=arguments.num_steps)
    rounds = []
    for _ in range(arguments.rounds):
        bare = seconds_per_patch(denoiser, batch, 512)
        began = time.process_time()
        steps = run_stage(
            denoiser, stage, guide, fewer, patch_px=denoiser.info.patch_px, batch_size=batch
        )
        for last in steps:  # noqa: B007
            pass
        spent = time.process_time() - began
        bare = (bare + seconds_per_patch(denoiser, batch, 512)) / 2  # before and after
        rounds.append((spent / (last.evaluations * bare), spent, bare))
    result = {
        "ratio": round(statistics.median(r[0] for r in rounds), 3),
        "ratios": [round(r[0], 3) for r in rounds],
        "stage_seconds": [round(r[1], 2) for r in rounds],
        "bare_patches_per_second": [round(1 / r[2], 1) for r in rounds],
        "evaluations": last.evaluations,
        "batch_size": batch,
        "run": run_info(**vars(arguments)),
    }
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
