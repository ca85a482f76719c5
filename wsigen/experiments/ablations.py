"""What each choice of network and training is worth: short runs of one budget and seed, each with one choice changed.

No table of the paper. A run is judged by the loss of Eq. 7 on patients it has not seen, at fixed scales and noise
levels and with the same noise for every run; and by the gap between two patches that contain the same place (tile
mismatch). The runs are short and their network is small: they rank choices early in training, and say nothing of
the end of a long one.
"""

import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from wsigen.denoiser import EDMDenoiser
from wsigen.devices import has_fast_bfloat16
from wsigen.experiments.lab import Lab
from wsigen.experiments.places import PlacedPatches
from wsigen.experiments.result import Row
from wsigen.loss import denoising_loss
from wsigen.metrics.placement import placement_gap
from wsigen.networks.unet import UNet, UNetConfig
from wsigen.pixels import to_images
from wsigen.seeds import generator
from wsigen.training.config import TINY, TrainConfig
from wsigen.training.loop import Trainer
from wsigen.training.run import training_patches

SIGMAS = (0.05, 0.2, 0.5, 1.0, 3.0, 10.0, 30.0, 80.0)
SHIFT_PX = 16  # between the two patches whose answers are compared, at noise levels 0.5 and 3


@dataclass(frozen=True)
class Config:
    """What is trained and how it is judged.

    Args:
        train: the run from which all others differ in one choice.
        variants: which, see :func:`variant`.
        scales: micrometres per pixel at which they are judged.
        patches: real patches at each scale.
    """

    train: TrainConfig
    variants: tuple[str, ...] = (
        "reference", "group norm", "no attention", "not told mpp", "fold 4", "wider noise",
        "uniform mpp", "more noise when coarse", "upright", "stain jitter", "fold 1", "detail", "averages",
    )  # fmt: skip
    scales: tuple[float, ...] = (0.7, 1.5, 3.0, 6.0, 12.0, 25.0, 50.0)
    patches: int = 64


SHORT = TrainConfig(
    network=UNetConfig(widths=(32, 64, 96), blocks=1, condition_channels=128),
    images=4_000,
    warmup_images=400,
    decay_images=2_000,
)
PROFILES = {
    "smoke": Config(
        replace(TINY, images=160), variants=("reference", "group norm"), scales=(2.0,), patches=8
    ),
    "classroom": Config(SHORT, patches=32),
    "paper": Config(replace(TrainConfig(), images=2_000_000), patches=512),
}


def variant(train: TrainConfig, name: str) -> TrainConfig:
    """The run with one choice changed."""
    network = train.network
    changed = {
        "reference": train,
        "group norm": replace(train, network=replace(network, norm="group")),
        "no attention": replace(train, network=replace(network, attention=False)),
        "not told mpp": replace(train, network=replace(network, knows_mpp=False)),
        "fold 1": replace(train, network=replace(network, fold=1)),
        "fold 4": replace(train, network=replace(network, fold=4)),
        "detail": replace(train, network=replace(network, detail=network.widths[0] // 2)),
        "averages": replace(train, network=replace(network, averages=(4, 16, train.patch_px))),
        "uniform mpp": replace(train, scale="uniform"),
        "wider noise": replace(train, sigma_mean=-0.6, sigma_std=1.8),
        "more noise when coarse": replace(train, sigma_mean_per_octave=0.2),
        "upright": replace(train, augment=False),
        # the last quarter of the run sees the stains as they are
        "stain jitter": replace(train, stain_jitter=0.2, stain_jitter_images=train.images * 3 // 4),
    }
    return changed[name]


def cells(config: Config) -> list[dict[str, Any]]:
    """One run each."""
    return [{"variant": name} for name in config.variants]


def measure(cell: dict[str, Any], config: Config, lab: Lab) -> Row:
    """Train one variant and judge it."""
    train = variant(config.train, cell["variant"])
    sampler = training_patches(train, lab.sources("train"))
    trainer = Trainer(train, lab.device)
    began = time.monotonic()
    seen = [(step.images_seen, step.loss) for step in trainer.train(sampler)]
    seconds = time.monotonic() - began
    network = trainer.average.module
    assert isinstance(network, UNet)
    denoiser = EDMDenoiser(network.eval(), train.sigma_data, half=has_fast_bfloat16(lab.device))

    losses = {
        split: np.array([_losses(denoiser, lab, config, split, mpp) for mpp in config.scales])
        for split in ("train", lab.held_out)
    }
    gaps = [_gap(denoiser, lab, config, sigma) for sigma in (0.5, 3.0)]
    unseen = losses[lab.held_out]
    return Row(
        {
            "images": train.images,
            "parameters": sum(p.numel() for p in network.parameters()),
            "training_loss": float(np.mean([loss for _, loss in seen[-len(seen) // 10 :]])),
            "scales": list(config.scales),
            "loss_seen": losses["train"].mean(axis=1),
            "loss_unseen": unseen.mean(axis=1),
            "sigmas": list(SIGMAS),
            "loss_unseen_by_sigma": unseen.mean(axis=0),
            "mean_loss_unseen": float(unseen.mean()),
            "gap_pixels": [gap.pixels for gap in gaps],
            "gap_shade": [gap.shade for gap in gaps],
            "patches_per_second": train.images / seconds,
        }
    )


def _images(lab: Lab, config: Config, patch_px: int, split: str, mpp: float) -> torch.Tensor:
    """The same real patches for every variant, in [-1, 1]."""
    placed = PlacedPatches(lab.sources(split), patch_px, augment=False)
    stream = generator(lab.seed, "ablations", split, str(mpp))
    pixels = placed.draw(config.patches, mpp, stream).pixels
    return to_images(pixels).to(lab.device)


def _noise(images: torch.Tensor, lab: Lab, *name: str) -> torch.Tensor:
    stream = generator(lab.seed, "ablation noise", *name)
    drawn = stream.standard_normal(tuple(images.shape), np.float32)
    return torch.from_numpy(drawn).to(images.device)


def _losses(denoiser: EDMDenoiser, lab: Lab, config: Config, split: str, mpp: float) -> list[float]:
    """Eq. 7 at one scale, one mean for each of ``SIGMAS``."""
    clean = _images(lab, config, config.train.patch_px, split, mpp)
    scale = torch.full((len(clean),), mpp, device=clean.device)
    found = []
    with torch.inference_mode():
        for sigma in SIGMAS:
            noise = _noise(clean, lab, split, str(mpp), str(sigma))
            level = torch.full_like(scale, sigma)
            found.append(float(denoising_loss(denoiser, clean, noise, level, scale).mean()))
    return found


def _gap(denoiser: EDMDenoiser, lab: Lab, config: Config, sigma: float) -> Any:
    """Tile mismatch at the finest scale judged."""
    patch_px, mpp = config.train.patch_px, config.scales[0]
    shift = min(SHIFT_PX, patch_px // 4)
    images = _images(lab, config, patch_px + shift, lab.held_out, mpp)
    noisy = images + sigma * _noise(images, lab, "gap", str(sigma))
    return placement_gap(denoiser, noisy, sigma, mpp, patch_px=patch_px, margin=patch_px // 8)
