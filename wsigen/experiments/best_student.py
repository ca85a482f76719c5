"""Two steps have two grids to hide seams with: what would the best possible student leave of them? Exact errors.

No figure of the paper, whose 40 steps have 40 grids. On a Gaussian line what a student should draw is a formula, and so
is what its patches leave where they meet: see `wsigen.seams.best_student`. Columns:

    last_border    mean square step over the true one, less 1, at a border of the last grid, or where patches begin to
                   fade into each other, whichever is farther off: 0 is no seam
    first_border   the same across a border of the step before, half a patch away; none with one step
    border_px      so many independent pixels along borders make last_border one standard deviation of chance
    distance       of the law of whole lines from the true one; see `wsigen.seams.exact`
    profile        the squared step over the true one, from pixel to pixel, half a patch to either side of a border
    cost           patches evaluated, in pixels, over pixels of the line: what steps and margins cost together

Comparable with slides: which margin suffices for a scheme, where correlations are as long as these. Not comparable:
what a trained student leaves, which is no exact transport, on tissue, which is no Gaussian field.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from wsigen.experiments.lab import Lab
from wsigen.experiments.result import Row
from wsigen.plan import STUDENT
from wsigen.seams.best_student import best_student


@dataclass(frozen=True)
class Config:
    """What is computed.

    Args:
        patch_px: side of a patch, margins included.
        steps: evaluations of the student, at the noise levels of its plan.
        margins: pixels of a patch that are looked at and not written.
        lengths: correlation lengths in pixels; 3.5 is that of tissue at 1.4 um/px.
        guide_sigma: noise of the guide, by default the plan's.
    """

    patch_px: int = STUDENT.side_px(64)
    steps: tuple[int, ...] = (1, 2, 4)
    margins: tuple[int, ...] = (0, 2, 4, 8)
    lengths: tuple[float, ...] = (3.5, 14.0)
    guide_sigma: float = STUDENT.guide_sigma or 0.0


PROFILES = {
    "smoke": Config(24, (1, 2), (0, 2), (2.0,)),
    "classroom": Config(),
    "paper": Config(512, margins=(0, 2, 4, 8, 16)),
}


def cells(config: Config) -> list[dict[str, Any]]:
    """Each margin of each number of steps, on each line."""
    return [
        {"length_px": length, "num_steps": steps, "margin_px": margin}
        for length in config.lengths
        for steps in config.steps
        for margin in config.margins
    ]


def measure(cell: dict[str, Any], config: Config, lab: Lab) -> Row:
    """One scheme."""
    steps, margin = cell["num_steps"], cell["margin_px"]
    sigmas = replace(STUDENT, num_steps=steps).sigmas()[1:-1].tolist()
    law = best_student(
        sigmas,
        patch_px=config.patch_px,
        margin_px=margin,
        guide_sigma=config.guide_sigma,
        length_px=cell["length_px"],
    )
    written = config.patch_px - 2 * margin
    half = written // 2
    profile = law.jump[written - half - 1 : written + half]
    reach = margin // 2 + 1
    near = profile[half - reach : half + reach + 1] - 1
    last = float(near[np.abs(near).argmax()])
    return Row(
        {
            "last_border": last,
            "first_border": float(profile[0]) - 1 if steps > 1 else None,
            "border_px": 2 / last**2 if last else None,  # a mean of n squares strays by (2 / n)^1/2
            "distance": law.distance,
            "cost": steps * config.patch_px**2 / written**2,
            "profile": np.round(profile, 6).tolist(),
        }
    )
