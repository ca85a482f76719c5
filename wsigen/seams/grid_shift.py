"""Grid-shift (Harb et al. 2023), its wrapped twin SpotDiffusion, and what both are compared with.

grid-shift      a newly drawn grid at each step; patches reach over the edge of the canvas
SpotDiffusion   the same, found again a year later (Frolov et al. 2024): what leaves at one edge enters at the
                other. One evaluation less for each patch that would lie across an edge
fixed grid      the same grid at each step: the negative control
whole image     one patch as large as the canvas: no borders at all
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from wsigen.grid import Window, shifted_grid
from wsigen.runs.progress import Progress
from wsigen.runs.stage import StageRun
from wsigen.seams.scheme import Ledger, step_apart, step_ledger, whole


@dataclass(frozen=True)
class GridShift:
    """Grid-shift, as :func:`wsigen.coarse_to_fine.run_stage` runs it; with "wrap", SpotDiffusion."""

    boundary: str | None = None

    def run(self, stage: StageRun) -> Iterator[Progress]:
        return step_apart(stage, stage.grid)

    def ledger(self, stage: StageRun) -> Ledger:
        return step_ledger(stage, stage.grid)


@dataclass(frozen=True)
class FixedGrid:
    """The grid of the canvas's corner at each step."""

    boundary: str | None = None

    def run(self, stage: StageRun) -> Iterator[Progress]:
        return step_apart(stage, lambda i: _base_grid(stage))

    def ledger(self, stage: StageRun) -> Ledger:
        return step_ledger(stage, lambda i: _base_grid(stage))


@dataclass(frozen=True)
class WholeImage:
    """The canvas as one patch: what all others would like to equal, where a network takes images of that size."""

    boundary: str | None = None

    def run(self, stage: StageRun) -> Iterator[Progress]:
        return step_apart(stage, lambda i: [whole(stage)])

    def ledger(self, stage: StageRun) -> Ledger:
        return step_ledger(stage, lambda i: [whole(stage)])


def _base_grid(stage: StageRun) -> Sequence[Window]:
    size = stage.stage
    return shifted_grid(
        size.height, size.width, stage.painter.patch_px, (0, 0), stage.plan.boundary
    )
