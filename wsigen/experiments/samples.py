"""Samples of the model at seven scales: single patches from noise, without a guide.

No figure of the paper, but the first look at any model. Real patches of the same scales beside them are never kept with
the result; who has a cohort sees both by ``wsigen evaluate --sheet FILE.png``.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from wsigen.errors import WsigenError
from wsigen.experiments.lab import Lab
from wsigen.experiments.result import Pixels, Row, sheet
from wsigen.schedule import SIGMA_MIN

GAP_PX = 16


@dataclass(frozen=True)
class Config:
    """What is sampled.

    Args:
        scales: micrometres per pixel, one row each.
        samples: patches in a row.
        num_steps, solver, sigma_min: see `wsigen.sampler` and `wsigen.schedule`.
    """

    scales: tuple[float, ...] = (0.7, 1.5, 3.0, 6.0, 12.0, 25.0, 50.0)
    samples: int = 8
    num_steps: int = 30
    solver: str = "heun"
    sigma_min: float = 0.1


PROFILES = {
    "smoke": Config(scales=(0.7, 12.0), samples=4, num_steps=6),
    "classroom": Config(),
    "paper": Config(samples=32, num_steps=40, sigma_min=SIGMA_MIN),
}


def cells(config: Config) -> list[dict[str, Any]]:
    """One row of the sheet each."""
    return [{"mpp": mpp} for mpp in config.scales]


def generated(mpp: float, config: Config, lab: Lab) -> Pixels:
    """The samples of one scale."""
    return lab.generated_patches(
        config.samples,
        mpp,
        num_steps=config.num_steps,
        solver=config.solver,
        sigma_min=config.sigma_min,
        stream="sheet",
    )


def beside_real(config: Config, lab: Lab, split: str = "train") -> Pixels:
    """A row for each scale that both know: samples, a white gap, and as many real patches of a split."""
    rows = []
    for mpp in config.scales:
        if not lab.shows(mpp, split):
            continue
        real = lab.real_patches(config.samples, mpp, split, stream="sheet")
        made, theirs = (sheet(side, config.samples) for side in (generated(mpp, config, lab), real))
        gap = np.full((lab.patch_px, GAP_PX, 3), 255, np.uint8)
        rows.append(np.concatenate([made, gap, theirs], axis=1))
    if not rows:
        raise WsigenError(f"no slide of the split {split!r} shows {config.scales} um/px")
    return np.concatenate(rows)


def measure(cell: dict[str, Any], config: Config, lab: Lab) -> Row:
    """Sample one scale; the mean colour beside that of real patches is the simplest check of all."""
    mpp = cell["mpp"]
    made = generated(mpp, config, lab)
    real = lab.real_patches(max(config.samples, 64), mpp, stream="sheet")
    values = {
        "colour": np.round(made.mean(axis=(0, 1, 2)), 1).tolist(),
        "colour_real": np.round(real.mean(axis=(0, 1, 2)), 1).tolist(),
    }
    return Row(values, {f"mpp_{mpp:g}".replace(".", "_"): sheet(made, config.samples)})
