"""At which noise level quality is lost: samples that start from real patches under noise instead of from noise alone.

    python benchmarks/head_start.py MODEL --cohort COHORT.csv [--out benchmarks/results/head_start.json]

Noise of level sigma is added to real training patches, and the model takes it away. All that is plain at sigma is then
given and right; only what is finer is the model's. Where KID against held-out patients falls as sigma falls, there the
model's errors arise. ``start`` 80 is a sample from noise alone, 0 are the training patches themselves: the floor. The
other columns are those of benchmarks/sampling.py.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sampling import BATCH, OCTAVES, judge

from wsigen.arrays import Denoiser
from wsigen.experiments.lab import Lab, to_pixels
from wsigen.provenance import run_info
from wsigen.sampler import sample
from wsigen.schedule import SIGMA_MAX, karras_sigmas
from wsigen.seeds import generator

STARTS = (SIGMA_MAX, 20.0, 5.0, 2.0, 1.0, 0.5, 0.25)


@torch.inference_mode()
def started(
    denoiser: Denoiser, patches: NDArray[np.uint8], start: float, mpp: float, arguments: Any
) -> NDArray[np.uint8]:
    """Add noise of level ``start`` to each patch, the same for every level, and denoise it."""
    sigmas = karras_sigmas(arguments.num_steps, arguments.sigma_min, start)
    clean = torch.from_numpy(patches).permute(0, 3, 1, 2).float() / 127.5 - 1
    stream = generator(arguments.seed, "head start", str(mpp))
    noise = torch.from_numpy(stream.standard_normal(tuple(clean.shape), np.float32))
    parts = (clean + start * noise).split(BATCH)
    return np.concatenate(
        [to_pixels(sample(denoiser, part, sigmas, mpp, solver="2m")) for part in parts]
    )


def main() -> None:
    """Measure, print and save one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("--cohort", default="phantom")
    parser.add_argument("--scales", type=float, nargs="+", default=[0.7, 1.5, 3.0, 6.0])
    parser.add_argument("--samples", type=int, default=128)
    parser.add_argument("--num-steps", type=int, default=12)
    parser.add_argument("--sigma-min", type=float, default=0.1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()

    info = run_info(
        seed=arguments.seed, model=Path(arguments.model), samples=arguments.samples,
        cohort=Path(arguments.cohort), num_steps=arguments.num_steps, sigma_min=arguments.sigma_min,
    )  # fmt: skip
    lab = Lab(arguments.cohort, arguments.model, seed=arguments.seed)
    rows: list[dict[str, Any]] = []
    for mpp in arguments.scales:
        real = lab.real_patches(arguments.samples, mpp, lab.held_out)
        train = lab.real_patches(arguments.samples, mpp)
        for start in (0.0, *STARTS):
            began = time.process_time()
            made = started(lab.denoiser, train, start, mpp, arguments) if start else train
            row = {"mpp": mpp, "start": start, **judge(made, real, train, lab)}
            rows.append(row | {"processor_seconds": round(time.process_time() - began, 1)})
            print(json.dumps(rows[-1]), flush=True)
    result = {
        "model_sha256": lab.denoiser.sha256,
        "images_seen": lab.denoiser.info.images_seen,
        "octaves": OCTAVES,
        "rows": rows,
        "run": info,
    }
    if arguments.out:
        arguments.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
