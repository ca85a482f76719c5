"""Overlap and blend: patches are run from noise to image each for itself, and cross-faded where they overlap.

What upscalers do that cut an image into tiles. All patches start from one plane of noise, so that neighbours begin
alike where they overlap; where they end apart, the cross-fade is the mean of two images, which blurs.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from wsigen.grid import Grid
from wsigen.runs.progress import Progress
from wsigen.runs.stage import StageRun
from wsigen.seams.overlap import WeightedMean, overlapping, weights
from wsigen.seams.scheme import Ledger, alone_ledger, batches, run_alone, whole


@dataclass(frozen=True)
class Blend:
    """Blend at the end.

    Args:
        parts: neighbours overlap by a patch's side over this.
        boundary: "pad" or "wrap"; by default the plan's.
    """

    parts: int = 4
    boundary: str | None = None

    def run(self, stage: StageRun) -> Iterator[Progress]:
        windows = self._windows(stage)
        weight = weights("fade", stage.painter.patch_px, stage.painter.patch_px // self.parts)
        mean = WeightedMean(stage.stage.height, stage.stage.width, weight, stage.device)
        stage.patches_in_all = len(windows) * stage.num_steps
        for batch in batches(windows, stage.painter.batch_size):
            mean.add(batch, run_alone(stage, batch, stage.read(0, batch)))
            yield stage.progress(stage.num_steps - 1)
        stage.write(stage.num_steps, [whole(stage)], mean.image[None])

    def ledger(self, stage: StageRun) -> Ledger:
        return alone_ledger(stage, len(self._windows(stage)), 1)

    def _windows(self, stage: StageRun) -> Grid:
        size, side = stage.stage, stage.painter.patch_px
        stride = side - side // self.parts
        return overlapping(size.height, size.width, side, stride, stage.plan.boundary)
