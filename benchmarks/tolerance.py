"""How far the same seed's slide may differ with another batch size, precision, canvas or device.

    python benchmarks/tolerance.py [--size 256] [--seeds 0 1] [--out benchmarks/results/tolerance.json]

Kernels add in another order when the batch has another size, and round otherwise on another device, so that pixels
agree to some last bits, which the stages hand on. For each way ``mean``, ``percentile_99`` and ``most`` are of
|difference| to the slide made in batches of 32, in grey levels of 255, over all seeds; the first row, the same way
twice, has to be 0. Without a GPU the network in single precision stands for a device that knows no bfloat16.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from saving import save

from wsigen.arrays import Denoiser
from wsigen.coarse_to_fine import drain, generate
from wsigen.plan import FAST, stages
from wsigen.provenance import run_info
from wsigen.runs.canvas import strips
from wsigen.runs.painter import Painter
from wsigen.runs.storage import Storage
from wsigen.training.checkpoint import load_denoiser


def main() -> None:
    """Make, compare, save."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--model", default="small")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    denoiser = load_denoiser(arguments.model)
    patch_px, size = denoiser.info.patch_px, arguments.size
    path = stages(size, size, 0.7, patch_px=patch_px)

    def made(
        denoiser: Denoiser, batch_size: int = 32, storage: Storage | None = None
    ) -> NDArray[np.float64]:
        painter = Painter(denoiser, FAST, patch_px, batch_size=batch_size, background=background)
        slides = [
            drain(generate(replace(painter, seed=seed), path, storage=storage))
            for seed in arguments.seeds
        ]
        return np.concatenate([next(strips(s, size, size, size)) for s in slides]).astype(float)

    background = denoiser.background
    reference = made(denoiser)
    ways = {
        "the same": lambda: made(denoiser),
        **{f"batches of {n}": lambda n=n: made(denoiser, n) for n in (1, 7, 64)},
        "canvas in half precision": lambda: made(denoiser, storage=Storage(half=True)),
        "network in single precision": lambda: made(load_denoiser(arguments.model, half=False)),
        "network in bfloat16": lambda: made(load_denoiser(arguments.model, half=True)),
    }
    if torch.cuda.is_available():
        ways["cuda"] = lambda: made(load_denoiser(arguments.model, device="cuda"))
    rows = []
    for name, way in ways.items():
        gap = np.abs(way() - reference)
        rows.append(
            {
                "way": name,
                "mean": round(float(gap.mean()), 4),
                "percentile_99": float(np.percentile(gap, 99)),
                "most": float(gap.max()),
            }
        )
        print(rows[-1], flush=True)
    result = {
        "what": "the same seed made in other ways; see benchmarks/tolerance.py",
        "model_sha256": denoiser.sha256,
        "rows": rows,
        "run": run_info(size=size, seeds=arguments.seeds),
    }
    save(result, arguments.out)


if __name__ == "__main__":
    main()
