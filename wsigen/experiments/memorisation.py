"""Are generated patches copies? Distance to the nearest training patch, beside that of held-out patients, per scale.

Fig. 6 of the paper shows nearest neighbours and leaves the judgement to the eye; this puts a number on it. The ratio of
the median distances is 1 where generated patches are as far from the training patches as patients are whom the model
never saw, and 0 for copies. The share that lies nearer than all but 5 % of the held-out ones finds a few copies
among many new patches. A generator that blurs lies far from everything: read the ratio beside precision. The coarse
scales have few training slides, so that is where to look first.

Needs a model that was trained without the held-out patients. Other real patches of the training slides, which lie as
near as tissue of the same patient does, are given for comparison.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from wsigen.experiments.lab import Lab
from wsigen.experiments.result import Pixels, Row, with_interval
from wsigen.metrics.neighbours import memorisation, nearest
from wsigen.schedule import SIGMA_MIN


@dataclass(frozen=True)
class Config:
    """What is compared.

    Args:
        samples: generated patches at each scale, and as many held-out ones.
        reference: training patches among which the nearest is looked for.
        scales: micrometres per pixel.
        num_steps, solver, sigma_min: see `wsigen.sampler` and `wsigen.schedule`.
    """

    samples: int = 64
    reference: int = 320
    scales: tuple[float, ...] = (1.5, 6.0, 25.0, 50.0)
    num_steps: int = 12
    solver: str = "2m"
    sigma_min: float = 0.1


PROFILES = {
    "smoke": Config(samples=16, reference=48, scales=(2.0, 8.0), num_steps=6),
    "classroom": Config(),
    "paper": Config(
        10_000, 100_000, (0.7, 1.5, 3.0, 6.0, 12.0, 25.0, 50.0, 100.0), 40, "heun", SIGMA_MIN
    ),
}


def cells(config: Config) -> list[dict[str, Any]]:
    """One for each scale."""
    return [{"mpp": mpp} for mpp in config.scales]


def measure(cell: dict[str, Any], config: Config, lab: Lab) -> Row:
    """Distances to the training patches at one scale."""
    mpp = cell["mpp"]
    held_out = lab.draw(config.samples, mpp, lab.held_out)
    patches = lab.generated_patches(
        config.samples,
        mpp,
        num_steps=config.num_steps,
        solver=config.solver,
        sigma_min=config.sigma_min,
        stream="memorisation",
    )
    train = lab.real_patches(config.reference, mpp, "train", "reference")
    own = lab.real_patches(config.samples, mpp)
    counts = {
        "samples": config.samples,
        "reference": config.reference,
        "held_out_patients": held_out.patients,
    }
    return Row(counts | compared(patches, train, held_out.pixels, own, lab))


def compared(
    patches: Pixels, reference: Pixels, held_out: Pixels, same: Pixels, lab: Lab
) -> dict[str, Any]:
    """How near generated patches, held-out ones, and others of the training slides lie to training patches.

    Args:
        patches: generated, uint8 (n, patch_px, patch_px, 3).
        reference: training patches, among which the nearest is looked for.
        held_out: of other patients.
        same: other patches of the training slides.
        lab: where features come from.
    """
    made, train, new, own = (lab.features(side) for side in (patches, reference, held_out, same))
    found = memorisation(made, train, new, seed=lab.seed)
    generated, others, again = (nearest(side, train)[0][:, 0] for side in (made, new, own))
    values: dict[str, Any] = {
        "nearest": float(np.median(generated)),
        "nearest_held_out": float(np.median(others)),
        "nearest_same_slides": float(np.median(again)),
        "distances": np.sort(generated).round(2).tolist(),
        "distances_held_out": np.sort(others).round(2).tolist(),
        "distances_same_slides": np.sort(again).round(2).tolist(),
    }
    return (
        values | with_interval("ratio", found.ratio) | with_interval("near_share", found.near_share)
    )
