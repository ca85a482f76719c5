"""What a place of a slide depends on: geometry, whole numbers only.

What a patch writes depends on what it reads. From an area of the finished stage one goes back through the steps:

    area before step i = union of the patches of step i's grid that touch the area after it, or fade into it
    area of the guide  = area before the first step / k

A grid's patches that touch a rectangle make up a rectangle, less than a patch larger on each side. So the area grows
with the steps, and not with the slide. With a margin it is cut off so far from what is wanted.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from wsigen.errors import WsigenError
from wsigen.grid import Grid, Window
from wsigen.plan import Stage
from wsigen.runs.painter import Painter
from wsigen.runs.plane import fading_px, step_grid


@dataclass(frozen=True)
class Cone:
    """What of a stage an area of it depends on.

    Args:
        stage: its size and scale.
        painter: how the slide is made, which decides what depends on what.
        view: what is shown.
        areas: for each step, what is wanted of the stage after it; the last holds the view and what guides the next
            stage.
        region: all that is looked at or written: what the canvas holds.
        patches: patches that take a step, over all steps.
        patches_of_whole: the same for the whole stage.
        cut: whether a margin has left out some of what the area depends on.
    """

    stage: Stage
    painter: Painter
    view: Window
    areas: tuple[Window, ...]
    region: Window
    patches: int
    patches_of_whole: int
    cut: bool = False

    def part(self, step: int, grid: Grid) -> Grid:
        """The patches of a step that are run; see :class:`wsigen.runs.stage.StageRun`."""
        return grid.touching(self.areas[step].grown(fading_px(self.painter, self.stage, step)))


def cone(
    painter: Painter, stage: Stage, view: Window, wanted: Window, margin_px: int | None = None
) -> Cone:
    """Follow ``wanted``, an area of the finished stage, back through the steps; at most ``margin_px`` round it."""
    if stage.index == 0:
        margin_px = None
    most = wanted.grown(stage.height + stage.width if margin_px is None else margin_px)
    areas: list[Window] = []
    area = region = wanted
    patches, patches_of_whole, cut = 0, 0, False
    own = painter.plan.at(stage.index, stage.mpp)
    for step in reversed(range(own.num_steps)):
        areas.append(area)
        grid = step_grid(stage, painter.plan, painter.patch_px, painter.seed, step)
        needed = grid.touching(area.grown(fading_px(painter, stage, step)))
        patches += len(needed)
        patches_of_whole += len(grid)
        margin = (own.side_px(painter.patch_px) - grid.patch_px) // 2
        seen = covered(needed).grown(margin).clipped(stage.height, stage.width)
        region = bounds(region, seen)
        area = within(seen, most)
        cut = cut or (step > 0 and area != seen)
    return Cone(
        stage, painter, view, tuple(reversed(areas)), region, patches, patches_of_whole, cut
    )


def cones(
    painter: Painter,
    path: Sequence[Stage],
    at: tuple[float, float],
    *,
    view_px: int = 256,
    margin_px: int | None = None,
) -> list[Cone]:
    """The cone of each stage, from the last one back: each needs of the one before its guide and its view.

    Args:
        painter: how the slide is made; the plan's boundary is "pad".
        path: the stages of the slide, see :func:`wsigen.plan.stages`.
        at: row and column of the place, in pixels of the last stage.
        view_px: side of what is shown of each stage.
        margin_px: how far round what is wanted of a guided stage patches are evaluated; None: as far as it depends on.
    """
    last, plan = path[-1], painter.plan
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
        found.append(cone(painter, stage, view, wanted, margin_px))
        guide = guide_area(found[-1])
    return found[::-1]


def guide_area(needed: Cone) -> Window:
    """What a cone reads of the stage before: the guide, and as far round it as empty glass is looked for."""
    factor = needed.painter.plan.factor
    height, width = needed.stage.height // factor, needed.stage.width // factor
    around = needed.region.reduced(factor).grown(needed.painter.guide_margin)
    return around.clipped(height, width)


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


def within(one: Window, other: Window) -> Window:
    """What two rectangles that overlap have in common."""
    top, left = max(one.top, other.top), max(one.left, other.left)
    bottom, right = min(one.bottom, other.bottom), min(one.right, other.right)
    return Window(top, left, bottom - top, right - left)


def frame(outer: Window, inner: Window) -> list[Window]:
    """What of a rectangle lies round another within it, as up to four rectangles."""
    top, left, height, _ = inner
    pieces = [
        Window(outer.top, outer.left, top - outer.top, outer.width),
        Window(inner.bottom, outer.left, outer.bottom - inner.bottom, outer.width),
        Window(top, outer.left, height, left - outer.left),
        Window(top, inner.right, height, outer.right - inner.right),
    ]
    return [piece for piece in pieces if piece.height > 0 and piece.width > 0]


def covered(grid: Grid) -> Window:
    """The rectangle that a grid's patches cover."""
    tops, lefts, side = grid.tops, grid.lefts, grid.patch_px
    return Window(tops[0], lefts[0], tops[-1] + side - tops[0], lefts[-1] + side - lefts[0])
