"""What half precision changes in a sheet of samples: weights stored in bfloat16, and computing in it.

    python benchmarks/half_weights.py MODEL RUN/training.safetensors [--out benchmarks/results/half_weights.json]

The state of a training run has its averaged weights in single precision; MODEL is what the run shipped of them.
Sheets are drawn from the same noise. ``mean`` and ``largest`` are differences in grey levels from the sheet of single
precision, ``colour`` those of the means at each scale, ``sharpness`` the ratio of that of `wsigen.metrics.detail`.
Beside them stands the same sheet from other noise, as different as samples are.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from saving import report

from wsigen.metrics.detail import sharpness
from wsigen.provenance import run_info
from wsigen.training.checkpoint import load_denoiser
from wsigen.training.loop import Trainer
from wsigen.training.monitor import SHEET_MPP, sample_sheet


def differences(
    sheet: NDArray[np.uint8], other: NDArray[np.uint8], scales: int
) -> dict[str, float | list[float]]:
    """Grey levels between two sheets (rows x px, columns x px, 3) of as many rows as there are scales."""
    a, b = sheet.astype(float), other.astype(float)
    rows = zip(np.split(a, scales), np.split(b, scales), strict=True)
    return {
        "mean": round(float(np.abs(a - b).mean()), 3),
        "largest": float(np.abs(a - b).max()),
        "colour": [round(float(after.mean() - before.mean()), 3) for before, after in rows],
        "sharpness": round(sharpness(b) / sharpness(a), 4),
    }


def main() -> None:
    """Draw the sheets, compare, print and save one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("state", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()

    seed = arguments.seed
    info = run_info(model=arguments.model, state=arguments.state, seed=seed)
    average = Trainer.resume(arguments.state).average.module.state_dict()

    def sheet(*, stored_half: bool, half: bool, seed: int = seed) -> NDArray[np.uint8]:
        denoiser = load_denoiser(arguments.model, half=half)
        if not stored_half:
            denoiser.network.load_state_dict(average)
        with torch.inference_mode():
            return sample_sheet(denoiser, denoiser.info.patch_px, SHEET_MPP, seed=seed)

    single = sheet(stored_half=False, half=False)
    ways: dict[str, Any] = {
        "stored in bfloat16": sheet(stored_half=True, half=False),
        "stored and computed in bfloat16": sheet(stored_half=True, half=True),
        "other noise": sheet(stored_half=False, half=False, seed=seed + 1),
    }
    scales = len(SHEET_MPP)
    result = {
        "mpp": list(SHEET_MPP),
        "rows": [{"way": way} | differences(single, made, scales) for way, made in ways.items()],
        "run": info,
    }
    report(result, arguments.out)


if __name__ == "__main__":
    main()
