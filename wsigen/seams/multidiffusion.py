"""MultiDiffusion (Bar-Tal et al. 2023): at each step, overlapping patches take it and are averaged.

    x <- sum_k w_k step(x in window k) / sum_k w_k

Flat weights are the paper's; Gaussian ones are those of Jimenez 2023 (Mixture of Diffusers). The mean of noisy patches
that disagree has less noise than the step asks for, which blurs where the overlap is deep.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from wsigen.errors import WsigenError
from wsigen.grid import Grid
from wsigen.runs.progress import Progress
from wsigen.runs.stage import StageRun
from wsigen.seams.overlap import WeightedMean, overlapping, weights
from wsigen.seams.scheme import Ledger, batches, step_ledger, whole


@dataclass(frozen=True)
class MultiDiffusion:
    """Average after each step.

    Args:
        parts: the stride is a patch's side over this: 2 for about 4 times the evaluations, 4 for 16.
        kind: "flat" or "gaussian", see :func:`wsigen.seams.overlap.weights`.
        boundary: "pad" or "wrap"; by default the plan's.
    """

    parts: int = 2
    kind: str = "flat"
    boundary: str | None = None

    def run(self, stage: StageRun) -> Iterator[Progress]:
        if stage.plan.solver == "2m":
            raise WsigenError(
                "MultiDiffusion averages what no single patch remembers; expected the solver euler or heun, not 2m"
            )
        windows, weight = self._windows(stage), weights(self.kind, stage.painter.patch_px)
        stage.patches_in_all = len(windows) * stage.num_steps
        for i in range(stage.num_steps):
            mean = WeightedMean(stage.stage.height, stage.stage.width, weight, stage.device)
            for batch in batches(windows, stage.painter.batch_size):
                mean.add(batch, stage.step(i, stage.read(i, batch), batch))
                stage.spent.patches += len(batch)
                yield stage.progress(i)
            stage.write(i + 1, [whole(stage)], mean.image[None])

    def ledger(self, stage: StageRun) -> Ledger:
        return step_ledger(stage, lambda i: self._windows(stage))

    def _windows(self, stage: StageRun) -> Grid:
        size, side = stage.stage, stage.painter.patch_px
        return overlapping(size.height, size.width, side, side // self.parts, stage.plan.boundary)
