"""Algorithm 2: from an overview to a whole slide, each stage one diffusion run over the whole canvas.

    for each stage:  s <- s / k;  x <- noise of the stage's size
        for each step i:  draw a shifted grid;  take step i of Algorithm 1 in every patch

All patches of a step are independent of each other: they run in batches, in any order, on a processor several side by
side; see :mod:`wsigen.runs.crew`.
"""

from collections.abc import Callable, Generator, Sequence
from functools import partial
from typing import Any, TypeVar

import numpy as np
import torch

from wsigen.grid import Window
from wsigen.plan import Stage
from wsigen.runs.canvas import Canvas, Image
from wsigen.runs.crew import Crew
from wsigen.runs.kept import Drawn
from wsigen.runs.painter import Painter
from wsigen.runs.progress import Progress
from wsigen.runs.stage import Part, StageRun
from wsigen.runs.state import State
from wsigen.runs.storage import Storage
from wsigen.runs.workdir import Workdir

T = TypeVar("T")


def generate(
    painter: Painter,
    path: Sequence[Stage],
    *,
    workdir: Workdir | None = None,
    storage: Storage | None = None,
) -> Generator[Progress, None, Image]:
    """Generate a slide through the stages of ``path`` (see :func:`wsigen.plan.stages`).

    Yields after each batch, and once for a stage finished before; returns the finished image, shape (3, height,
    width). With a ``workdir`` it goes on from where a run before it was ended, by whatever, and keeps all finished
    stages; patches that :mod:`wsigen.zoom.scope` has left there are not made again. ``storage`` says more exactly
    where the canvases are; by default they are in files where there is a workdir on the CPU, else in memory.
    """
    storage = storage or Storage.beside(painter.device, workdir)
    storage.check_room(path, painter.plan.num_canvases)
    image: Image | None = None
    with storage.claimed():
        for stage in path:
            kept = storage.finished(stage)
            if kept is None:
                image = yield from run_stage(
                    painter, stage, image, state=storage.state(stage), drawn=storage.drawn
                )
            else:
                image = kept
                yield from storage.before(stage)
    assert image is not None
    return image


def run_stage(
    painter: Painter,
    stage: Stage,
    guide: Image | Canvas | None,
    *,
    state: State | Callable[[StageRun], State] | None = None,
    region: Window | None = None,
    part: Part | None = None,
    drawn: Drawn | None = None,
) -> Generator[Progress, None, Image]:
    """Run one stage; yields after each batch and returns the image, shape (3, height, width), clipped to [-1, 1].

    Where a run before has written the last patch and nothing more, it yields once, to say what was spent. The arguments
    are those of :class:`wsigen.runs.stage.StageRun`.
    """
    run = StageRun(painter, stage, guide, state=state, region=region, part=part, drawn=drawn)
    told = False
    with Crew(run.device) as crew:
        for i in run.steps():
            for batch, spent in crew.in_order(partial(run.take, i), run.batches(i)):
                yield run.taken(i, batch, spent)
                told = True
    if not told:
        yield run.progress(run.num_steps - 1)
    return run.finish()


def upscale(painter: Painter, image: Image | np.ndarray, mpp: float, *, stage: int = 1) -> Image:
    """Magnify an image by the plan's factor: one stage of Algorithm 2.

    Args:
        painter: the denoiser, the plan, and the seed that names the noise and the shifts.
        image: shape (3, H, W), values in [-1, 1].
        mpp: micrometres per pixel of ``image``.
        stage: number of the stage, 1 or more; it names them too.

    Returns:
        The larger image, shape (3, k H, k W), at ``mpp / k``.
    """
    guide = torch.as_tensor(image, dtype=torch.float32, device=painter.device)
    factor = painter.plan.factor
    height, width = guide.shape[1] * factor, guide.shape[2] * factor
    return drain(run_stage(painter, Stage(stage, height, width, mpp / factor), guide))


def drain(run: Generator[Any, None, T]) -> T:
    """Run to the end and return what comes out: the image."""
    while True:
        try:
            next(run)
        except StopIteration as end:
            value: T = end.value
            return value
