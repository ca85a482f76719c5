"""Fewer evaluations for the same picture: quality over evaluations per patch, by solver, steps, start, and skipping.

No table of the paper, which spends 79 evaluations on each patch of each stage. Small slides are made from the same
overviews with the same seed by every plan, through two stages, so that a stage also pays for the faults of the one
before. Crops are compared with real patches of their scale:

    kid, precision, recall   of the crops; the row of real patches against other real ones is what to hope for
    seam_*                   the seam test (`wsigen.metrics.seams`) at the grid, of those of the last stage's steps,
                             where it finds most; seam_chance is the same at as many grids that no step used
    difference               mean |slide - that of the plan with most evaluations| in grey levels of 255

Rows with a ``switch`` change one thing of one plan, BASE, or are the paper's: each has its own effect and its own
price. Rows of the solver "told" are of the plan for a model that is told its guide, with so many steps, and those of
"student" of its student. Evaluations are those of a patch, mean over the patches of all guided stages. Rows "patch"
show one patch by plan; see `wsigen.experiments.one_patch`.

Comparable: plans with each other, since all share overviews and noise. Not comparable: the height of the curves, which
depends on the number and size of the patches. Rows with a margin make one slide with and without its empty glass:

    skipped                  share of the patches of guided stages that are not evaluated
    difference, glass_*      mean |difference| to the slide without skipping, everywhere and in its glass; and how
                             far that glass lies from the background, with its spread
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wsigen.coarse_to_fine import drain, run_stage
from wsigen.experiments.glass import skipping
from wsigen.experiments.lab import Lab
from wsigen.experiments.one_patch import BY_COST, patch_row
from wsigen.experiments.result import Row, with_interval
from wsigen.grid import Grid
from wsigen.metrics.distance import kid
from wsigen.metrics.lattice import LatticeTest
from wsigen.metrics.manifold import manifold_scores
from wsigen.metrics.seams import seam_test
from wsigen.pixels import to_images, to_pixels
from wsigen.plan import FAST, PAPER, STUDENT, TOLD, Stage, StagePlan
from wsigen.runs.plane import step_grid

Pixels = NDArray[np.uint8]
# What the switches change one thing of.
BASE = StagePlan(8, 0, "2m", sigma_start=3.0, sigma_min=0.02).guided_down_to(1.9)
SWITCHES = (
    ("the paper's plan", PAPER),
    ("Heun instead of 2M", replace(BASE, solver="heun")),
    ("Euler instead of 2M", replace(BASE, solver="euler")),
    ("guide held to 0.7", BASE.guided_down_to(0.7)),
    ("guide held to 0.3", BASE.guided_down_to(0.3)),
    ("guide to start from only", replace(BASE, guided_steps=0)),
    ("first stage from 80", replace(BASE, first_starts=(80.0,))),
    ("first stage with 14 steps", replace(BASE, first_steps=(14,))),
    ("last stage with 5 steps", replace(BASE, num_steps=5, first_steps=(8,)).guided_down_to(1.9)),
    ("last noise level 0.002", replace(BASE, sigma_min=0.002)),
    ("shifts of low discrepancy", replace(BASE, shifts="low-discrepancy")),
)
# slides of a few patches show no grid of larger ones
SMALL_STUDENT = replace(STUDENT, patch_times=TOLD.patch_times, margin_px=TOLD.margin_px)
SHOWN_PX = 160  # side of the pictures
NOT_MADE = 10**6  # seeds from here on name slides that are not made, whose grids mean nothing


@dataclass(frozen=True)
class Config:
    """What is made.

    Args:
        plans: solver, N and the noise level a stage starts at; the one with most evaluations is the reference.
        switches: other plans, by what is switched.
        guided_sigma: of ``plans``: the guide is in force down to here.
        sigma_min: of ``plans``: last noise level.
        slides: how many, each from an overview of its own.
        levels: stages from overview to slide.
        mpp: micrometres per pixel of the slides.
        told: numbers of steps of the plan for a model that is told its guide; none for one that is not.
        student: of the plan that its student paints, with patches of the model's side.
        patches: plans by which one patch is shown, by name.
        real: real patches to compare with.
        split: where they are from.
        k: neighbour that bounds the balls of precision and recall.
        margins: safety margins of skipping, in patches; None skips nothing.
        skip_px, skip_mpp: the slide on which skipping is measured.
    """

    plans: tuple[tuple[str, int, float], ...] = (
        ("2m", 8, 3.0), ("euler", 10, 3.0), ("2m", 5, 3.0), ("euler", 20, 3.0), ("euler", 5, 3.0),
        ("heun", 3, 3.0), ("2m", 14, 3.0), ("heun", 6, 3.0),
        ("2m", 8, 0.7), ("2m", 8, 10.0), ("2m", 8, 80.0),
    )  # fmt: skip
    switches: tuple[tuple[str, StagePlan], ...] = SWITCHES
    guided_sigma: float = 1.9
    sigma_min: float = 0.02
    slides: int = 5
    levels: int = 2
    mpp: float = 1.0
    told: tuple[int, ...] = ()
    student: tuple[int, ...] = ()
    patches: tuple[tuple[str, StagePlan], ...] = ()
    real: int = 256
    split: str = "train"
    k: int = 3
    margins: tuple[float | None, ...] = (None, 0.0, 1.0)
    skip_px: int = 1024
    skip_mpp: float = 10.0


PROFILES = {
    "smoke": Config(
        (("2m", 4, 3.0), ("euler", 4, 3.0)), (), slides=1, patches=(("fast", FAST),), real=24,
        margins=(None, 0.5), skip_px=128, skip_mpp=20.0,
    ),
    "classroom": Config(slides=3, told=(2, 3, 4, 6), student=(1, 2, 4), patches=BY_COST),
    "paper": Config(
        (*Config().plans, ("2m", 40, 80.0), ("heun", 40, 80.0)), SWITCHES,
        slides=500, levels=3, told=(2, 3, 4, 6), student=(1, 2, 4), patches=BY_COST,
        real=50_000, skip_px=16_384, skip_mpp=0.7,
    ),
}  # fmt: skip


def cells(config: Config) -> list[dict[str, Any]]:
    """The real patches, each plan, the patch by each of its plans, each margin."""
    points = [point for point, _ in points_of(config)]
    real = {"solver": "real", "num_steps": None, "sigma_start": None, "switch": None, "evaluations": None}  # fmt: skip
    patches = [
        {"solver": "patch", "plan": name, "evaluations": plan.evaluations}
        for name, plan in config.patches
    ]
    skips = [{"solver": "skip", "margin": margin} for margin in config.margins]
    return [real, *points, *patches, *skips]


def points_of(config: Config) -> list[tuple[dict[str, Any], StagePlan]]:
    """The cell of each plan, and the plan."""
    plans = [
        *((plan.solver, None, plan) for plan in (_plan(point, config) for point in config.plans)),
        *((plan.solver, switch, plan) for switch, plan in config.switches),
        *(("told", None, replace(TOLD, num_steps=steps)) for steps in config.told),
        *(("student", None, replace(SMALL_STUDENT, num_steps=steps)) for steps in config.student),
    ]
    return [
        ({"solver": solver, "num_steps": plan.num_steps, "sigma_start": plan.sigma_start, "switch": switch,
          "evaluations": evaluations_of(plan, config.levels)}, plan)
        for solver, switch, plan in plans
    ]  # fmt: skip


def evaluations_of(plan: StagePlan, levels: int) -> float:
    """Evaluations of a patch, mean over the patches of all guided stages."""
    patches = [plan.factor ** (2 * stage) for stage in range(1, levels + 1)]
    spent = [plan.at(stage).evaluations for stage in range(1, levels + 1)]
    mean = sum(n * each for n, each in zip(patches, spent, strict=True)) / sum(patches)
    return round(mean, 2)


def measure(cell: dict[str, Any], config: Config, lab: Lab) -> Row:
    """One row of the table."""
    if cell["solver"] == "skip":
        return skipping(cell["margin"], config.skip_px, config.skip_mpp, lab)
    if cell["solver"] == "patch":
        return patch_row(cell["plan"], dict(config.patches)[cell["plan"]], config.mpp, lab)
    real = lab.features(lab.real_patches(config.real, config.mpp, config.split))
    if cell["solver"] == "real":
        other = lab.real_patches(config.real, config.mpp, config.split, "other real")
        return Row(_quality(real, lab.features(other), config, lab))
    plan = next(plan for point, plan in points_of(config) if point == cell)
    slides = made(plan, config, lab)
    plans = [plan for _, plan in points_of(config)]
    reference = made(max(plans, key=lambda p: evaluations_of(p, config.levels)), config, lab)
    last = plan.at(config.levels)
    steps = range(last.num_steps)
    stage = Stage(config.levels, slides.shape[1], slides.shape[2], config.mpp)
    seams, chance = (
        [
            worst_seam(slide, [step_grid(stage, plan, lab.patch_px, seed + n, i) for i in steps])
            for n, slide in enumerate(slides)
        ]
        for seed in (lab.seed, lab.seed + NOT_MADE)
    )
    values = {
        **_quality(real, lab.features(crops(slides, lab.patch_px)), config, lab),
        "seam_effect": float(np.mean([test.effect for test in seams])),
        "seam_grey": float(np.mean([test.grey for test in seams])),
        "seam_chance": float(np.mean([test.effect for test in chance])),
        "difference": float(np.abs(slides.astype(float) - reference).mean()),
    }
    name = f"{cell['solver']}_{cell['num_steps']}_{cell['sigma_start']:g}"
    if cell["switch"]:
        name = "".join(c if c.isalnum() else "_" for c in cell["switch"])
    return Row(values, {name: slides[0][:SHOWN_PX, :SHOWN_PX]})


def made(plan: StagePlan, config: Config, lab: Lab) -> Pixels:
    """The slides of one plan, uint8 (slides, side, side, 3); kept in the lab's cache."""
    side, coarsest = lab.patch_px, config.mpp * plan.factor**config.levels
    overviews = lab.generated_patches(config.slides, coarsest, stream="overviews")
    made_by = lab.denoiser.digest if plan.solver == "student" else lab.denoiser.sha256
    key = ("plans", made_by, lab.seed, config.slides, config.levels, config.mpp, plan, lab.device)

    def make(folder: Path) -> None:
        found = []
        for number, overview in enumerate(overviews):
            image = to_images(overview).to(lab.device)
            for level in range(1, config.levels + 1):
                size = side * plan.factor**level
                stage = Stage(level, size, size, coarsest / plan.factor**level)
                image = drain(run_stage(lab.painter(plan, number), stage, image))
            found.append(to_pixels(image[None])[0])
        np.save(folder / "slides.npy", np.stack(found))

    return lab.kept(key, make)[0]


def worst_seam(slide: Pixels, grids: Sequence[Grid]) -> LatticeTest:
    """The seam test at the grid where it finds most."""
    places = [(g.patch_px, (g.tops[-1] % g.patch_px, g.lefts[-1] % g.patch_px)) for g in grids]
    tests = [seam_test(slide, side, corner, align=2) for side, corner in places]
    return max(tests, key=lambda test: test.effect)


def crops(slides: Pixels, side: int) -> Pixels:
    """All squares of the slides, shifted by half a patch so that borders of the base grid lie within."""
    inner = slides[:, side // 2 : -(side // 2), side // 2 : -(side // 2)]
    number, height, width, _ = inner.shape
    rows, columns = height // side, width // side
    inner = inner[:, : rows * side, : columns * side]
    squares = inner.reshape(number, rows, side, columns, side, 3).swapaxes(2, 3)
    return squares.reshape(-1, side, side, 3)


def _plan(point: tuple[str, int, float], config: Config) -> StagePlan:
    solver, num_steps, start = point
    plan = StagePlan(num_steps, 0, solver, sigma_start=start, sigma_min=config.sigma_min)
    return plan.guided_down_to(config.guided_sigma)


def _quality(
    real: NDArray[np.float32], fake: NDArray[np.float32], config: Config, lab: Lab
) -> dict[str, Any]:
    scores = manifold_scores(real, fake, config.k).intervals(seed=lab.seed)
    values: dict[str, Any] = {"crops": len(fake)}
    for name in ("precision", "recall"):
        values |= with_interval(name, scores[name])
    return values | with_interval("kid", kid(real, fake, seed=lab.seed))
