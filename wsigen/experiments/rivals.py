"""Grid-shift and its rivals on the trained model: one guided stage each, with the same guide, noise, solver and steps.

The paper shows grid-shift and names DDNM's mask-shift beside it; here both are measured, with what else is in use. The
guide is itself generated, so that pictures can be shown. Columns:

    seam_*       the seam test at the base grid (`wsigen.metrics.seams`), its effect with an interval by patch edges
    last_seam_*  the same at the grid of the last step
    step_*       the same at the grid that grid-shift has at each step, lists over the steps; to schemes with a grid of
                 their own these are grids like any other. `wsigen.experiments.step_seams` looks at more images
    periodogram  power of the jumps at multiples of 1 / patch over that between them, whatever the offset: 1 is no seam
    mismatch_*   mean colours of patches against their neighbours', for what has no sharp edge
    kid          crops of what was made against real patches of that scale; all schemes share the guide, so that their
                 differences count, not the height
    guide_error  mean |A z - y| in grey levels
    detail       power above the guide's Nyquist over that of real patches: averaging blurs
    evaluations, chain   the ledger (`wsigen.seams.scheme`)

p-values of several draws are combined by Fisher's method; effects are means.
"""

import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import combine_pvalues

from wsigen.coarse_to_fine import drain
from wsigen.experiments.guides import averaged, generated_guide
from wsigen.experiments.lab import Lab
from wsigen.experiments.result import Row, with_interval
from wsigen.metrics.detail import detail, sharpness
from wsigen.metrics.distance import kid
from wsigen.metrics.intervals import mean_of
from wsigen.metrics.lattice import LatticeTest
from wsigen.metrics.seam_intervals import seam_size
from wsigen.metrics.seams import SeamPlanes, periodogram, tile_mismatch
from wsigen.pixels import GREY, to_pixels
from wsigen.plan import FAST, PAPER, Stage, StagePlan
from wsigen.runs.plane import step_grid
from wsigen.seams.rivals import RIVALS, rival
from wsigen.seams.scheme import sew

CROP = 192


@dataclass(frozen=True)
class Config:
    """What is made.

    Args:
        schemes: names, see `wsigen.seams.rivals`.
        plan: of the stage and of the guide's stages.
        patches: of a side of the image; the seam test needs 4, the mismatch test 6.
        mpp: micrometres per pixel of the image.
        draws: images of each scheme, each with a guide of its own.
        real: real patches to compare with.
        split: where they are from.
    """

    schemes: tuple[str, ...] = tuple(RIVALS)
    plan: StagePlan = FAST
    patches: int = 6
    mpp: float = 1.4
    draws: int = 2
    real: int = 128
    split: str = "train"


PROFILES = {
    "smoke": Config(
        ("grid-shift", "fixed grid", "mask-shift", "MultiDiffusion Gaussian 1/2"),
        replace(FAST, num_steps=3, guided_steps=1, overview_steps=4),
        patches=4,
        draws=1,
        real=24,
    ),
    "classroom": Config(),
    "paper": Config(plan=PAPER, patches=16, draws=20, real=5000),
}


def cells(config: Config) -> list[dict[str, Any]]:
    """One scheme each."""
    return [{"scheme": name} for name in config.schemes]


def measure(cell: dict[str, Any], config: Config, lab: Lab) -> Row:
    """Make the images of one scheme and look at them."""
    real = lab.real_patches(config.real, config.mpp, config.split)
    images, errors, costs = [], [], []
    for draw in range(config.draws):
        side = config.patches * lab.patch_px // 2
        guide = generated_guide(lab, side, 2 * config.mpp, config.plan, draw)
        began = time.monotonic()
        painter = lab.painter(config.plan, draw)
        image, ledger = drain(sew(rival(cell["scheme"]), painter, _stage(config, lab), guide))
        costs.append(time.monotonic() - began)
        errors.append(float((averaged(image) - guide).abs().mean()) * GREY)
        images.append(to_pixels(image[None])[0])
    crops = np.concatenate([all_crops(image, lab.patch_px) for image in images])
    values = {
        "guide_error": float(np.mean(errors)),
        "detail": float(np.mean([detail(crop) for crop in crops]))
        / float(np.mean([detail(patch) for patch in real])),
        "sharpness": float(np.mean([sharpness(crop) for crop in crops])),
        "evaluations": ledger.evaluations,
        "chain": ledger.chain,
        "seconds_an_image": float(np.mean(costs)),
        **with_interval("kid", kid(lab.features(real), lab.features(crops), seed=lab.seed)),
    }
    name = cell["scheme"].replace(" ", "_").replace("/", "_")
    return Row(values | _tests(images, config, lab), {name: images[0][:CROP, :CROP]})


def _tests(images: list[NDArray[np.uint8]], config: Config, lab: Lab) -> dict[str, Any]:
    """Look for seams in each image; columns of the table."""
    side, steps = lab.patch_px, range(config.plan.num_steps)
    stage = _stage(config, lab)
    planes = [SeamPlanes.of(image, side) for image in images]
    corners = [corners_of_steps(stage, side, config.plan, lab.seed + n) for n in range(len(images))]

    def at(places: list[tuple[int, int]]) -> list[LatticeTest]:
        return [plane.at(place, align=2) for plane, place in zip(planes, places, strict=True)]

    values: dict[str, Any] = {}
    places = {"seam": [(0, 0)] * len(images), "last_seam": [own[-1] for own in corners]}
    for name, grids in places.items():
        sizes = [
            seam_size(image, side, grid, align=2, seed=lab.seed).effect
            for image, grid in zip(images, grids, strict=True)
        ]
        values |= _summary(name, at(grids)) | with_interval(f"{name}_effect", mean_of(sizes))
    if config.patches >= 6:
        values |= _summary("mismatch", [tile_mismatch(image, side, align=2) for image in images])
    values["periodogram"] = float(np.mean([periodogram(image, side).ratio for image in images]))
    at_steps = [_summary("step", at([own[i] for own in corners])) for i in steps]
    values["step_sigmas"] = config.plan.sigmas().tolist()[:-1]
    values["step_effects"] = [summary["step_effect"] for summary in at_steps]
    values["step_p_values"] = [summary["step_p"] for summary in at_steps]
    return values


def _summary(name: str, tests: list[LatticeTest]) -> dict[str, float]:
    """Mean effect and size, and the combined p-value, of tests of several images."""
    return {
        f"{name}_effect": float(np.mean([test.effect for test in tests])),
        f"{name}_p": float(combine_pvalues([test.p_value for test in tests]).pvalue),
        f"{name}_grey": float(np.mean([test.grey for test in tests])),
    }


def corners_of_steps(stage: Stage, side: int, plan: StagePlan, seed: int) -> list[tuple[int, int]]:
    """A corner of the grid that grid-shift has at each step of a plan, of what its patches write."""
    grids = [step_grid(stage, plan, side, seed, step) for step in range(plan.num_steps)]
    return [(grid.tops[0] % grid.patch_px, grid.lefts[0] % grid.patch_px) for grid in grids]


def _stage(config: Config, lab: Lab) -> Stage:
    side = config.patches * lab.patch_px
    return Stage(9, side, side, config.mpp)


def all_crops(image: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Every patch on the grid and half a patch beside it, so that seams lie within, uint8 (n, side, side, 3)."""
    step = side // 2
    rows, columns = (range(0, length - side + 1, step) for length in image.shape[:2])
    return np.stack([image[r : r + side, c : c + side] for r in rows for c in columns])
