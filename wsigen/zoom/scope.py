"""The live microscope: any window of any stage of a slide that nobody has made, patch by patch.

The patches of a step cover a stage's canvas, each pixel once. So what a patch reads before step i was written by the
patches of step i - 1 that it overlaps, and its guide by the last patches of the stage before that lie under it. What a
window of a finished stage depends on is found by asking backwards; what is kept is not asked any further:

    lacking(i)         = patches of step i's grid that touch lacking(i + 1), at first the window, and are not kept
    window of stage-1  = what lies under lacking(i) of any step

Every patch is kept once it is made; it is the patch that :func:`wsigen.coarse_to_fine.generate` makes.
"""

import time
from collections.abc import Generator, Iterable, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from wsigen.errors import WsigenError
from wsigen.grid import Window, evenly
from wsigen.plan import Stage
from wsigen.runs.canvas import Canvas, Image, strips
from wsigen.runs.crew import Crew
from wsigen.runs.kept import Kept
from wsigen.runs.painter import Painter
from wsigen.runs.progress import Spent
from wsigen.zoom.pieces import Gone, Pieces

TURN = 2  # batches that a reader's turn takes: at its end threads wait for each other
PATIENCE = 8  # how often a window is begun anew because what it needs was thrown out meanwhile


class Work(NamedTuple):
    """Patches of one step of a stage that are still to be made."""

    run: Pieces
    step: int
    windows: list[Window]


class Scope:
    """A slide of which any window of any stage can be had, at the cost of what it depends on.

    Args:
        painter, path: as for :func:`wsigen.coarse_to_fine.generate`; the plan's boundary is "pad".
        kept: where patches are kept; scopes of other seeds may share it.
        half: whether the slide's canvases are in half precision.
        crew: threads that take the patches of a batch side by side; without, one does.
    """

    def __init__(
        self,
        painter: Painter,
        path: Sequence[Stage],
        kept: Kept,
        *,
        half: bool = False,
        crew: Crew | None = None,
    ) -> None:
        if painter.plan.boundary != "pad":
            found = painter.plan.boundary
            raise WsigenError(f'the microscope needs the boundary "pad"; the plan has {found!r}')
        self.crew = crew or Crew(painter.device)
        self.seconds = 0.0
        self.runs: list[Pieces] = []
        for stage in path:
            guide = self.runs[-1].as_guide() if self.runs else None
            self.runs.append(Pieces(kept, half, painter, stage, guide))

    def begin_with(self, overview: Image, evaluations: int) -> None:
        """Keep an overview that was drawn for a look, and count what it cost: it is not drawn a second time.

        Args:
            overview: as the first stage ends, in the precision of the slide's canvases.
            evaluations: that it took.
        """
        run = self.runs[0]
        finished = run.canvas(run.num_steps)
        drawn = Canvas(overview, finished.boundary, finished.outside)
        whole = Window(0, 0, run.stage.height, run.stage.width)
        for window in run.lacking(run.num_steps - 1, finished.grid.touching(whole)):
            finished.write([window], drawn.read([window]))
        run.spent.add(Spent(run.patches_in_all, evaluations))

    @property
    def spent(self) -> Spent:
        """What this scope has spent on the slide."""
        each = [run.spent for run in self.runs]
        return Spent(
            sum(spent.patches for spent in each),
            sum(spent.evaluations for spent in each),
            sum(spent.skipped for spent in each),
            self.seconds,
        )

    @property
    def share(self) -> float:
        """How much of what the whole slide takes is done, 0 to 1: of its patches, each counted by its pixels."""
        done = sum(run.spent.patches * run.patch_px**2 for run in self.runs)
        return done / sum(run.patches_in_all * run.patch_px**2 for run in self.runs)

    def work(self, stage: int, windows: Iterable[Window]) -> list[Work]:
        """What is lacking for some windows of a finished stage, in the order in which it can be made."""
        backwards: list[Work] = []
        areas = windows
        for run in self.runs[stage::-1]:
            height, width = run.stage.height, run.stage.width
            asked: list[Window] = []
            for i in reversed(range(run.num_steps)):
                touching = (w for area in areas for w in run.reaching(i, area))
                lacking = run.lacking(i, touching)
                if lacking:
                    backwards.append(Work(run, i, lacking))
                asked += lacking
                areas = [run.seen(window).clipped(height, width) for window in lacking]
            areas = run.under(asked)
        return backwards[::-1]

    def make(
        self, stage: int, windows: Sequence[Window]
    ) -> Generator[int, None, list[NDArray[np.uint8]]]:
        """Make some windows of a finished stage: yields before each turn how many patches are lacking.

        Returns:
            The pixels of each window, (height, width, 3).

        Raises:
            WsigenError: what was made is thrown out before it is used, again and again.
        """
        for _ in range(PATIENCE):
            try:
                work = self.work(stage, windows)
                left = sum(len(lacking) for _, _, lacking in work)
                for run, step, lacking in work:
                    for batch in evenly(lacking, TURN * run.batch_size):
                        yield left
                        left -= len(batch)
                        self._take(run, step, batch)
                return [self.pixels(stage, window) for window in windows]
            except Gone:
                continue
        raise WsigenError(
            "what is kept is thrown out before it is used; allow more memory, or look at less at once"
        )

    def pixels(self, stage: int, window: Window) -> NDArray[np.uint8]:
        """A window of a finished stage that has been made. Raises :class:`Gone` where it is no more."""
        run = self.runs[stage]
        (image,) = run.canvas(run.num_steps).read([window])
        return next(strips(image, window.height, window.width, window.height))

    def _take(self, run: Pieces, step: int, batch: list[Window]) -> None:
        batch = run.lacking(step, batch)  # somebody else's work may have had the same patches
        if not batch:
            return
        began = time.monotonic()
        shares = [s for kind in run.apart(batch) for s in evenly(kind, run.share, self.crew.size)]
        for _, spent in self.crew.in_order(partial(run.take, step), shares):
            run.spent.add(spent)
        self.seconds += time.monotonic() - began
