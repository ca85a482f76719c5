"""The exact law of what a scheme makes of a Gaussian field of one dimension.

Denoiser (Wiener's filter of a patch), solver and schemes are linear: a line of n pixels is x = L z, with z the noise
it was made from, and its covariance is L L^T: no sampling error. L is read off the scheme itself. The rows of an image
are lines with the same L and noise of their own, so that an image with more rows than z has numbers determines it.

Against the covariance C that the lines should have:

    distance   Bures-Wasserstein, (tr C + tr K - 2 tr (C^1/2 K C^1/2)^1/2) / tr C with K = L L^T: the mean square by
               which lines would have to be moved to be right, as a share of their variance
    jump       at each place, E (x_(j+1) - x_j)^2 over what it should be: above 1 at a seam, below 1 where it is blurred
    variance   at each place, E x_j^2 over what it should be
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from wsigen.arrays import Images
from wsigen.errors import WsigenError
from wsigen.grid import Window
from wsigen.plan import Stage, StagePlan
from wsigen.runs.painter import Painter
from wsigen.runs.plane import step_grid
from wsigen.runs.stage import StageRun
from wsigen.seams.gaussian_field import GaussianField
from wsigen.seams.grid_shift import GridShift
from wsigen.seams.mask_shift import MaskShift, fresh_start
from wsigen.seams.overlap import overlapping
from wsigen.seams.scheme import Scheme, whole

Matrix = NDArray[np.float64]

STD = 0.5  # of the field: that of images, for which noise levels are made


class Unclipped(StageRun):
    """A stage whose values may leave [-1, 1], as those of a Gaussian field do: clipping is not linear."""

    def write(self, i: int, batch: Sequence[Window], x: Images) -> None:
        self.canvas(i).write(batch, x)


@dataclass(frozen=True)
class Law:
    """The covariance of the lines a scheme makes, and the one they should have, (n, n) each."""

    made: Matrix
    true: Matrix

    @property
    def distance(self) -> float:
        """Bures-Wasserstein distance, squared, as a share of the variance."""
        values, vectors = np.linalg.eigh(self.true)
        root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
        between = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ self.made @ root), 0)).sum()
        total = np.trace(self.true)
        return float(max(total + np.trace(self.made) - 2 * between, 0) / total)

    @property
    def jump(self) -> Matrix:
        """Mean square step from each pixel to the next over the true one, (n - 1,)."""
        return _steps(self.made) / _steps(self.true)

    @property
    def variance(self) -> Matrix:
        """Variance of each pixel over the true one, (n,)."""
        return np.asarray(self.made.diagonal() / self.true.diagonal())


def law(
    scheme: Scheme,
    *,
    length: int = 128,
    patch_px: int = 32,
    num_steps: int = 40,
    length_px: float = 3.5,
    whole_image: bool = False,
    seed: int = 0,
    shifts: str = "uniform",
) -> Law:
    """The law of the lines that a scheme makes, without a guide, on a line whose ends meet.

    Args:
        scheme: see `wsigen.seams.rivals`.
        length: n, a whole number of patches.
        patch_px: side of a patch.
        num_steps: N of Heun's solver.
        length_px: correlation length.
        whole_image: denoise with the filter of the whole line, for a scheme that takes the canvas as one patch.
        seed: names the shifts.
        shifts: as a plan has them.
    """
    rows = length // patch_px * patch_px  # 3 n lines, for at most 2 n numbers of noise
    field = GaussianField(
        rows, length, length_px, dimensions=1, std=(STD, STD, STD), mean=(0, 0, 0)
    )
    denoiser = field.whole_denoiser() if whole_image else field.patch_denoiser(patch_px, patch_px)
    plan = replace(StagePlan(), boundary="wrap", overview_steps=num_steps, shifts=shifts)
    size = Stage(0, rows, length, 1.0)
    stage = Unclipped(Painter(denoiser, plan, patch_px, seed), size)
    for _ in scheme.run(stage):
        pass
    made = stage.image.numpy().astype(np.float64).reshape(3 * rows, length)
    noise = _noise(scheme, stage).reshape(3 * rows, -1)
    solved, _, _, _ = np.linalg.lstsq(noise, made, rcond=None)
    if (rest := np.abs(noise @ solved - made).max()) > 1e-3 * STD:
        raise WsigenError(
            f"the image is no linear image of its noise (off by {rest:.1e}); expected a scheme that makes every row "
            "of the field in the same way"
        )
    return Law(solved.T @ solved, STD**2 * field.covariance(1, length))


def border_traces(
    *,
    length: int = 96,
    patch_px: int = 32,
    num_steps: int = 40,
    length_px: float = 3.5,
    draws: int = 40,
) -> Matrix:
    """What a border of each step of grid-shift leaves in the final image, shape (num_steps,).

    The jump at a place is one constant plus what each step left that had a border there: least squares over places and
    draws of the shifts. 0 is nothing, 1 a squared step twice the true one. Arguments as :func:`law`.
    """
    borders, jumps = [], []
    plan = replace(StagePlan(), boundary="wrap")
    for seed in range(draws):
        size = Stage(0, length // patch_px * patch_px, length, 1.0)
        here = np.zeros((length - 1, num_steps))
        for i in range(num_steps):
            lefts = np.array(step_grid(size, plan, patch_px, seed, i).lefts) % length
            here[lefts[lefts > 0] - 1, i] = 1
        borders.append(here)
        jumps.append(
            law(
                GridShift(),
                length=length,
                patch_px=patch_px,
                num_steps=num_steps,
                length_px=length_px,
                seed=seed,
            ).jump
        )
    terms = np.concatenate(borders)
    terms = np.hstack([np.ones((len(terms), 1)), terms])
    return np.asarray(np.linalg.lstsq(terms, np.concatenate(jumps), rcond=None)[0][1:])


def _noise(scheme: Scheme, stage: StageRun) -> NDArray[np.float32]:
    """The noise each row was made from, (3, rows, numbers)."""
    if not isinstance(scheme, MaskShift):
        return stage.noise(whole(stage)).numpy()
    # Each patch has noise of its own; a row belongs to the patches that were the first to reach it.
    side, height = stage.painter.patch_px, stage.stage.height
    grid = overlapping(height, stage.stage.width, side, side // 2)
    noise = np.zeros((3, height, len(grid.lefts) * side), np.float32)
    for top in reversed(grid.tops):
        row = [Window(top, left, side, side) for left in grid.lefts]
        patches = fresh_start(stage, row) / float(stage.sigmas[0])
        noise[:, top : top + side] = torch.cat(list(patches), dim=2).numpy()
    return noise


def _steps(covariance: Matrix) -> Matrix:
    variance = covariance.diagonal()
    return np.asarray(variance[1:] + variance[:-1] - 2 * covariance.diagonal(1))
