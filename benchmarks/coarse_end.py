"""What lowers memorisation at the coarse end? Equal short runs on overviews alone, with and without augmentation.

    python benchmarks/coarse_end.py --cohort COHORT.csv [--out benchmarks/results/coarse_end.json]

A dozen slides stand behind the scales from 20 um/px up. Each run trains a small network on these scales only, with one
choice changed: patches upright, turned and mirrored (as all training here), or with the amounts of stain varied too
until three quarters of the run, so that the jitter does not leak into what is generated. Judged at two scales:

    gap         loss of Eq. 7 on held-out patients over that on training patches: 1 is none
    ratio       median distance of samples to the nearest training patch over that of held-out patches: 0 is copies
    near_share  share of samples nearer to a training patch than all but 5 % of the held-out ones
"""

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from wsigen.denoiser import EDMDenoiser
from wsigen.devices import has_fast_bfloat16
from wsigen.experiments.lab import Lab, to_pixels
from wsigen.loss import denoising_loss
from wsigen.metrics.neighbours import memorisation
from wsigen.networks.unet import UNet, UNetConfig
from wsigen.provenance import run_info
from wsigen.sampler import sample
from wsigen.schedule import karras_sigmas
from wsigen.seeds import generator
from wsigen.training.config import TrainConfig
from wsigen.training.loop import Trainer
from wsigen.training.run import training_patches

SCALES = (25.0, 50.0)
SIGMAS = (0.2, 0.5, 1.0, 3.0, 10.0)
PLAIN = TrainConfig(
    network=UNetConfig(widths=(32, 64, 96), blocks=1, condition_channels=128),
    mpp_min=20.0,
    learning_rate=2e-3,
    warmup_images=400,
    decay_images=4_000,
    sigma_mean=-0.6,
    sigma_std=1.8,
)


def variants(images: int) -> dict[str, TrainConfig]:
    """The runs that are compared."""
    plain = replace(PLAIN, images=images)
    return {
        "upright": replace(plain, augment=False),
        "turned and mirrored": plain,
        "stain jitter too": replace(plain, stain_jitter=0.2, stain_jitter_images=images * 3 // 4),
    }


@torch.inference_mode()
def loss(denoiser: EDMDenoiser, pixels: NDArray[np.uint8], mpp: float, seed: int) -> float:
    """Eq. 7 on some patches, a mean over ``SIGMAS``."""
    clean = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 127.5 - 1
    stream = generator(seed, "coarse end", str(mpp))
    scale, found = torch.full((len(clean),), mpp), []
    for sigma in SIGMAS:
        noise = torch.from_numpy(stream.standard_normal(tuple(clean.shape), np.float32))
        losses = denoising_loss(denoiser, clean, noise, torch.full_like(scale, sigma), scale)
        found.append(float(losses.mean()))
    return float(np.mean(found))


@torch.inference_mode()
def samples(
    denoiser: EDMDenoiser, number: int, mpp: float, patch_px: int, seed: int
) -> NDArray[np.uint8]:
    """Patches from the same noise for each run."""
    stream, sigmas = generator(seed, "coarse samples"), karras_sigmas(12)
    noise = torch.from_numpy(stream.standard_normal((number, 3, patch_px, patch_px), np.float32))
    return to_pixels(sample(denoiser, noise * float(sigmas[0]), sigmas, mpp, solver="2m"))


def judge(denoiser: EDMDenoiser, lab: Lab, number: int) -> list[dict[str, Any]]:
    """A row for each scale."""
    rows = []
    for mpp in SCALES:
        unseen = lab.real_patches(number, mpp, lab.held_out)
        seen, reference = (lab.real_patches(n, mpp, "train", "reference") for n in (number, 320))
        made = lab.features(samples(denoiser, number, mpp, lab.patch_px, lab.seed))
        found = memorisation(made, lab.features(reference), lab.features(unseen), seed=lab.seed)
        losses = [loss(denoiser, pixels, mpp, lab.seed) for pixels in (seen, unseen)]
        row: dict[str, Any] = {"mpp": mpp, "loss_seen": losses[0], "loss_unseen": losses[1]}
        row["gap"] = losses[1] / losses[0]
        for name in ("ratio", "near_share"):
            estimate = getattr(found, name)
            row |= {
                name: estimate.value,
                f"{name}_low": estimate.low,
                f"{name}_high": estimate.high,
            }
        rows.append({name: round(value, 4) for name, value in row.items()})
    return rows


def measure(config: TrainConfig, lab: Lab, number: int) -> dict[str, Any]:
    """Train one run and judge it."""
    trainer = Trainer(config, lab.device)
    began = time.process_time()
    losses: Sequence[float] = [
        step.loss for step in trainer.train(training_patches(config, lab.sources("train")))
    ]
    seconds = time.process_time() - began
    network = trainer.average.module
    assert isinstance(network, UNet)
    denoiser = EDMDenoiser(network.eval(), half=has_fast_bfloat16(lab.device))
    return {
        "images": config.images,
        "training_loss": round(float(np.mean(losses[-len(losses) // 10 :])), 4),
        "rows": judge(denoiser, lab, number),
        "processor_seconds": round(seconds, 1),
    }


def main() -> None:
    """Measure, print and save one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cohort", default="phantom")
    parser.add_argument("--images", type=int, default=12_000)
    parser.add_argument("--samples", type=int, default=64)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()

    lab = Lab(arguments.cohort, seed=arguments.seed)
    found = {}
    for name, config in variants(arguments.images).items():
        found[name] = measure(config, lab, arguments.samples)
        print(name, json.dumps(found[name]), flush=True)
        result = {
            "scales": SCALES,
            "sigmas": SIGMAS,
            "slides": len(lab.sources("train")),
            "variants": found,
            "run": run_info(seed=arguments.seed, images=arguments.images),
        }
        if arguments.out:
            arguments.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
