"""What a run will cost, before it starts: evaluations of networks, and seconds at the speed of a batch just timed.

    evaluations = sum over stages and steps of  (patches of the step's grid) (networks asked at the step)

It is what is spent where no patch is skipped as empty glass; then less is.
"""

import time
from collections.abc import Sequence

import torch

from wsigen.plan import Stage
from wsigen.runs.painter import Painter
from wsigen.runs.plane import step_grid

MID_SIGMA = 1.0  # a noise level of every stage


def evaluations_due(painter: Painter, path: Sequence[Stage]) -> list[int]:
    """Evaluations of the network that each stage of a slide costs, none skipped."""
    due = []
    for stage in path:
        plan = painter.at(stage.index, stage.mpp)
        grids = [
            len(step_grid(stage, painter.plan, painter.patch_px, painter.seed, i))
            for i in range(plan.num_steps)
        ]
        due.append(sum(number * plan.cost_at(i) for i, number in enumerate(grids)))
    return due


@torch.inference_mode()
def seconds_each(painter: Painter, stage: Stage) -> float:
    """Seconds of one evaluation in a batch of ``stage``, as a clock on the wall sees them after a first batch."""
    patches = len(step_grid(stage, painter.plan, painter.patch_px, painter.seed, 0))
    batch, side = min(painter.batch_size, patches), painter.patch_px
    x = torch.zeros(batch, 3, side, side, device=painter.device)

    def timed() -> float:
        began = time.monotonic()
        painter.denoiser(x, MID_SIGMA, stage.mpp)
        if painter.device.type == "cuda":
            torch.cuda.synchronize(painter.device)
        return time.monotonic() - began

    timed()
    return timed() / batch
