"""A stage of Algorithm 2 step by step: which patches are next, what is spent, and where a run goes on.

Where patches are read from and written to is the matter of :class:`wsigen.runs.canvases.StageCanvases`.
"""

import time
from collections.abc import Callable, Iterator, Sequence

from wsigen.grid import Grid, Window, evenly
from wsigen.plan import Stage
from wsigen.runs.canvas import Canvas, Image
from wsigen.runs.canvases import StageCanvases
from wsigen.runs.fade import Fading
from wsigen.runs.kept import Drawn
from wsigen.runs.painter import Painter
from wsigen.runs.progress import Progress, Spent
from wsigen.runs.state import InMemory, State

Part = Callable[[int, Grid], Grid]

SHARE = 16  # patches of the model's side that a thread denoises together: more are hardly faster, and take memory


class StageRun(StageCanvases):
    """One stage, step by step.

    Args:
        painter, stage, guide, region: see :class:`wsigen.runs.plane.StagePlane`; the canvases hold the region.
        state: where the canvases lie, or how to find out for this run; by default in memory, beside the network.
        part: chooses from step and grid the windows that are run; by default all.
        drawn: patches that were made before the run, if any.
    """

    def __init__(
        self,
        painter: Painter,
        stage: Stage,
        guide: Image | Canvas | None = None,
        *,
        state: State | Callable[["StageRun"], State] | None = None,
        region: Window | None = None,
        part: Part | None = None,
        drawn: Drawn | None = None,
    ) -> None:
        super().__init__(painter, stage, guide, region=region)
        self.part, self.drawn = part or (lambda step, grid: grid), drawn
        self.patches_in_all = sum(len(self.grid(i)) for i in range(self.num_steps))
        if state is None:
            state = InMemory(self.region.height, self.region.width, device=self.device)
        self.state = state(self) if callable(state) else state
        if self.plan.margin_px:
            self.state.keep_apart()
        self.spent = self.state.spent
        self.began = time.monotonic() - self.spent.seconds
        self.before = 0  # patches counted before the step that is taken

    @property
    def batch_size(self) -> int:
        """Patches denoised together: of larger ones fewer."""
        return self.plan.as_many(self.painter.batch_size)

    @property
    def share(self) -> int:
        """Patches that a thread denoises together: of larger ones twice as many pixels are faster still."""
        return SHARE if self.plan.patch_times == 1 else self.plan.as_many(2 * SHARE)

    def grid(self, i: int) -> Grid:
        """The windows that take step ``i``, of those that the stage's grid has."""
        return self.part(i, super().grid(i))

    def steps(self) -> Iterator[int]:
        """The steps that are still to be taken; each is kept when the caller comes for the next."""
        taken = min(self.state.step, self.num_steps)  # joining what fades is a step of the state's
        self.spent.patches = sum(len(self.grid(i)) for i in range(taken))
        for i in range(self.state.step, self.num_steps):
            yield i
            self.spent.seconds = time.monotonic() - self.began
            self.state.step_done(i)

    def batches(self, i: int) -> Iterator[list[Window]]:
        """The windows that have yet to take step ``i``, in batches."""
        done = self.state.patches if i == self.state.step else 0
        if self.fading(i) and done < len(self.grid(i)):
            self._take_back(i, done)  # the last of them may have been added or not
            done = 0
        self.open(i, anew=done == 0)
        self.before = self.spent.patches
        begun = 0
        for batch in self._batches(self.grid(i)):
            begun += len(batch)
            if begun > done:
                yield batch
            else:
                self.spent.patches += len(batch)

    def _take_back(self, i: int, done: int) -> None:
        """Count no more what the first patches of step ``i`` have cost: they take it anew."""
        for batch in self._batches(self.grid(i)):
            done -= len(batch)
            if done < 0:
                break
            skipped = int(self.empty([self.seen(window) for window in batch]).sum())
            self.spent.skipped -= skipped
            self.spent.evaluations -= (len(batch) - skipped) * self.evaluations_at(i)

    def _batches(self, grid: Grid) -> Iterator[list[Window]]:
        """On a processor shares for threads, but of windows and sizes that do not depend on how many there are."""
        size = self.batch_size
        if self.device.type != "cpu":
            yield from grid.batches(size)
            return
        most = max(1, min(3 * size // 4, self.share))  # two threads hold little more than a batch
        for group in grid.groups(size):
            for windows in self.apart(group):
                yield from evenly(windows, most, multiple=2)

    def apart(self, windows: Sequence[Window]) -> list[list[Window]]:
        """Windows that are evaluated, and those of empty glass: among them few would be left of a batch."""
        kinds = {False: list[Window](), True: list[Window]()}
        empty = self.empty([self.seen(window) for window in windows])
        for window, is_empty in zip(windows, empty.tolist(), strict=True):
            kinds[is_empty].append(window)
        return [kind for kind in kinds.values() if kind]

    def open(self, i: int, *, anew: bool = True) -> None:
        """Have the canvases of a step at hand: of several threads that want one, each would make it.

        With ``anew``, none of the step's patches has been written.
        """
        for name in self.canvases:
            for step in range(max(i, 1), i + 2):
                self.state.image(name, step)
        written = self.canvas(i + 1)
        if anew and isinstance(written, Fading):
            written.clear()

    def take(self, i: int, batch: list[Window]) -> Spent:
        """Let some patches take step ``i``; what it costs. Batches may do so in any order, and side by side."""
        spent = Spent(patches=len(batch))
        if left := self.recall(i, batch):
            self.write(i + 1, left, self.moved(i, left, spent))
        return spent

    def taken(self, i: int, batch: Sequence[Window], spent: Spent) -> Progress:
        """Count and keep a batch that has taken step ``i``, as all before it have, in the order of the grid."""
        self.spent.add(spent)
        progress = self.progress(i)
        pixels = len(batch) * self.patch_px**2
        self.state.batch_done(i, self.spent.patches - self.before, pixels)
        return progress

    def recall(self, i: int, batch: list[Window]) -> list[Window]:
        """Put back those patches of step ``i`` that were made before the run; returns the others."""
        if self.drawn is None:
            return batch
        left = []
        for window in batch:
            found = {
                name: self.drawn.get(self.key(i + 1, name, window)) for name in self.written(i)
            }
            if any(image is None for image in found.values()):
                left.append(window)
                continue
            for name, image in found.items():
                canvas = self.canvas(i + 1, name)
                assert image is not None
                canvas.put([window], image[None].to(canvas.image.device))
        return left

    def progress(self, i: int) -> Progress:
        """What has been done so far."""
        self.spent.seconds = time.monotonic() - self.began
        return Progress.of(self.stage, i, self.spent, self.patches_in_all)
