"""What KID, precision and recall say of changes that everybody knows: real patches compressed, blurred, cut in two.

Held-out patches are changed, and compared with others of the scale that are as they were. A distance of a generator
says little by itself; beside these it says how far that is. No network has a part in it.

    kid, precision, recall   against the other real patches; ``nothing`` done to them is what to hope for
    changed                  mean |changed - as it was| in grey levels of 255
"""

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from wsigen.experiments.lab import Lab
from wsigen.experiments.result import Pixels, Row, with_interval
from wsigen.guidance import AveragePool
from wsigen.mending import binomial
from wsigen.metrics.distance import kid
from wsigen.metrics.manifold import manifold_scores
from wsigen.pixels import to_images, to_pixels


@dataclass(frozen=True)
class Config:
    """What is changed.

    Args:
        patches: real patches, and as many others.
        scales: of them, in micrometres per pixel.
        split: where they are from; None for the held-out one.
        k: neighbour that bounds the balls of precision and recall.
    """

    patches: int = 384
    scales: tuple[float, ...] = (0.7, 1.4, 2.8, 5.6, 11.2)
    split: str | None = None
    k: int = 3


PROFILES = {
    "smoke": Config(12, (2.0,)),
    "classroom": Config(),
    "paper": Config(5000),
}


def compressed(quality: int) -> Callable[[Pixels], Pixels]:
    """As JPEG keeps it, each patch for itself."""

    def of(pixels: Pixels) -> Pixels:
        read = []
        for patch in pixels:
            file = io.BytesIO()
            Image.fromarray(patch).save(file, "JPEG", quality=quality)
            read.append(np.asarray(Image.open(file)))
        return np.stack(read)

    return of


def on_images(change: Callable[[Tensor], Tensor]) -> Callable[[Pixels], Pixels]:
    """A change of images in [-1, 1] as one of pixels."""
    return lambda pixels: to_pixels(change(to_images(pixels)).clamp(-1, 1))


def half_blurred(x: Tensor) -> Tensor:
    """Halfway to a binomial filter of 3 x 3."""
    return torch.lerp(x, binomial(x), 0.5)


def halved_and_back(x: Tensor) -> Tensor:
    """Averages over squares of 2 x 2, as a stage's guide, enlarged again by cubic interpolation."""
    return functional.interpolate(AveragePool()(x), scale_factor=2, mode="bicubic")


CHANGES: dict[str, Callable[[Pixels], Pixels]] = {
    "nothing": lambda pixels: pixels,
    "JPEG, quality 90": compressed(90),
    "JPEG, quality 75": compressed(75),
    "JPEG, quality 40": compressed(40),
    "half blurred": on_images(half_blurred),
    "halved, enlarged": on_images(halved_and_back),
}


def cells(config: Config) -> list[dict[str, Any]]:
    """Every change at each scale."""
    return [{"mpp": mpp, "change": change} for mpp in config.scales for change in CHANGES]


def measure(cell: dict[str, Any], config: Config, lab: Lab) -> Row:
    """Change the patches, and compare with others."""
    mpp, split = cell["mpp"], config.split or lab.held_out
    true = lab.real_patches(config.patches, mpp, split)
    others = lab.features(lab.real_patches(config.patches, mpp, split, "other real"))
    made = CHANGES[cell["change"]](true)
    found = lab.features(made)
    scores = manifold_scores(others, found, config.k).intervals(seed=lab.seed)
    values: dict[str, Any] = {
        "split": split,
        "changed": float(np.abs(made.astype(float) - true).mean()),
    }
    for name in ("precision", "recall"):
        values |= with_interval(name, scores[name])
    return Row(values | with_interval("kid", kid(others, found, seed=lab.seed)))
