"""The zoom path: one place at every scale, from overview to cell, and only what it depends on (Fig. 2).

What that is, :mod:`wsigen.zoom.cone` follows back through steps and stages. A stage costs about the same whatever the
size of the slide, so a slide of 65 536 x 65 536 px is seen at every scale without being made. The pixels are those of
the whole slide.

The area grows by a patch with every step, while little of what lies far off is felt. With a margin it is cut off, and
beyond it the guide is taken for the estimate, which costs no evaluation:

    x(sigma') = g + (sigma' / sigma) (x(sigma) - g)     g: the guide, each pixel repeated k x k times

The pixels are then nearly those of the slide. The overview has no guide and is made in full.
"""

import functools
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from wsigen.coarse_to_fine import run_stage
from wsigen.grid import Window
from wsigen.plan import Stage
from wsigen.runs.canvas import Canvas, Image, strips
from wsigen.runs.estimate import evaluations_due
from wsigen.runs.plane import flat_round
from wsigen.runs.progress import Progress
from wsigen.runs.stage import StageRun
from wsigen.runs.state import InMemory
from wsigen.zoom.cone import Cone, covered, frame


@dataclass(frozen=True)
class View:
    """One scale of a zoom: where it lies in its stage, and its pixels, shape (3, height, width)."""

    stage: Stage
    window: Window
    image: Image


def zoom(needs: Sequence[Cone], *, half: bool = False) -> Generator[Progress, None, list[View]]:
    """Make one place of a slide at every scale; yields after each batch and returns a view of each stage.

    The views are crops of what :func:`wsigen.coarse_to_fine.generate` makes with the same painter. Memory holds two
    stages' cones, never a canvas.

    Args:
        needs: what each stage has to make and who makes it, from :func:`wsigen.zoom.cone.cones`; where it was cut,
            views are nearly crops.
        half: the crops of a slide whose canvases are in half precision.
    """
    views: list[View] = []
    guide: Canvas | None = None
    for needed in needs:
        painter, stage, region = needed.painter, needed.stage, needed.region
        state = InMemory(region.height, region.width, half=half, device=painter.device)
        image = yield from run_stage(
            painter,
            stage,
            guide,
            state=functools.partial(Surrounded, state) if needed.cut else state,
            region=region,
            part=needed.part,
        )
        shown = image[needed.view.slices(region.top, region.left)].float().clone()
        views.append(View(stage, needed.view, shown))
        plane, corner = (stage.height, stage.width), (region.top, region.left)
        guide = flat_round(image, painter, plane=plane, corner=corner)
    return views


def evaluations_of(needs: Sequence[Cone]) -> list[int]:
    """Evaluations of networks that each stage of a place costs, none skipped."""
    whole = evaluations_due(needs[-1].painter, [need.stage for need in needs])
    return [
        due * need.patches // need.patches_of_whole for need, due in zip(needs, whole, strict=True)
    ]


class Surrounded:
    """The state of a cut cone: what no patch of a step writes goes to the next noise level with the guide as estimate.

    Args:
        own: where the canvases lie.
        run: the stage that is run.
    """

    step = patches = 0

    def __init__(self, own: InMemory, run: StageRun) -> None:
        self.own, self.run = own, run
        self.half, self.spent = own.half, own.spent

    def image(self, name: str, step: int) -> Image:
        """The canvas."""
        return self.own.image(name, step)

    def keep_apart(self) -> None:
        """As the canvases are told."""
        self.own.keep_apart()

    def batch_done(self, step: int, patches: int, pixels: int) -> None:
        """Nothing to keep."""

    def step_done(self, step: int) -> None:
        """Take the step round the patches; after the last one nobody looks there."""
        run = self.run
        if step + 1 == run.num_steps:
            return
        sigma, sigma_next = float(run.sigmas[step]), float(run.sigmas[step + 1])
        written = covered(run.grid(step)).clipped(run.stage.height, run.stage.width)
        for window in frame(run.region, written):
            guide = run.operator.pinv(run.guide_of([window]))
            x = run.read(step, [window])
            run.write(step + 1, [window], guide + (x - guide) * (sigma_next / sigma))
            if "u" in run.canvases:
                run.canvas(step + 1, "u").write([window], guide)

    def finish(self, num_steps: int) -> Image:
        """The image, where it is."""
        return self.own.finish(num_steps)


def pixels(view: View) -> NDArray[np.uint8]:
    """The picture of a view, uint8 (height, width, 3)."""
    return next(strips(view.image, view.window.height, view.window.width, view.window.height))


def inner_boxes(views: Sequence[View]) -> list[tuple[float, float, float, float] | None]:
    """For each view the top, left, height and width of the next one in its own pixels; None for the last."""
    boxes: list[tuple[float, float, float, float] | None] = []
    for coarse, fine in pairwise(views):
        factor = fine.stage.height / coarse.stage.height
        top, left, height, width = (value / factor for value in fine.window)
        boxes.append((top - coarse.window.top, left - coarse.window.left, height, width))
    return [*boxes, None]
