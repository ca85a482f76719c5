"""Fig. 2: one place of a slide at every scale, from overview to cell, made without the rest of the slide.

The paper shows such a path through a slide of 65 536 x 65 536 px that was generated whole. Here only what the place
depends on is made (`wsigen.zoom.path`), and the ledger says what that is. Comparable: the scales, and that each picture
is the middle of the one before, magnified. Not comparable: the tissue, which another model drew from other slides.

Rows without pictures count the patches of other sizes of slide, which needs no network: what a stage costs does not
depend on the size of the slide, so the cost grows with the number of stages while the slide's grows with its area.
"""

from dataclasses import dataclass
from typing import Any

from wsigen.coarse_to_fine import drain
from wsigen.experiments.lab import Lab
from wsigen.experiments.result import Row
from wsigen.plan import StagePlan, stages
from wsigen.runs.estimate import evaluations_due
from wsigen.zoom.cone import cones
from wsigen.zoom.path import evaluations_of, inner_boxes, pixels, zoom


@dataclass(frozen=True)
class Config:
    """What is looked at.

    Args:
        sizes: sides of slides in pixels.
        shown: those of them of which the place is made.
        mpp: micrometres per pixel of the slides.
        at: the place, from 0 (top, left) to 1.
        view_px: side of each picture.
        plan: how the slides are made; by default as suits the model.
    """

    sizes: tuple[int, ...] = (1024, 2048, 4096, 8192, 16_384, 32_768, 65_536, 131_072)
    shown: tuple[int, ...] = (65_536,)
    mpp: float = 0.7
    at: tuple[float, float] = (0.4, 0.6)
    view_px: int = 256
    plan: StagePlan | None = None


PROFILES = {
    "smoke": Config(
        (512, 2048), (512,), view_px=128,
        plan=StagePlan(3, 1, "2m", 3.0, 0.02, overview_steps=6, overview_solver="2m"),
    ),
    "classroom": Config(),
    "paper": Config(plan=StagePlan()),
}  # fmt: skip


def cells(config: Config) -> list[dict[str, Any]]:
    """Each size of slide."""
    return [{"size": size} for size in config.sizes]


def measure(cell: dict[str, Any], config: Config, lab: Lab) -> Row:
    """Count what a place depends on; make it, if it is to be shown."""
    size, plan, info = cell["size"], lab.plan(config.plan), lab.denoiser.info
    path = stages(size, size, config.mpp, patch_px=lab.patch_px, mpp_max=info.mpp_max)
    at = (config.at[0] * path[-1].height, config.at[1] * path[-1].width)
    needed = cones(lab.painter(plan), path, at, view_px=config.view_px)
    patches, whole = [c.patches for c in needed], [c.patches_of_whole for c in needed]
    spent = sum(evaluations_of(needed))
    of_whole = sum(evaluations_due(lab.painter(plan), path))
    values = {
        "stages": len(path),
        "mpps": [stage.mpp for stage in path],
        "canvas_px": [stage.width for stage in path],
        "patches": patches,
        "patches_of_whole": whole,
        "share": spent / of_whole,
        "evaluations": spent,
        "evaluations_of_whole": of_whole,
        "made_px": [max(c.region.height, c.region.width) for c in needed],
        "boxes": None,
    }
    if size not in config.shown:
        return Row(values)
    views = drain(zoom(needed))
    values["boxes"] = inner_boxes(views)
    return Row(values, {f"{size}_{view.stage.index:02d}": pixels(view) for view in views})
