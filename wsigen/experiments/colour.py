"""Do colours wander from stage to stage? Mean colour of tissue and of empty glass, over seven stages.

Each stage is guided by the one before, so an error of its colours is handed on; drift of this kind is known from
histology. Of a slide of seven stages, two places are followed from the overview to the last stage: the one deepest in
tissue and the one deepest in glass. At each stage the area it shares with the stage before is compared: with A the
2 x 2 average, drift = mean of A z_l - mean of z_(l-1), and the sum of these over the stages is what has become of the
colour. Not in the paper, which shows no numbers on colour. The aim is a drift below 1 % of the range in glass.

Rows with a ``skip_background`` skip what the guide shows as empty; see `wsigen.runs.background`. ``off_background`` is
how far the mean colour of each stage's view lies from that of empty glass, in grey levels.
"""

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from wsigen.coarse_to_fine import drain, run_stage
from wsigen.experiments.lab import Lab
from wsigen.experiments.result import Pixels, Row
from wsigen.metrics.stages import average
from wsigen.pixels import GREY, to_pixels
from wsigen.plan import Stage, stages
from wsigen.runs.painter import Painter
from wsigen.slides.tissue import BACKGROUND
from wsigen.zoom.cone import cones
from wsigen.zoom.path import View, zoom

DARKER = 25  # grey levels below the glass: tissue


@dataclass(frozen=True)
class Config:
    """What is generated.

    Args:
        slides: seeds, one slide each, whose overviews have both tissue and glass.
        stages: after the overview.
        mpp: micrometres per pixel of the last stage.
        view_px: side of what is looked at of each stage.
        plan: see `wsigen.plan`; by default the one that suits the model.
        margins: safety margins of skipping, in patches; None skips nothing.
    """

    slides: tuple[int, ...] = (0, 1, 2, 3, 4)
    stages: int = 7
    mpp: float = 0.7
    view_px: int = 64
    plan: str | None = None
    margins: tuple[float | None, ...] = (None, 0.5)


PROFILES = {
    "smoke": Config((3,), stages=1, mpp=32.0, view_px=32),
    "classroom": Config(),
    "paper": Config(tuple(range(10)), view_px=512, plan="paper"),
}


def cells(config: Config) -> list[dict[str, Any]]:
    """Both places of each slide, without and with skipping."""
    return [
        {"slide": seed, "place": place, "skip_background": margin}
        for seed in config.slides
        for margin in config.margins
        for place in ("tissue", "glass")
    ]


def measure(cell: dict[str, Any], config: Config, lab: Lab) -> Row:
    """Follow one place of one slide through all stages."""
    recipe = replace(lab.plan(config.plan), skip_background=cell["skip_background"])
    seed = cell["slide"]
    side = lab.patch_px * 2**config.stages
    path = stages(side, side, config.mpp, patch_px=lab.patch_px)
    painter = lab.denoiser.painter(recipe, seed=seed)
    row, column = deepest(overview(painter, path[0]), cell["place"])
    at = ((row + 0.5) * 2**config.stages, (column + 0.5) * 2**config.stages)
    needed = cones(painter, path, at, view_px=config.view_px)
    views = drain(zoom(needed))
    drifts = np.array([drift(before, after) for before, after in pairwise(views)])
    total = np.cumsum(drifts, axis=0)
    last = pixels(views[-1])
    values: dict[str, Any] = {
        "mpp": [view.stage.mpp for view in views],
        "colour_end": last.mean(axis=(0, 1)),
        "drift": drifts,
        "drift_percent": np.abs(drifts).max(axis=1) / 2.55,
        "total_percent": np.abs(total).max(axis=1) / 2.55,
        "total_percent_end": float(np.abs(total[-1]).max() / 2.55),
        "largest_percent": float(np.abs(total).max() / 2.55),
        "off_background": [pixels(view).mean(axis=(0, 1)) - BACKGROUND for view in views],
    }
    tiles = [to_pixels(view.image[None])[0] for view in views if view.stage.index > 0]
    film = np.concatenate([t[: config.view_px, : config.view_px] for t in tiles], axis=1)
    name = f"{cell['place']}_{seed}"
    skipping = "" if cell["skip_background"] is None else f"_skip_{cell['skip_background']:g}"
    return Row(values, {name + skipping: film})


def overview(painter: Painter, stage: Stage) -> Pixels:
    """Stage 0 of a slide, uint8 (height, width, 3)."""
    return to_pixels(drain(run_stage(painter, stage, None))[None])[0]


def deepest(image: Pixels, place: str) -> tuple[int, int]:
    """Row and column of the pixel of tissue, or of glass, that is farthest from the other and from the edge."""
    chosen = image.mean(axis=2) < BACKGROUND - DARKER
    chosen = chosen if place == "tissue" else ~chosen
    distance = ndimage.distance_transform_edt(np.pad(chosen, 1))[1:-1, 1:-1]
    row, column = np.unravel_index(distance.argmax(), distance.shape)
    return int(row), int(column)


def drift(before: View, after: View) -> NDArray[np.float64]:
    """Change of the mean red, green and blue from one stage to the next, over what both views show, in grey levels."""
    guide, finer = pixels(before), pixels(after)
    factor = after.stage.height // before.stage.height
    top, left = (-(-corner // factor) for corner in (after.window.top, after.window.left))
    bottom, right = (edge // factor for edge in (after.window.bottom, after.window.right))
    top, left = max(top, before.window.top), max(left, before.window.left)
    bottom, right = min(bottom, before.window.bottom), min(right, before.window.right)
    mine = finer[
        top * factor - after.window.top : bottom * factor - after.window.top,
        left * factor - after.window.left : right * factor - after.window.left,
    ]
    theirs = guide[
        top - before.window.top : bottom - before.window.top,
        left - before.window.left : right - before.window.left,
    ]
    change = average(mine, factor) - theirs
    return np.asarray(change.mean(axis=(0, 1)))


def pixels(view: View) -> NDArray[np.float64]:
    """A view in grey levels, not rounded, (height, width, 3)."""
    return (view.image.permute(1, 2, 0).double().cpu().numpy() + 1) * GREY
