"""Algorithm 2: from an overview to a whole slide, each stage one diffusion run over the whole canvas.

    for each stage:  s <- s / k;  x <- noise of the stage's size
        for each step i:  draw a shifted grid;  take step i of Algorithm 1 in every patch

All patches of a step are independent of each other: they run in batches, in any order.
"""

from collections.abc import Callable, Generator, Iterator, Sequence

import numpy as np
import torch

from wsigen.arrays import Denoiser
from wsigen.grid import Window
from wsigen.plan import PAPER, Stage, StagePlan
from wsigen.runs.canvas import Canvas, Image
from wsigen.runs.progress import Progress
from wsigen.runs.stage import Part, StageRun, device_of
from wsigen.runs.state import State
from wsigen.runs.storage import Storage
from wsigen.runs.workdir import Workdir


def run_stage(
    denoiser: Denoiser,
    stage: Stage,
    guide: Image | Canvas | None,
    plan: StagePlan,
    *,
    patch_px: int,
    seed: int = 0,
    batch_size: int = 32,
    background: float = 1.0,
    state: State | Callable[[StageRun], State] | None = None,
    region: Window | None = None,
    part: Part | None = None,
) -> Generator[Progress, None, Image]:
    """Run one stage; yields after each batch and returns the image, shape (3, height, width).

    The arguments are those of :class:`wsigen.runs.stage.StageRun`. The image is the value of the generator's
    StopIteration, clipped to [-1, 1].
    """
    run = StageRun(
        denoiser,
        stage,
        guide,
        plan,
        patch_px=patch_px,
        seed=seed,
        batch_size=batch_size,
        background=background,
        state=state,
        region=region,
        part=part,
    )
    for i in run.steps():
        for batch in run.batches(i):
            x = run.read(i, batch)
            x = run.step(i, x, batch)
            run.write(i + 1, batch, x)
            yield run.progress(i)
    return run.finish()


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
    storage: Storage | None = None,
) -> Generator[Progress, None, Image]:
    """Generate a slide through the stages of ``path`` (see :func:`wsigen.plan.stages`).

    Yields after each batch, and once for a stage finished before; returns the finished image, shape (3, height,
    width). With a ``workdir`` it goes on from where a run before it was ended, by whatever, and keeps all finished
    stages. ``storage`` says more exactly where the canvases are; by default they are in files where there is a workdir
    on the CPU, else in memory.
    """
    if storage is None:
        device = device_of(denoiser)
        files = workdir is not None and device.type == "cpu"
        storage = Storage("files" if files else "memory", False, device, workdir)
    storage.check_room(path, canvases=2 if "2m" in (plan.solver, plan.overview_solver) else 1)
    image: Image | None = None
    with storage.claimed():
        for stage in path:
            kept = storage.finished(stage)
            if kept is not None:
                image = kept
                yield from before(storage, stage)
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
                state=storage.state(stage),
            )
    assert image is not None
    return image


def before(storage: Storage, stage: Stage) -> Iterator[Progress]:
    """What a stage spent that was finished before, if that is known."""
    spent = storage.spent(stage.index)
    if spent.patches:
        yield Progress.of(stage, 0, spent, spent.patches)


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
