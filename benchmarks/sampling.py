"""How to sample: steps, solvers and noise levels side by side, judged on patients the model has not seen.

    python benchmarks/sampling.py MODEL --cohort COHORT.csv [--out benchmarks/results/sampling.json]

Each row changes one choice of a common way: 2M, N = 12, sigma from 80 to 0.002, rho = 7. Beside KID against held-out
and training patches stands what a number of this kind cannot say, each for generated over real held-out patches:

    brightness    difference of mean grey, in grey levels
    contrast      ratio of the standard deviation within a patch
    variety       ratio of the standard deviation of the patches' mean greys
    spectrum      power in four octaves of frequency, coarse to fine, in decibels

Two rows are no ways that this package offers. "Renewed noise" is Euler with a fifth more noise before each step
(Karras et al. 2022, Algorithm 2): where errors add up from step to step, it lets the network correct them. "Mean by
rule" replaces one thing about the network: above sigma 5, what it says of a patch's mean colour. The best linear
estimate is known in closed form: with means of training patches distributed as N(m, C), and M pixels,

    E[mean z | mean x] = m + C (C + sigma^2 / M)^-1 (mean x - m)

It tells what the network's own estimate of the mean costs.
"""

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from saving import save
from torch import Tensor

from wsigen.arrays import Denoiser, Images, Levels
from wsigen.experiments.lab import Lab, to_pixels
from wsigen.metrics.distance import kid
from wsigen.metrics.manifold import manifold_scores
from wsigen.provenance import run_info
from wsigen.sampler import euler, evaluations, sample
from wsigen.schedule import karras_sigmas
from wsigen.seeds import generator
from wsigen.training.monitor import save_image

OCTAVES = (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1 / 2)  # in cycles per pixel
BATCH = 64
ABOVE = 5.0  # noise level from which "mean by rule" holds


@dataclass(frozen=True)
class Way:
    """One way to sample."""

    solver: str = "2m"
    num_steps: int = 12
    sigma_min: float = 0.002
    rho: float = 7.0
    last: bool = True  # the evaluation at sigma_min; without, the image keeps that much noise
    renewed: float = 0.0  # share by which noise is raised before each step
    mean_by_rule: bool = False


COMMON = Way()
WAYS = {
    "common": COMMON,
    "N = 8": replace(COMMON, num_steps=8),
    "N = 20": replace(COMMON, num_steps=20),
    "Heun, N = 6": replace(COMMON, solver="heun", num_steps=6),
    "Euler": replace(COMMON, solver="euler"),
    "to 0.02": replace(COMMON, sigma_min=0.02),
    "to 0.02, without the last": replace(COMMON, sigma_min=0.02, last=False),
    "to 0.05": replace(COMMON, sigma_min=0.05),
    "to 0.1": replace(COMMON, sigma_min=0.1),
    "to 0.2": replace(COMMON, sigma_min=0.2),
    "to 0.1, N = 20": replace(COMMON, sigma_min=0.1, num_steps=20),
    "rho = 5": replace(COMMON, rho=5.0),
    "rho = 3": replace(COMMON, rho=3.0),
    "renewed noise": replace(COMMON, solver="euler", renewed=0.2),
    "mean by rule": replace(COMMON, mean_by_rule=True),
}


def linear_mean(patches: NDArray[np.uint8]) -> Callable[[Tensor, float], Tensor]:
    """The best linear estimate of a patch's mean colour from that of its noisy version, (batch, 3) each."""
    means = torch.from_numpy(patches.mean(axis=(1, 2)) / 127.5 - 1)
    centre, covariance = means.mean(dim=0), torch.cov(means.T)
    pixels = patches.shape[1] * patches.shape[2]

    def estimate(noisy: Tensor, sigma: float) -> Tensor:
        total = covariance + sigma**2 / pixels * torch.eye(3, dtype=torch.float64)
        gain = covariance @ torch.linalg.inv(total)
        return centre + (noisy.double() - centre) @ gain.T

    return estimate


def with_mean(denoiser: Denoiser, estimate: Callable[[Tensor, float], Tensor]) -> Denoiser:
    """Wrap a denoiser: at high noise its estimates have the mean colour that ``estimate`` gives."""

    def estimated(x: Images, sigma: Tensor | float, mpp: Tensor | float) -> Images:
        u = denoiser(x, sigma, mpp)
        if float(sigma) < ABOVE:
            return u
        wanted = estimate(x.mean(dim=(2, 3)), float(sigma)).float()
        return u + (wanted - u.mean(dim=(2, 3)))[:, :, None, None]

    return estimated


def renewing(
    denoiser: Denoiser, x: Images, sigmas: Levels, mpp: float, share: float, first: int
) -> Images:
    """Euler steps, each from a noise level that was raised by ``share``; between sigma 0.05 and 50 as in EDM."""
    stream = generator(0, "renewed", str(first))
    for sigma, sigma_next in pairwise(sigmas.tolist()):
        if 0.05 <= sigma <= 50:
            noise = torch.from_numpy(stream.standard_normal(tuple(x.shape), np.float32))
            raised = sigma * (1 + share)
            x, sigma = x + (raised**2 - sigma**2) ** 0.5 * noise, raised
        x = euler(denoiser, x, sigma, sigma_next, mpp)
    return x


@torch.inference_mode()
def made(denoiser: Denoiser, way: Way, number: int, lab: Lab, mpp: float) -> NDArray[np.uint8]:
    """Patches from the same noise for every way."""
    sigmas = karras_sigmas(way.num_steps, way.sigma_min, rho=way.rho)
    sigmas = sigmas if way.last else sigmas[:-1]
    shape = (3, lab.patch_px, lab.patch_px)
    noise = np.stack(
        [
            generator(lab.seed, "sampling", str(i)).standard_normal(shape, np.float32)
            for i in range(number)
        ]
    )
    chunks = []
    for first in range(0, number, BATCH):
        x = torch.from_numpy(noise[first : first + BATCH]) * float(sigmas[0])
        if way.renewed:
            chunks.append(to_pixels(renewing(denoiser, x, sigmas, mpp, way.renewed, first)))
        else:
            chunks.append(to_pixels(sample(denoiser, x, sigmas, mpp, solver=way.solver)))
    return np.concatenate(chunks)


def look(patches: NDArray[np.uint8]) -> dict[str, Any]:
    """Brightness, contrast, variety and spectrum of some patches."""
    grey = patches.mean(axis=3)
    power = np.abs(np.fft.fft2(grey - grey.mean(axis=(1, 2), keepdims=True))) ** 2
    frequency = np.fft.fftfreq(grey.shape[1])
    radius = np.hypot(frequency[:, None], frequency)
    bands = [
        10 * np.log10(power[:, (radius >= low) & (radius < high)].mean())
        for low, high in pairwise(OCTAVES)
    ]
    return {
        "brightness": grey.mean(),
        "contrast": grey.std(axis=(1, 2)).mean(),
        "variety": grey.mean(axis=(1, 2)).std(),
        "spectrum": np.array(bands),
    }


def compared(patches: NDArray[np.uint8], real: NDArray[np.uint8]) -> dict[str, Any]:
    """``look`` of generated patches beside real ones."""
    mine, theirs = look(patches), look(real)
    return {
        "brightness": round(float(mine["brightness"] - theirs["brightness"]), 1),
        "contrast": round(float(mine["contrast"] / theirs["contrast"]), 3),
        "variety": round(float(mine["variety"] / theirs["variety"]), 3),
        "spectrum": np.round(mine["spectrum"] - theirs["spectrum"], 2).tolist(),
    }


def judge(
    patches: NDArray[np.uint8], real: NDArray[np.uint8], train: NDArray[np.uint8], lab: Lab
) -> dict[str, Any]:
    """One row: against held-out patches, and KID against training patches too."""
    features, held_out = lab.features(patches), lab.features(real)
    distance, scores = kid(held_out, features, seed=lab.seed), manifold_scores(held_out, features)
    numbers = {
        "kid": distance.value, "kid_low": distance.low, "kid_high": distance.high,
        "precision": scores.precision, "recall": scores.recall,
        "train_kid": kid(lab.features(train), features, seed=lab.seed).value,
    }  # fmt: skip
    rounded = {name: round(float(value), 4) for name, value in numbers.items()}
    return rounded | compared(patches, real)


def main() -> None:
    """Measure, print and save one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("--cohort", default="phantom")
    parser.add_argument("--scales", type=float, nargs="+", default=[0.7, 1.5, 6.0])
    parser.add_argument("--ways", nargs="+", default=list(WAYS), metavar="WAY")
    parser.add_argument("--samples", type=int, default=128)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--sheets", type=Path, help="Folder for pictures, real patches on top.")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()

    info = run_info(
        seed=arguments.seed, model=Path(arguments.model), samples=arguments.samples,
        cohort=Path(arguments.cohort),
    )  # fmt: skip
    lab = Lab(arguments.cohort, arguments.model, seed=arguments.seed)
    rows: list[dict[str, Any]] = []
    for mpp in arguments.scales:
        real = lab.real_patches(arguments.samples, mpp, lab.held_out)
        train = lab.real_patches(arguments.samples, mpp)
        rows.append({"mpp": mpp, "way": "training patches", **judge(train, real, train, lab)})
        rule = linear_mean(lab.real_patches(4 * arguments.samples, mpp, "train", "means"))
        sheet = [real[:16]]
        for name in arguments.ways:
            way, began = WAYS[name], time.process_time()
            denoiser = with_mean(lab.denoiser, rule) if way.mean_by_rule else lab.denoiser
            patches = made(denoiser, way, arguments.samples, lab, mpp)
            spent = evaluations(way.num_steps, way.solver) - (not way.last)
            row = {
                "mpp": mpp,
                "way": name,
                "evaluations": spent,
                **judge(patches, real, train, lab),
            }
            rows.append(row | {"processor_seconds": round(time.process_time() - began, 1)})
            sheet.append(patches[:16])
            print(json.dumps(rows[-1]), flush=True)
        if arguments.sheets:
            lines = np.concatenate([np.concatenate(list(line), axis=1) for line in sheet])
            save_image(arguments.sheets / f"sheet_{mpp:g}.png", lines)
        result = {
            "model_sha256": lab.denoiser.sha256,
            "images_seen": lab.denoiser.info.images_seen,
            "octaves": OCTAVES,
            "rows": rows,
            "run": info,
        }
        save(result, arguments.out)  # after each scale: a scan that is stopped keeps what it has


if __name__ == "__main__":
    main()
