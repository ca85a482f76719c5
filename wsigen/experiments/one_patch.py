"""One patch by plans of rising cost, from the same guide and the same noise: what an evaluation buys, to the eye.

Rows "patch" of the experiment `fewer_evaluations`. The canvas is one patch, so that no other patch and no border has a
part in it. Its guides are squares of one generated image, made as slides are, so that what is made can be shown.

    evaluations   of the network, for the one patch
    guide_error   mean |A z - y| in grey levels of 255
    sharpness     of what is made; see `wsigen.metrics.detail`
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from wsigen.coarse_to_fine import upscale
from wsigen.experiments.guides import generated_guide
from wsigen.experiments.lab import Lab
from wsigen.experiments.result import Pixels, Row, sheet
from wsigen.guidance import AveragePool
from wsigen.metrics.detail import sharpness
from wsigen.pixels import GREY, to_images, to_pixels
from wsigen.plan import FAST, PAPER, STUDENT, TOLD, StagePlan
from wsigen.runs.canvas import Image

BY_COST = (
    *((f"student {n}", replace(STUDENT, num_steps=n)) for n in (1, 2, 4)),
    ("told", TOLD),
    ("fast", FAST),
    ("paper", PAPER),
)
PLACES = 3  # squares of the guide


def patch_row(name: str, plan: StagePlan, mpp: float, lab: Lab) -> Row:
    """The patches of one plan."""
    guides = own_guides(lab, mpp)
    made = magnified(guides, plan, mpp, lab)
    error = AveragePool(plan.factor)(to_images(made)) - torch.stack(guides).cpu()
    values = {
        "guide_error": float(error.abs().mean()) * GREY,
        "sharpness": float(np.mean([sharpness(patch) for patch in made])),
    }
    return Row(values, {f"patch_{name.replace(' ', '_')}": sheet(made, 1)})


def own_guides(lab: Lab, mpp: float) -> list[Image]:
    """Squares from the middle of a generated image, one below and right of the other, (3, side / 2, side / 2) each."""
    side = lab.patch_px
    whole = generated_guide(lab, 4 * side, 2 * mpp, lab.plan(None))
    corners = [side + n * (side // 2) for n in range(PLACES)]
    return [whole[:, at : at + side // 2, at : at + side // 2] for at in corners]


def magnified(guides: Sequence[Image], plan: StagePlan, mpp: float, lab: Lab) -> Pixels:
    """Each guide as one patch twice as large, at ``mpp``: uint8 (guides, side, side, 3)."""
    plan = replace(plan, patch_times=1)  # nothing is known of what lies round a guide
    patches = [
        upscale(lab.painter(plan, number), guide, plan.factor * mpp)
        for number, guide in enumerate(guides)
    ]
    return to_pixels(torch.stack(patches))
