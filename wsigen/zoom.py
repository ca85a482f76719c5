"""The zoom path: one place at every scale, from overview to cell, and only what it depends on (Fig. 2).

What a patch writes depends on what it reads. From an area of the finished stage one goes back through the steps:

    area before step i = union of the patches of step i's grid that touch the area after it
    area of the guide  = area before the first step / k

A grid's patches that touch a rectangle make up a rectangle, less than a patch larger on each side. So a stage costs
about the same whatever the size of the slide, and a slide of 65 536 x 65 536 px is seen at every scale without being
made. The pixels are those of the whole slide.
"""

import functools
import math
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray

from wsigen.arrays import Denoiser
from wsigen.canvas import Canvas, Image, strips
from wsigen.coarse_to_fine import Progress, run_stage
from wsigen.errors import WsigenError
from wsigen.grid import Grid, Window
from wsigen.plan import Stage, StagePlan
from wsigen.stage_run import device_of, step_grid
from wsigen.state import InMemory


@dataclass(frozen=True)
class Cone:
    """What of a stage an area of it depends on.

    Args:
        stage: its size and scale.
        view: what is shown.
        areas: for each step, what is needed of the stage after it; the last holds the view and what guides the next
            stage.
        region: all that is written: what the canvas holds.
        patches: patches that take a step, over all steps.
        patches_of_whole: the same for the whole stage.
    """

    stage: Stage
    view: Window
    areas: tuple[Window, ...]
    region: Window
    patches: int
    patches_of_whole: int

    def part(self, step: int, grid: Grid) -> Grid:
        """The patches of a step that are run; see :class:`wsigen.stage_run.StageRun`."""
        return grid.touching(self.areas[step])


@dataclass(frozen=True)
class View:
    """One scale of a zoom: where it lies in its stage, and its pixels, shape (3, height, width)."""

    stage: Stage
    window: Window
    image: Image


def cone(
    stage: Stage, view: Window, wanted: Window, plan: StagePlan, *, patch_px: int, seed: int
) -> Cone:
    """Follow ``wanted``, an area of the finished stage, back through the steps."""
    num_steps, factor = plan.at(stage.index).num_steps, plan.factor
    if stage.index == 0:
        num_steps, factor = plan.overview_steps, 1
    areas = []
    area, patches, patches_of_whole = wanted, 0, 0
    for step in reversed(range(num_steps)):
        areas.append(area)
        grid = step_grid(stage, patch_px, plan.boundary, factor, seed, step)
        needed = grid.touching(area)
        patches += len(needed)
        patches_of_whole += len(grid)
        area = covered(needed).clipped(stage.height, stage.width)
    return Cone(stage, view, tuple(reversed(areas)), area, patches, patches_of_whole)


def cones(
    path: Sequence[Stage],
    plan: StagePlan,
    at: tuple[float, float],
    *,
    view_px: int = 256,
    patch_px: int = 64,
    seed: int = 0,
) -> list[Cone]:
    """The cone of each stage, from the last one back: each needs of the one before its guide and its view.

    Args:
        path: the stages of the slide, see :func:`wsigen.plan.stages`.
        plan: how the slide is made; its boundary is "pad".
        at: row and column of the place, in pixels of the last stage.
        view_px: side of what is shown of each stage.
        patch_px: side of the patches.
        seed: name of the slide.
    """
    last = path[-1]
    if plan.boundary != "pad":
        raise WsigenError(f'a zoom path needs the boundary "pad"; the plan has {plan.boundary!r}')
    if not (0 <= at[0] < last.height and 0 <= at[1] < last.width):
        raise WsigenError(
            f"the place is row {at[0]:g}, column {at[1]:g}; expected one on the slide, {last.width} x {last.height} px"
        )
    found: list[Cone] = []
    guide: Window | None = None
    for stage in reversed(path):
        view = view_round(
            stage, at[0] * stage.height / last.height, at[1] * stage.width / last.width, view_px
        )
        wanted = view if guide is None else bounds(view, guide)
        found.append(cone(stage, view, wanted, plan, patch_px=patch_px, seed=seed))
        guide = guide_area(found[-1], plan, patch_px)
    return found[::-1]


def guide_area(needed: Cone, plan: StagePlan, patch_px: int) -> Window:
    """What a cone reads of the stage before: the guide, and as far round it as empty glass is looked for."""
    margin = math.ceil((plan.skip_background or 0) * patch_px / plan.factor)
    height, width = needed.stage.height // plan.factor, needed.stage.width // plan.factor
    return needed.region.reduced(plan.factor).grown(margin).clipped(height, width)


def zoom(
    denoiser: Denoiser,
    path: Sequence[Stage],
    plan: StagePlan,
    at: tuple[float, float],
    *,
    view_px: int = 256,
    patch_px: int = 64,
    seed: int = 0,
    batch_size: int = 32,
    background: float = 1.0,
    half: bool = False,
) -> Generator[Progress, None, list[View]]:
    """Make one place of a slide at every scale; yields after each batch and returns a view of each stage.

    The views are crops of what :func:`wsigen.coarse_to_fine.generate` makes with the same seed. Memory holds two
    stages' cones, never a canvas. Arguments as for :func:`cones` and ``generate``; with ``half`` they are crops of a
    slide whose canvases are in half precision.
    """
    views: list[View] = []
    guide: Canvas | None = None
    flat = functools.partial(_flat, background)
    for needed in cones(path, plan, at, view_px=view_px, patch_px=patch_px, seed=seed):
        stage, region = needed.stage, needed.region
        image = yield from run_stage(
            denoiser,
            stage,
            guide,
            plan,
            patch_px=patch_px,
            seed=seed,
            batch_size=batch_size,
            background=background,
            state=InMemory(region.height, region.width, half=half, device=device_of(denoiser)),
            region=region,
            part=needed.part,
        )
        shown = image[needed.view.slices(region.top, region.left)].float().clone()
        views.append(View(stage, needed.view, shown))
        corner = (region.top, region.left)
        guide = Canvas(image, "pad", flat, plane=(stage.height, stage.width), corner=corner)
    return views


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


def view_round(stage: Stage, row: float, column: float, side: int) -> Window:
    """A square round a place, moved inside the stage; no larger than the stage."""
    height, width = min(side, stage.height), min(side, stage.width)
    top = min(max(round(row - height / 2), 0), stage.height - height)
    left = min(max(round(column - width / 2), 0), stage.width - width)
    return Window(top, left, height, width)


def bounds(one: Window, other: Window) -> Window:
    """The smallest rectangle round two."""
    top, left = min(one.top, other.top), min(one.left, other.left)
    bottom, right = max(one.bottom, other.bottom), max(one.right, other.right)
    return Window(top, left, bottom - top, right - left)


def covered(grid: Grid) -> Window:
    """The rectangle that a grid's patches cover."""
    tops, lefts, side = grid.tops, grid.lefts, grid.patch_px
    return Window(tops[0], lefts[0], tops[-1] + side - tops[0], lefts[-1] + side - lefts[0])


def _flat(background: float, window: Window) -> Image:
    return torch.full((3, window.height, window.width), background)
