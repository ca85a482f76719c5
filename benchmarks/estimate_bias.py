"""How far off a model's first guesses are: bias and loss of the denoised estimate over the noise level.

    python benchmarks/estimate_bias.py MODEL [MODEL ...] --cohort cohort.csv [--out RESULT.json]

At sigma 80 the best answer is the mean image of the training patches, and what is wrong with it is colour that every
sample starts from. Training noise ln sigma ~ N(-1.2, 1.2^2) puts one patch in 500 above sigma 10, which is enough for a
long training and not for a short one.
"""

import argparse
import json
from pathlib import Path

import torch

from wsigen.experiments.lab import Lab
from wsigen.loss import loss_weight
from wsigen.provenance import run_info
from wsigen.seeds import generator

SIGMAS = (0.5, 1.0, 3.0, 10.0, 30.0, 80.0)


@torch.inference_mode()
def measure(lab: Lab, mpp: float, patches: int) -> list[dict[str, float]]:
    """One row per noise level: bias in grey levels (mean over colours) and the loss of Eq. 7."""
    pixels = lab.real_patches(patches, mpp, stream="bias")
    real = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 127.5 - 1
    noise = torch.from_numpy(generator(lab.seed, "bias").standard_normal(tuple(real.shape))).float()
    rows = []
    for sigma in SIGMAS:
        error = lab.denoiser(real + sigma * noise, sigma, mpp) - real
        weight = loss_weight(torch.tensor(sigma), lab.denoiser.sigma_data)
        rows.append(
            {
                "mpp": mpp,
                "sigma": sigma,
                "bias_grey_levels": round(float(error.mean()) * 127.5, 2),
                "loss": round(float(weight * error.square().mean()), 4),
            }
        )
    return rows


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
        rows = [row for mpp in arguments.scales for row in measure(lab, mpp, arguments.patches)]
        found[Path(model).stem] = {
            "sha256": lab.denoiser.sha256,
            "images_seen": lab.denoiser.info.images_seen,
            "rows": rows,
        }
    result = {"models": found, "run": run_info(seed=arguments.seed, patches=arguments.patches)}
    text = json.dumps(result, indent=1)
    print(text)
    if arguments.out:
        arguments.out.write_text(text + "\n")


if __name__ == "__main__":
    main()
