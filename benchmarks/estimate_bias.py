"""How far off a model's guesses are: bias and loss of the denoised estimate over the noise level.

    python benchmarks/estimate_bias.py MODEL [MODEL ...] --cohort cohort.csv [--out RESULT.json]

At sigma 80 the best answer is the mean image of the training patches, and what is wrong with it is colour that every
sample starts from. Training noise ln sigma ~ N(-1.2, 1.2^2) puts one patch in 500 above sigma 10, which is enough for a
long training and not for a short one.

``mean_slope`` regresses the true mean grey of a patch on the estimated one. An optimal estimate has slope 1 at every
noise level; above 1 the network says too little of what it could know, and samples differ less from each other than
tissue does.

The rows of ``glass`` are of flat background, where the best answer is background: how many grey levels the estimate is
off, on average and in the worst patch and colour. Beside them stands how much the glass of real patches differs by
itself.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import torch
from saving import report
from torch import Tensor

from wsigen.experiments.lab import Lab
from wsigen.loss import loss_weight
from wsigen.provenance import run_info
from wsigen.seeds import generator

SIGMAS = (0.5, 1.0, 3.0, 10.0, 30.0, 80.0)
GLASS_SIGMAS = (3.0, 1.6, 1.0, 0.5, 0.2, 0.05)
GLASS = 215  # grey level: a patch without a darker pixel, in any colour, is empty


@torch.inference_mode()
def measure(lab: Lab, mpp: float, patches: int) -> list[dict[str, float]]:
    """One row per noise level: bias in grey levels (mean over colours) and the loss of Eq. 7."""
    pixels = lab.real_patches(patches, mpp, stream="bias")
    real = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 127.5 - 1
    noise = torch.from_numpy(generator(lab.seed, "bias").standard_normal(tuple(real.shape))).float()
    rows = []
    for sigma in SIGMAS:
        estimate = lab.denoiser(real + sigma * noise, sigma, mpp)
        error = estimate - real
        weight = loss_weight(torch.tensor(sigma), lab.denoiser.sigma_data)
        rows.append(
            {
                "mpp": mpp,
                "sigma": sigma,
                "bias_grey_levels": round(float(error.mean()) * 127.5, 2),
                "loss": round(float(weight * error.square().mean()), 4),
                "mean_slope": round(
                    slope(estimate.mean(dim=(1, 2, 3)), real.mean(dim=(1, 2, 3))), 3
                ),
            }
        )
    return rows


def slope(estimated: Tensor, true: Tensor) -> float:
    """Of the regression of the true values on the estimated ones."""
    return float(torch.cov(torch.stack([estimated, true]))[0, 1] / estimated.var())


@torch.inference_mode()
def measure_glass(lab: Lab, mpp: float, patches: int) -> list[dict[str, float]]:
    """One row per noise level from 3, where ``fast`` starts, down: grey levels off on flat background."""
    shape = (patches, 3, lab.patch_px, lab.patch_px)
    noise = torch.from_numpy(generator(lab.seed, "glass").standard_normal(shape)).float()
    rows = []
    for sigma in GLASS_SIGMAS:
        estimate = lab.denoiser(lab.denoiser.background + sigma * noise, sigma, mpp)
        error = (estimate - lab.denoiser.background).mean(dim=(2, 3)) * 127.5
        row = {"mpp": mpp, "sigma": sigma, "bias_grey_levels": float(error.mean())}
        row["largest_grey_levels"] = float(error.abs().max())
        rows.append({name: round(value, 2) for name, value in row.items()})
    return rows


def real_glass(lab: Lab, mpp: float, patches: int) -> dict[str, Any]:
    """Mean colours of real patches that hold nothing darker than GLASS: how many, their mean and spread."""
    pixels = lab.real_patches(patches, mpp, stream="bias").astype(np.float64)
    glass = pixels[pixels.min(axis=(1, 2, 3)) >= GLASS].mean(axis=(1, 2))
    found: dict[str, Any] = {"mpp": mpp, "patches": len(glass)}
    if len(glass) > 1:
        found |= {"colour": glass.mean(axis=0).round(1).tolist()}
        found |= {"spread": glass.std(axis=0, ddof=1).round(1).tolist()}
    return found


def main() -> None:
    """Measure, print and save one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="+", metavar="MODEL")
    parser.add_argument("--cohort", default="phantom")
    parser.add_argument("--scales", type=float, nargs="+", default=[0.7, 6.0, 50.0])
    parser.add_argument("--patches", type=int, default=64)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()

    found = {}
    for model in arguments.models:
        lab = Lab(arguments.cohort, model, seed=arguments.seed)
        scales = arguments.scales
        rows = [row for mpp in scales for row in measure(lab, mpp, arguments.patches)]
        found[Path(model).stem] = {
            "sha256": lab.denoiser.sha256,
            "images_seen": lab.denoiser.info.images_seen,
            "rows": rows,
            "glass": [row for mpp in scales for row in measure_glass(lab, mpp, 16)],
        }
    glass = [real_glass(lab, mpp, 4 * arguments.patches) for mpp in arguments.scales]
    result = {
        "models": found,
        "real_glass": glass,
        "run": run_info(seed=arguments.seed, patches=arguments.patches),
    }
    report(result, arguments.out)


if __name__ == "__main__":
    main()
