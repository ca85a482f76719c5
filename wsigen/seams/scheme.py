"""What grid-shift and its rivals have in common: each makes a stage out of runs of one network on patches.

Network, solver, guidance, noise levels and seeds are those of :class:`wsigen.runs.stage.StageRun`; a scheme chooses the
patches, and what happens where they meet. Its ledger says what that costs:

    evaluations   runs of the network on one patch, all together
    chain         the longest chain of such runs of which each needs the one before: with enough processors, time
"""

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

import torch

from wsigen.arrays import Denoiser, Images
from wsigen.grid import Window
from wsigen.guidance import constrained
from wsigen.plan import Stage
from wsigen.runs.canvas import Image
from wsigen.runs.crew import Crew
from wsigen.runs.painter import Painter
from wsigen.runs.progress import Progress
from wsigen.runs.stage import StageRun
from wsigen.sampler import evaluations, take_step

Wrapper = Callable[[Denoiser], Denoiser]


@dataclass(frozen=True)
class Ledger:
    """What a stage costs: evaluations on one patch, and the longest chain of dependent ones."""

    evaluations: int
    chain: int


class Scheme(Protocol):
    """A way to cover a canvas with patches."""

    @property
    def boundary(self) -> str | None:
        """The boundary a scheme asks for, "pad" or "wrap"; None takes the plan's."""
        ...

    def run(self, stage: StageRun) -> Iterator[Progress]:
        """Make the stage's image; yields after each batch."""
        ...

    def ledger(self, stage: StageRun) -> Ledger:
        """What :meth:`run` will cost."""
        ...


def sew(
    scheme: Scheme, painter: Painter, stage: Stage, guide: Image | None
) -> Generator[Progress, None, tuple[Image, Ledger]]:
    """Make one stage by a scheme, as :func:`wsigen.coarse_to_fine.run_stage` does by grid-shift.

    Arguments are those of :class:`wsigen.runs.stage.StageRun`. Returns the image, shape (3, height, width), clipped to
    [-1, 1], and its ledger.
    """
    plan = replace(painter.plan, boundary=scheme.boundary or painter.plan.boundary)
    run = StageRun(replace(painter, plan=plan), stage, guide)
    yield from scheme.run(run)
    return run.image, scheme.ledger(run)


def step_apart(stage: StageRun, windows: Callable[[int], Sequence[Window]]) -> Iterator[Progress]:
    """Let the windows of each step take it, none knowing of the others; they do not overlap."""
    stage.patches_in_all = sum(len(windows(i)) for i in range(stage.num_steps))
    with Crew(stage.device) as crew:
        for i in range(stage.num_steps):
            stage.open(i)
            todo = batches(windows(i), stage.painter.batch_size)
            for _, spent in crew.in_order(partial(stage.take, i), todo):
                stage.spent.add(spent)
                yield stage.progress(i)


def step_ledger(stage: StageRun, windows: Callable[[int], Sequence[Window]]) -> Ledger:
    """The ledger of windows that take their steps together: a step needs the one before, and nothing else waits."""
    costs = [_evaluations_of_step(stage, i) for i in range(stage.num_steps)]
    return Ledger(sum(len(windows(i)) * cost for i, cost in enumerate(costs)), sum(costs))


def run_alone(
    stage: StageRun, batch: Sequence[Window], x: Images, wrap: Wrapper = lambda denoiser: denoiser
) -> Images:
    """Let some patches take all steps of Algorithm 1, from noise to image, each for itself.

    Args:
        stage: see :class:`wsigen.runs.stage.StageRun`.
        batch: the windows.
        x: them at the first noise level.
        wrap: what is done to each (guided) estimate.
    """
    guide = stage.guide_of(batch) if stage.guide is not None else None
    previous = None
    for i in range(stage.num_steps):
        estimate = stage.painter.denoiser
        if guide is not None and i < stage.plan.guided_steps:
            estimate = constrained(estimate, guide, stage.operator)
        if i == stage.plan.guided_steps:
            previous = None  # guided and free estimates are not of one path
        sigma, sigma_next = float(stage.sigmas[i]), float(stage.sigmas[i + 1])
        with torch.no_grad():
            x, u = take_step(
                stage.plan.solver, wrap(estimate), x, sigma, sigma_next, stage.stage.mpp, previous
            )
        previous = None if u is None else (u, sigma)
    stage.spent.evaluations += len(batch) * evaluations(stage.num_steps, stage.plan.solver)
    stage.spent.patches += len(batch) * stage.num_steps
    return x


def alone_ledger(stage: StageRun, patches: int, depth: int) -> Ledger:
    """The ledger of ``patches`` runs of :func:`run_alone` of which up to ``depth`` wait for each other."""
    cost = evaluations(stage.num_steps, stage.plan.solver)
    return Ledger(patches * cost, depth * cost)


def batches(windows: Sequence[Window], batch_size: int) -> Iterator[list[Window]]:
    """Cut a list into batches."""
    for first in range(0, len(windows), batch_size):
        yield list(windows[first : first + batch_size])


def whole(stage: StageRun) -> Window:
    """The canvas as one window."""
    return Window(0, 0, stage.stage.height, stage.stage.width)


def _evaluations_of_step(stage: StageRun, i: int) -> int:
    return 2 if stage.plan.solver == "heun" and i + 1 < stage.num_steps else 1
