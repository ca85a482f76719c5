"""What do the borders of each step of grid-shift leave on the trained model? Seams at the grid of every step.

No figure of the paper: it looks for seams with the eye. The shifts follow from the seed, so the grid of each step is
known, and the final image can be tested for seams along each. `wsigen.experiments.exact_field` computes the same for
a field whose best denoiser is known. Columns, lists over the steps, means over the images:

    sigmas     noise level of each step
    effects    the effect of `wsigen.metrics.seams.seam_test` at the grid of the step, with the low and high ends of
               bootstrap intervals over the images
    p_values   of the images, combined by Fisher's method
    greys      root mean square step between patches in grey levels

A projected guide is let go at one noise level whatever the number of steps.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.stats import combine_pvalues

from wsigen.coarse_to_fine import drain, run_stage
from wsigen.experiments.guides import generated_guide
from wsigen.experiments.lab import Lab
from wsigen.experiments.result import Pixels, Row
from wsigen.experiments.rivals import CROP, corners_of_steps
from wsigen.metrics.intervals import bootstrap_mean
from wsigen.metrics.seams import SeamPlanes
from wsigen.pixels import to_pixels
from wsigen.plan import FAST, PAPER, Stage, StagePlan


@dataclass(frozen=True)
class Config:
    """What is made.

    Args:
        plan: of the stage, but for its number of steps, and of the guide's stages; by default as suits the model.
        steps: values of N; by default those of a student, and twice as many.
        teacher_steps: the same for the plan "told", where a student is measured: of its teacher, which makes the coarse
            stages.
        patches: of the model's side that the image has a side; of those of the plan at least 4.
        mpp: micrometres per pixel of the image.
        draws: images for each N, each with a guide of its own.
    """

    plan: StagePlan | None = None
    steps: tuple[int, ...] = (2, 4)
    teacher_steps: tuple[int, ...] = (6,)
    patches: int = 10
    mpp: float = 1.4
    draws: int = 10


PROFILES = {
    "smoke": Config(replace(FAST, overview_steps=4), (4,), (), patches=4, draws=2),
    "classroom": Config(),
    "paper": Config(PAPER, (20, 40, 80), (), patches=16, draws=20),
}


def cells(config: Config) -> list[dict[str, Any]]:
    """One N each."""
    kinds = ((False, config.steps), (True, config.teacher_steps))
    return [{"teacher": teacher, "num_steps": n} for teacher, steps in kinds for n in steps]


def measure(cell: dict[str, Any], config: Config, lab: Lab) -> Row:
    """Make the images of one N and look along the grid of each step."""
    own = lab.plan("told" if cell["teacher"] else config.plan)
    plan = replace(own, num_steps=cell["num_steps"])
    if own.guided_steps:
        let_go = float(own.sigmas()[own.guided_steps - 1]) * (1 - 1e-9)
        plan = plan.guided_down_to(let_go)
    side, steps = lab.patch_px, range(plan.num_steps)
    images, tests = [], []
    for draw in range(config.draws):
        image = made(config, plan, lab, draw)
        corners = corners_of_steps(_stage(config, lab), side, plan, lab.seed + draw)
        whole = plan.side_px(side)
        written = [whole - 2 * plan.margin_at(i) for i in steps]  # by each patch
        planes = {px: SeamPlanes.of(image, px) for px in set(written)}
        tests.append(
            [planes[px].at(corner, align=2) for px, corner in zip(written, corners, strict=True)]
        )
        images.append(image)
    effects = [bootstrap_mean([own[i].effect for own in tests], seed=lab.seed) for i in steps]
    values: dict[str, Any] = {
        "images": config.draws,
        "sigmas": plan.sigmas().tolist()[:-1],
        "guided_steps": plan.guided_steps,
        "effects": [effect.value for effect in effects],
        "effects_low": [effect.low for effect in effects],
        "effects_high": [effect.high for effect in effects],
        "p_values": [
            float(combine_pvalues([own[i].p_value for own in tests]).pvalue) for i in steps
        ],
        "greys": [float(np.mean([own[i].grey for own in tests])) for i in steps],
    }
    worst = int(np.argmax(values["effects"]))
    values |= {
        "worst_step": worst,
        "worst_sigma": values["sigmas"][worst],
        "worst_effect": values["effects"][worst],
        "worst_grey": values["greys"][worst],
    }
    return Row(values, {f"steps_{plan.num_steps}": images[0][:CROP, :CROP]})


def made(config: Config, plan: StagePlan, lab: Lab, draw: int) -> Pixels:
    """One image, uint8 (side, side, 3)."""
    stage = _stage(config, lab)
    guide = generated_guide(lab, stage.height // 2, 2 * config.mpp, lab.plan(config.plan), draw)
    return to_pixels(drain(run_stage(lab.painter(plan, draw), stage, guide))[None])[0]


def _stage(config: Config, lab: Lab) -> Stage:
    side = config.patches * lab.patch_px
    return Stage(9, side, side, config.mpp)
