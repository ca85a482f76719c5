"""Fig. 6: patches of a generated slide at each magnification, and the training patches that lie nearest.

The slide is of the paper's size and is never made: a few places of it are seen at every scale (`wsigen.zoom.path`), and
the views are cut into patches. Each scale's patches are of its own stage, before finer ones go on from it. As in
`wsigen.experiments.whole_slide`, pictures of real patches are not kept; what is kept are the distances, beside those of
other real patches to the same training patches. Comparable: that no generated patch is a copy. Not comparable: the
distances themselves (another network, fewer training patches).

Few slides show the coarsest scales, and a patch shows a good part of them there: the other real patches overlap the
training patches then, and are near for that reason. ``slides`` says how many there are. A scale that no slide shows has
no distances.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wsigen.coarse_to_fine import drain
from wsigen.experiments.lab import Lab
from wsigen.experiments.result import Row, sheet
from wsigen.experiments.whole_slide import half_tissue, nearest_training, nearness
from wsigen.grid import Window
from wsigen.plan import PREVIEW, StagePlan, stages
from wsigen.seeds import generator
from wsigen.slides.tissue import tissue_mask
from wsigen.zoom.cone import cones
from wsigen.zoom.path import pixels, zoom

Pixels = NDArray[np.uint8]
Place = tuple[float, float]


@dataclass(frozen=True)
class Config:
    """What is generated and looked at.

    Args:
        size: side of the slide in pixels.
        mpp: micrometres per pixel of the slide.
        places: from 0 (top, left) to 1; of the classroom's the first lies at a nest of cells in stroma, the second in
            dense tissue of another piece.
        view_px: side of each view, which is cut into patches.
        plan: how the slide is made; by default as suits the model.
        margin_px: how far round what is wanted patches are evaluated; at 0 the views are within a fifth of a grey level
            of the slide in the mean (benchmarks/results/zoom.json) at less than half of the cost; None: exact.
        factors: magnifications: how many times coarser than the slide the stages are.
        reference: real training patches at each magnification, among which the nearest is looked for.
        shown: patches in each picture.
    """

    size: int = 65_536
    mpp: float = 0.7
    # Two kinds of tissue on slide 0 of "small-3".
    places: tuple[Place, ...] = ((0.4, 0.6), (0.2, 0.25))
    view_px: int = 256
    plan: StagePlan | None = None
    margin_px: int | None = 0
    factors: tuple[int, ...] = (1, 2, 4, 8, 16, 32, 64, 128)
    reference: int = 240
    shown: int = 6


PROFILES = {
    "smoke": Config(
        512, 1.0, ((0.4, 0.6),), plan=PREVIEW, factors=(1, 2, 4, 8), reference=24, shown=4
    ),
    "classroom": Config(),
    "paper": Config(
        mpp=0.625, view_px=2048, plan=StagePlan(), margin_px=None, reference=50_000, shown=12,
        places=tuple((row, column) for row in (0.2, 0.4, 0.6, 0.8) for column in (0.3, 0.5, 0.7)),
    ),
}  # fmt: skip


def cells(config: Config) -> list[dict[str, Any]]:
    """Each magnification."""
    return [{"factor": factor, "mpp": config.mpp * factor} for factor in config.factors]


def measure(cell: dict[str, Any], config: Config, lab: Lab) -> Row:
    """Patches of all places at one magnification, and how near the training patches are."""
    factor, mpp = cell["factor"], cell["mpp"]
    cut, slides = squares(factor, config, lab), lab.slides_showing(mpp)
    if len(cut) == 0 or slides == 0:
        nothing = dict.fromkeys(
            ("nearest", "nearest_least", "nearest_real", "nearest_real_least", "shown")
        )
        found = {"patches": len(cut), "reference": 0, **nothing}
    else:
        found = nearness(cut, mpp, config.reference, config.shown, lab)
    shown = cut[: config.shown]
    picture = {f"patches_{factor}": sheet(shown, len(shown))} if len(shown) else {}
    return Row({"slides": slides, **found}, picture)


def squares(factor: int, config: Config, lab: Lab) -> Pixels:
    """Patches of all places at one magnification that do not overlap, chosen as `half_tissue` does.

    Returns:
        uint8 (n, patch, patch, 3); none where the slide has no such stage.
    """
    side = lab.patch_px
    taken: list[tuple[int, int]] = []
    cut: list[Pixels] = []
    for place in config.places:
        views = shots(place, config, lab)
        if factor not in views:
            continue
        window, image = views[factor]
        before = tuple(taken)
        for top in range(0, window.height - side + 1, side):
            for left in range(0, window.width - side + 1, side):
                row, column = window.top + top, window.left + left
                if all(abs(row - y) >= side or abs(column - x) >= side for y, x in before):
                    taken.append((row, column))
                    cut.append(image[top : top + side, left : left + side])
    if not cut:
        return np.empty((0, side, side, 3), np.uint8)
    tissue = np.array([tissue_mask(square).mean() for square in cut])
    chosen = half_tissue(tissue, generator(lab.seed, "zoom neighbours", factor))
    return np.stack([cut[index] for index in chosen])


def shots(place: Place, config: Config, lab: Lab) -> dict[int, tuple[Window, Pixels]]:
    """The views of one place by magnification, from the overview on, and where they lie; kept in the lab's cache."""
    size, plan, info = config.size, lab.plan(config.plan), lab.denoiser.info
    path = stages(size, size, config.mpp, patch_px=lab.patch_px, mpp_max=info.mpp_max)
    at = (place[0] * path[-1].height, place[1] * path[-1].width)
    needed = cones(lab.painter(plan), path, at, view_px=config.view_px, margin_px=config.margin_px)
    key = ("views", lab.denoiser.digest, needed, lab.device)  # a cone says how the slide is made

    def make(folder: Path) -> None:
        for view in drain(zoom(needed)):
            np.save(folder / f"view_{view.stage.index:02d}.npy", pixels(view))

    images = lab.kept(key, make)
    return {
        round(cone.stage.mpp / config.mpp): (cone.view, image)
        for cone, image in zip(needed, images, strict=True)
    }


def neighbours(factor: int, config: Config, lab: Lab) -> tuple[Pixels, Pixels, NDArray[np.float64]]:
    """The patches that are shown, the nearest training patch of each, and the distances."""
    cut = squares(factor, config, lab)[: config.shown]
    return cut, *nearest_training(cut, config.mpp * factor, config.reference, lab)
