"""Algorithm 2: from an overview to a whole slide, each stage one diffusion run over the whole canvas.

    for each stage:  s <- s / k;  x <- noise of the stage's size
        for each step i:  draw a shifted grid;  take step i of Algorithm 1 in every patch

All patches of a step are independent of each other: they run in batches, in any order.
"""

import functools
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from wsigen.arrays import Denoiser
from wsigen.canvas import Canvas, Image
from wsigen.grid import Window, draw_shift, shifted_grid
from wsigen.guidance import AveragePool, guided_step
from wsigen.plan import PAPER, Stage, StagePlan
from wsigen.sampler import solver_step
from wsigen.schedule import SIGMA_MAX, karras_sigmas
from wsigen.seeds import generator, white_noise
from wsigen.workdir import Workdir


@dataclass(frozen=True)
class Progress:
    """After a batch: the stage and step, and what the stage has spent of what it will."""

    stage: Stage
    step: int
    patches: int  # patches that have taken a step, over all steps so far
    patches_in_all: int
    evaluations: int
    seconds: float


def run_stage(
    denoiser: Denoiser,
    stage: Stage,
    guide: Image | None,
    plan: StagePlan,
    *,
    patch_px: int,
    seed: int = 0,
    batch_size: int = 32,
    background: float = 1.0,
) -> Generator[Progress, None, Image]:
    """Run one stage; yields after each batch and returns the image, shape (3, height, width).

    Args:
        denoiser: D of Eq. 6.
        stage: its size and scale.
        guide: the stage before, shape (3, height / factor, width / factor), or None for the overview.
        plan: how.
        patch_px: side of the patches.
        seed: name of the slide; with the stage it names all noise and every shift.
        batch_size: patches denoised together; changes speed, not the slide.
        background: value of the empty slide, -1 to 1.

    Returns:
        The clean image (the value of the generator's StopIteration), clipped to [-1, 1].
    """
    began = time.monotonic()
    device = guide.device if guide is not None else device_of(denoiser)
    sigmas = plan.sigmas() if guide is not None else karras_sigmas(plan.overview_steps)
    solver = plan.solver if guide is not None else "heun"
    operator = AveragePool(plan.factor if guide is not None else 1)

    def noise(window: Window) -> Image:
        top, left, height, width = window
        values = white_noise(
            seed, "stage", stage.index, "noise", top=top, left=left, height=height, width=width
        )
        return torch.from_numpy(values).to(device)

    image = noise(Window(0, 0, stage.height, stage.width)).mul_(float(sigmas[0]))
    if guide is not None and float(sigmas[0]) < SIGMA_MAX:
        image += operator.pinv(guide[None])[0]
    canvas = Canvas(image, plan.boundary, lambda window: background + sigma * noise(window))
    guide_canvas = None
    if guide is not None:
        flat = functools.partial(flat_background, background, guide)
        guide_canvas = Canvas(guide, plan.boundary, flat)

    grids = [
        step_grid(stage, patch_px, plan.boundary, operator.factor, seed, i)
        for i in range(len(sigmas) - 1)
    ]
    patches_in_all = sum(map(len, grids))
    patches = spent = 0
    for i, windows in enumerate(grids):
        sigma = float(sigmas[i])  # the noise beyond the edge of the canvas follows it
        for first in range(0, len(windows), batch_size):
            batch = windows[first : first + batch_size]
            x = canvas.read(batch)
            with torch.no_grad():
                if guide_canvas is None:
                    step = solver_step(solver)
                    x = step(denoiser, x, sigma, float(sigmas[i + 1]), stage.mpp)
                else:
                    x = guided_step(
                        denoiser,
                        x,
                        guide_canvas.read([window.reduced(plan.factor) for window in batch]),
                        i,
                        sigmas,
                        stage.mpp,
                        guided_steps=plan.guided_steps,
                        operator=operator,
                        solver=solver,
                    )
            canvas.write(batch, x)
            corrected = solver == "heun" and i < len(grids) - 1
            patches += len(batch)
            spent += len(batch) * (2 if corrected else 1)
            seconds = time.monotonic() - began
            yield Progress(stage, i, patches, patches_in_all, spent, seconds)
    return image.clamp_(-1, 1)


def step_grid(
    stage: Stage, patch_px: int, boundary: str, factor: int, seed: int, step: int
) -> list[Window]:
    """The patches of one step. A canvas that fits into one patch is not cut: the patch lies round it."""
    if max(stage.height, stage.width) <= patch_px:
        down, right = (patch_px - stage.height) // 2, (patch_px - stage.width) // 2
        return [Window(-down // factor * factor, -right // factor * factor, patch_px, patch_px)]
    stream = generator(seed, "stage", stage.index, "shift", step)
    shift = draw_shift(stream, patch_px, factor)
    return shifted_grid(stage.height, stage.width, patch_px, shift, boundary)


def flat_background(value: float, like: Tensor, window: Window) -> Image:
    """What lies beyond the edge of a guide, on the device of ``like``."""
    return like.new_full((3, window.height, window.width), value)


def device_of(denoiser: Denoiser) -> torch.device:
    """The device of a denoiser's weights; the CPU where it has none."""
    if isinstance(denoiser, torch.nn.Module):
        for parameter in denoiser.parameters():
            return parameter.device
    return torch.device("cpu")


def generate(
    denoiser: Denoiser,
    path: Sequence[Stage],
    plan: StagePlan,
    *,
    patch_px: int = 64,
    seed: int = 0,
    batch_size: int = 32,
    background: float = 1.0,
    workdir: Workdir | None = None,
) -> Generator[Progress, None, Image]:
    """Generate a slide through the stages of ``path`` (see :func:`wsigen.plan.stages`).

    Yields after each batch; returns the finished image, shape (3, height, width). With a ``workdir``, finished
    stages are kept there and not run again.
    """
    image: Image | None = None
    for stage in path:
        kept = workdir.load(stage.index) if workdir else None
        if kept is not None:
            image = torch.from_numpy(kept).to(device_of(denoiser))
            continue
        image = yield from run_stage(
            denoiser,
            stage,
            image,
            plan,
            patch_px=patch_px,
            seed=seed,
            batch_size=batch_size,
            background=background,
        )
        if workdir:
            workdir.save(stage.index, image.cpu().numpy())
    assert image is not None
    return image


def upscale(
    denoiser: Denoiser,
    image: Image | np.ndarray,
    mpp: float,
    plan: StagePlan = PAPER,
    *,
    seed: int = 0,
    stage: int = 1,
    patch_px: int = 64,
    batch_size: int = 32,
    background: float = 1.0,
) -> Image:
    """Magnify an image by ``plan.factor``: one stage of Algorithm 2.

    Args:
        denoiser: D of Eq. 6.
        image: shape (3, H, W), values in [-1, 1].
        mpp: micrometres per pixel of ``image``.
        plan: how.
        seed, stage: name the noise and the shifts.
        patch_px, batch_size, background: see :func:`run_stage`.

    Returns:
        The larger image, shape (3, k H, k W), at ``mpp / k``.
    """
    guide = torch.as_tensor(image, dtype=torch.float32, device=device_of(denoiser))
    height, width = guide.shape[1] * plan.factor, guide.shape[2] * plan.factor
    return drain(
        run_stage(
            denoiser,
            Stage(stage, height, width, mpp / plan.factor),
            guide,
            plan,
            patch_px=patch_px,
            seed=seed,
            batch_size=batch_size,
            background=background,
        )
    )


def drain(run: Generator[Progress, None, Image]) -> Image:
    """Run to the end and return the image."""
    while True:
        try:
            next(run)
        except StopIteration as end:
            image: Image = end.value
            return image
