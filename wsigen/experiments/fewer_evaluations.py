"""Fewer evaluations for the same picture: quality over evaluations per patch, by solver, steps, start, and skipping.

No table of the paper, which spends 79 evaluations on each patch of each stage. Small slides are made from the same
overviews with the same seed by every plan, through two stages, so that a stage also pays for the faults of the one
before. Crops are compared with real patches of their scale:

    kid, precision, recall   of the crops; the row of real patches against other real ones is what to hope for
    seam_*                   the seam test (`wsigen.metrics.seams`) at the grid, of those of the last stage's steps,
                             where it finds most; seam_chance is the same at as many grids that no step used
    difference               mean |slide - that of the plan with most evaluations| in grey levels of 255

Comparable: plans with each other, since all share overviews and noise. Not comparable: the height of the curves, which
depends on the number and size of the patches. Rows with a margin make one slide with and without its empty glass:

    skipped                  share of the patches of guided stages that are not evaluated
    difference, glass_*      mean |difference| to the slide without skipping, everywhere and in its glass; and how
                             far that glass lies from the background, with its spread
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from wsigen.background import TOLERANCE
from wsigen.canvas import Image
from wsigen.coarse_to_fine import generate, run_stage
from wsigen.experiments.lab import Lab, to_pixels
from wsigen.experiments.result import Row, with_interval
from wsigen.grid import Grid
from wsigen.metrics.distance import kid
from wsigen.metrics.lattice import LatticeTest
from wsigen.metrics.manifold import manifold_scores
from wsigen.metrics.seams import seam_test
from wsigen.plan import FAST, Stage, StagePlan, stages
from wsigen.progress import Progress
from wsigen.stage_run import step_grid

Pixels = NDArray[np.uint8]
NOT_MADE = 10**6  # seeds from here on name slides that are not made, whose grids mean nothing


@dataclass(frozen=True)
class Config:
    """What is made.

    Args:
        plans: solver, N and the noise level a stage starts at; the one with most evaluations is the reference.
        guided_sigma: the guide is in force down to here.
        sigma_min: last noise level.
        slides: how many, each from an overview of its own.
        levels: stages from overview to slide.
        mpp: micrometres per pixel of the slides.
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
    guided_sigma: float = 1.9
    sigma_min: float = 0.02
    slides: int = 5
    levels: int = 2
    mpp: float = 1.0
    real: int = 256
    split: str = "train"
    k: int = 3
    margins: tuple[float | None, ...] = (None, 0.0, 1.0)
    skip_px: int = 512
    skip_mpp: float = 20.0


PROFILES = {
    "smoke": Config(
        (("2m", 4, 3.0), ("euler", 4, 3.0)), slides=1, real=24, margins=(None, 0.5), skip_px=128
    ),
    "classroom": Config(),
    "paper": Config(
        (*Config().plans, ("2m", 40, 80.0), ("heun", 40, 80.0)),
        slides=500, levels=3, real=50_000, skip_px=16_384, skip_mpp=0.7,
    ),
}  # fmt: skip


def cells(config: Config) -> list[dict[str, Any]]:
    """The real patches, each plan, each margin."""
    points = [
        {"solver": solver, "num_steps": n, "sigma_start": start,
         "evaluations": _plan((solver, n, start), config).evaluations}
        for solver, n, start in config.plans
    ]  # fmt: skip
    real = {"solver": "real", "num_steps": None, "sigma_start": None, "evaluations": None}
    return [real, *points, *({"solver": "skip", "margin": margin} for margin in config.margins)]


def measure(cell: dict[str, Any], config: Config, lab: Lab) -> Row:
    """One row of the table."""
    if cell["solver"] == "skip":
        return _skipping(cell["margin"], config, lab)
    real = lab.features(lab.real_patches(config.real, config.mpp, config.split))
    if cell["solver"] == "real":
        other = lab.real_patches(config.real, config.mpp, config.split, "other real")
        return Row(_quality(real, lab.features(other), config, lab))
    slides = made((cell["solver"], cell["num_steps"], cell["sigma_start"]), config, lab)
    most = max(config.plans, key=lambda point: _plan(point, config).evaluations)
    reference = made(most, config, lab)
    steps = range(cell["num_steps"])
    stage = Stage(config.levels, slides.shape[1], slides.shape[2], config.mpp)
    seams, chance = (
        [
            worst_seam(
                slide,
                [step_grid(stage, lab.patch_px, "pad", 2, seed + n, i) for i in steps],
                lab.patch_px,
            )
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
    return Row(values, {name: slides[0]})


def made(point: tuple[str, int, float], config: Config, lab: Lab) -> Pixels:
    """The slides of one plan, uint8 (slides, side, side, 3); kept in the lab's cache."""
    plan = _plan(point, config)
    side, coarsest = lab.patch_px, config.mpp * plan.factor**config.levels
    overviews = lab.generated_patches(config.slides, coarsest, stream="overviews")
    name = f"{lab.denoiser.sha256[:16]}-{lab.seed}-{config.slides}-{config.levels}-{config.mpp:g}"
    words = "-".join(str(value) for value in asdict(plan).values())
    file = lab.cache / "plans" / name / f"{lab.device}-{words}.npy"
    if file.is_file():
        return np.asarray(np.load(file), np.uint8)
    found = []
    for number, overview in enumerate(overviews):
        image = (
            torch.from_numpy(overview.copy()).permute(2, 0, 1).float().to(lab.device) / 127.5 - 1
        )
        for level in range(1, config.levels + 1):
            size = side * plan.factor**level
            stage = Stage(level, size, size, coarsest / plan.factor**level)
            run = run_stage(
                lab.denoiser,
                stage,
                image,
                plan,
                patch_px=side,
                seed=lab.seed + number,
                background=lab.denoiser.background,
            )
            image = _last(run)[0]
        found.append(to_pixels(image[None])[0])
    slides = np.stack(found)
    file.parent.mkdir(parents=True, exist_ok=True)
    np.save(file, slides)
    return slides


def worst_seam(slide: Pixels, grids: Sequence[Grid], side: int) -> LatticeTest:
    """The seam test at the grid where it finds most."""
    corners = [(grid.tops[-1] % side, grid.lefts[-1] % side) for grid in grids]
    tests = [seam_test(slide, side, corner, align=2) for corner in corners]
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


def _skipping(margin: float | None, config: Config, lab: Lab) -> Row:
    """A slide with empty glass, with skipping and without."""
    whole, _ = _slide(None, config, lab)
    image, last = _slide(margin, config, lab)
    grey = (image - whole).abs().mean(0) * 127.5
    glass = (whole - lab.denoiser.background).abs().amax(0) <= TOLERANCE
    off = (whole - lab.denoiser.background)[:, glass] * 127.5
    guided = [progress for progress in last if progress.stage.index > 0]
    values = {
        "skipped": sum(p.skipped for p in guided) / sum(p.patches for p in guided),
        "evaluations": sum(p.evaluations for p in last),
        "seconds_spent": sum(p.seconds for p in last),
        "glass": float(glass.float().mean()),
        "glass_offset": float(off.mean()) if glass.any() else 0.0,
        "glass_spread": float(off.std()) if glass.any() else 0.0,
        "difference": float(grey.mean()),
        "glass_difference": float(grey[glass].mean()) if glass.any() else 0.0,
    }
    pixels = to_pixels(image[None])[0]
    if min(pixels.shape[:2]) >= 4 * lab.patch_px:
        values["seam_effect"] = seam_test(pixels, lab.patch_px, align=2).effect
    step = max(1, len(pixels) // 256)
    return Row(values, {f"skip_{'none' if margin is None else margin}": pixels[::step, ::step]})


def _slide(margin: float | None, config: Config, lab: Lab) -> tuple[Image, list[Progress]]:
    """A slide, and the last word of each stage."""
    plan = replace(FAST, skip_background=margin)
    info = lab.denoiser.info
    size, mpp = config.skip_px, config.skip_mpp
    path = stages(size, size, mpp, patch_px=lab.patch_px, mpp_max=info.mpp_max)
    steps = generate(
        lab.denoiser,
        path,
        plan,
        patch_px=lab.patch_px,
        seed=lab.seed,
        background=lab.denoiser.background,
    )
    return _last(steps)


def _last(steps: Any) -> tuple[Image, list[Progress]]:
    """Run to the end; return the image and the last progress of each stage."""
    seen: dict[int, Progress] = {}
    while True:
        try:
            progress = next(steps)
            seen[progress.stage.index] = progress
        except StopIteration as end:
            return end.value, list(seen.values())
