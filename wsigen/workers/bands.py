"""Which worker owns which rows of a stage, and which rows change hands before a step: geometry, whole numbers only.

The canvas is cut into bands of rows, one to a worker. A worker runs the groups of patches that begin in its band, so
before each step the borders between workers move to the shifted grid's lines, by less than a group of patches; the rows
between the old border and the new one change hands. Where patches of the last step fade into each other, a worker runs
the group below its own, too: so it has all that adds up in its rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

from wsigen.grid import Grid, Window, rows_together
from wsigen.plan import Stage, StagePlan
from wsigen.runs.painter import Painter
from wsigen.runs.plane import fading_px, step_grid


class Transfer(NamedTuple):
    """Rows [start, stop) of the plane go from one worker to another, or to another canvas of the same one."""

    source: int
    target: int
    start: int
    stop: int


@dataclass(frozen=True)
class Bands:
    """The rows of a stage among workers.

    Args:
        painter: how the slide is made.
        stage: its size.
        workers: how many there are; a stage too small for all of them leaves the last ones idle.
    """

    painter: Painter
    stage: Stage
    workers: int

    @cached_property
    def own(self) -> StagePlan:
        """The plan of the stage."""
        return self.painter.at(self.stage.index, self.stage.mpp)

    @property
    def batch_size(self) -> int:
        """Patches of the stage that are denoised together."""
        return self.own.as_many(self.painter.batch_size)

    @property
    def group_px(self) -> int:
        """The most rows that a group of patches has."""
        steps = range(self.own.num_steps)
        whole = self.own.side_px(self.painter.patch_px)
        sides = {whole - 2 * self.own.margin_at(step) for step in steps}
        in_rows = {max(1, -(-self.stage.width // side)) for side in sides}
        in_rows |= {number + 1 for number in in_rows}  # where the grid is shifted
        return max(rows_together(n, self.batch_size) for n in in_rows) * whole

    def fading(self, step: int) -> int:
        """How far patches of a step reach into each other."""
        return fading_px(self.painter, self.stage, step)

    @cached_property
    def starts(self) -> list[int]:
        """Where the bands begin, and the last one ends; a band is no lower than a group of patches."""
        busy = max(1, min(self.workers, self.stage.height // self.group_px))
        return [rank * self.stage.height // busy for rank in range(busy + 1)]

    def grid(self, step: int) -> Grid:
        """All patches of a step."""
        painter = self.painter
        return step_grid(self.stage, painter.plan, painter.patch_px, painter.seed, step)

    def part(self, rank: int, step: int, grid: Grid) -> Grid:
        """The patches of a step that a worker runs: the groups that begin in its band."""
        tops: list[int] = []
        if rank < len(self.starts) - 1:
            last = False
            for group in grid.groups(self.batch_size):
                own = self.starts[rank] <= max(group.tops[0], 0) < self.starts[rank + 1]
                if own or (last and self.fading(step)):
                    tops += group.tops
                last = own
        return Grid(tops, grid.lefts, grid.patch_px)

    def held(self, step: int) -> list[range]:
        """The rows that each worker has written once ``step`` is done; a wrapped canvas goes on below its height."""
        grid = self.grid(step)
        tops = [group.tops[0] for group in grid.groups(self.batch_size)]
        lines = [min(top for top in tops if max(top, 0) >= start) for start in self.starts[:-1]]
        if self.own.boundary == "wrap":
            lines.append(lines[0] + self.stage.height)
        else:
            lines = [max(line, 0) for line in lines] + [self.stage.height]
            lines[1:-1] = [line + self.fading(step) for line in lines[1:-1]]
        idle = [range(0)] * (self.workers - len(self.starts) + 1)
        return [range(a, b) for a, b in pairwise(lines)] + idle

    def seen(self, step: int) -> list[range]:
        """The rows that each worker's patches look at in a step: what is theirs, with the margin."""
        margin, height = self.own.margin_at(step), self.stage.height
        if not margin:
            return self.held(step)
        grid, found = self.grid(step), list[range]()
        for rank in range(self.workers):
            tops = self.part(rank, step, grid).tops
            rows = range(tops[0] - margin, tops[-1] + grid.patch_px + margin) if tops else range(0)
            found.append(range(max(rows.start, 0), min(rows.stop, height)))
        return found

    @property
    def written(self) -> list[range]:
        """The rows that each worker has of the finished stage."""
        return self.held(self.own.num_steps - 1)

    def region(self, rank: int) -> Window:
        """The part of the plane that a worker's canvases hold: its band and what its last patches may reach."""
        if rank >= len(self.starts) - 1:
            return Window(0, 0, 1, self.stage.width)  # idle: a row that nobody reads
        margin = self.own.margin_px
        first = max(self.starts[rank] - margin, 0)
        last = self.starts[rank + 1] + (2 if margin else 1) * self.group_px + margin
        if self.own.boundary == "pad" or len(self.starts) == 2:
            last = min(last, self.stage.height)
        return Window(first, 0, last - first, self.stage.width)

    def guide_rows(self, rank: int) -> range:
        """The rows of the stage before that a worker's patches are guided by."""
        region = self.region(rank)
        first, last = region.top // self.own.factor, -(-region.bottom // self.own.factor)
        first, last = first - self.painter.guide_margin, last + self.painter.guide_margin
        if self.own.boundary == "pad":
            first, last = max(first, 0), min(last, self.stage.height // self.own.factor)
        return range(first, last)


def transfers(held: Sequence[range], needed: Sequence[range], height: int) -> list[Transfer]:
    """What has to move where, in one order for all.

    Args:
        held: the rows that each worker has, without overlap.
        needed: the rows that each worker wants.
        height: of the plane; rows from there on are the first ones again.
    """
    return [
        Transfer(source, target, max(a.start, b.start), min(a.stop, b.stop))
        for source, rows in enumerate(held)
        for a in runs(rows, height)
        for target, wanted in enumerate(needed)
        for b in runs(wanted, height)
        if max(a.start, b.start) < min(a.stop, b.stop)
    ]


def runs(rows: range, height: int) -> list[range]:
    """Rows of an endless plane as runs of rows in [0, height)."""
    if not rows:
        return []
    start = rows.start % height
    stop = start + min(len(rows), height)
    return [range(start, stop)] if stop <= height else [range(start, height), range(stop - height)]
