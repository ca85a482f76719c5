"""Mask-shift (Wang et al. 2023, DDNM): finished neighbours are pasted into the estimate of the next patch.

Patches lie half a patch apart and are run from noise to image one after the other. What a patch shares with finished
ones is known; at each step its denoised estimate u is replaced there, as the guide replaces what A sees:

    u <- finished where finished, u elsewhere

Each patch starts from noise of its own, and no step is repeated ("time travel"). A patch waits for the neighbours it
overlaps that come before it in reading order, so patches whose 2 row + column is equal can run together: of n x n,
3 n - 2 wait for each other. With ``row_lag`` 1 it does not wait for its upper right neighbour, whose share of it the
upper one has written before: the image is the same, and 2 n - 1 wait.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from jaxtyping import Bool
from torch import Tensor

from wsigen.arrays import Denoiser, Images
from wsigen.grid import Grid, Window
from wsigen.runs.progress import Progress
from wsigen.runs.stage import StageRun
from wsigen.schedule import SIGMA_MAX
from wsigen.seams.overlap import overlapping
from wsigen.seams.scheme import Ledger, alone_ledger, batches, run_alone
from wsigen.seeds import generator


@dataclass(frozen=True)
class MaskShift:
    """One patch after the other, in wavefronts.

    Args:
        row_lag: how many patches a row keeps behind the one above it, 2 or 1 (see above).
        boundary: without effect on the patches, which lie inside the canvas.
    """

    row_lag: int = 2
    boundary: str | None = None

    def run(self, stage: StageRun) -> Iterator[Progress]:
        canvas = torch.zeros(3, stage.stage.height, stage.stage.width, device=stage.device)
        done = torch.zeros_like(canvas[:1], dtype=torch.bool)
        stage.patches_in_all = len(_windows(stage)) * stage.num_steps
        for front in self.wavefronts(stage):
            for batch in batches(front, stage.painter.batch_size):
                places = [window.slices() for window in batch]
                known = torch.stack([done[place] for place in places])
                finished = torch.stack([canvas[place] for place in places])
                paste = partial(pasted, known=known, finished=finished)
                x = run_alone(stage, batch, fresh_start(stage, batch), paste)
                for place, patch in zip(places, torch.where(known, finished, x), strict=True):
                    canvas[place] = patch
                    done[place] = True
                yield stage.progress(stage.num_steps - 1)
        stage.write(stage.num_steps, [Window(0, 0, *canvas.shape[1:])], canvas[None])

    def ledger(self, stage: StageRun) -> Ledger:
        return alone_ledger(stage, len(_windows(stage)), len(self.wavefronts(stage)))

    def wavefronts(self, stage: StageRun) -> list[list[Window]]:
        """Windows that can run together, each list after the one before."""
        grid = _windows(stage)
        fronts = defaultdict(list)
        for row, top in enumerate(grid.tops):
            for column, left in enumerate(grid.lefts):
                window = Window(top, left, grid.patch_px, grid.patch_px)
                fronts[self.row_lag * row + column].append(window)
        return [fronts[number] for number in sorted(fronts)]


def pasted(
    denoiser: Denoiser, known: Bool[Tensor, "batch 1 height width"], finished: Images
) -> Denoiser:
    """Wrap a denoiser: where pixels are known, they are its estimate."""

    def estimate(x: Images, sigma: Tensor | float, mpp: Tensor | float) -> Images:
        return torch.where(known, finished, denoiser(x, sigma, mpp))

    return estimate


def _windows(stage: StageRun) -> Grid:
    size, side = stage.stage, stage.painter.patch_px
    return overlapping(size.height, size.width, side, side // 2)


def fresh_start(stage: StageRun, batch: Sequence[Window]) -> Images:
    """Noise of each patch's own, or so much of it on the guide."""
    sigma = float(stage.sigmas[0])
    name = (stage.painter.seed, "stage", stage.stage.index, "patch noise")
    noise = [
        generator(*name, top, left).standard_normal((3, height, width), "float32")
        for top, left, height, width in batch
    ]
    x = sigma * torch.stack([torch.from_numpy(n) for n in noise]).to(stage.device)
    if stage.guide is not None and sigma < SIGMA_MAX:
        x += stage.operator.pinv(stage.guide_of(batch))
    return x
