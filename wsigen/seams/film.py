"""Grid-shift as a film: the noisy image of each step under its grid, and what would become of it."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wsigen.grid import Grid
from wsigen.pixels import to_pixels
from wsigen.runs.canvas import Image
from wsigen.runs.stage import StageRun
from wsigen.seams.scheme import batches, whole

LINE = (0, 0, 0)


@dataclass(frozen=True)
class Frame:
    """One step.

    Args:
        step, sigma: which, and its noise level.
        noisy: the image under the grid of the step, uint8 (height, width, 3).
        estimate: the image if the noise were taken away at once along the slope of this step.
    """

    step: int
    sigma: float
    noisy: NDArray[np.uint8]
    estimate: NDArray[np.uint8]


def film(stage: StageRun) -> Iterator[Frame]:
    """Run a stage by grid-shift and yield a frame at each step; afterwards ``stage.image`` is the clean image.

    With Euler's solver the estimate is the denoised one, u = x + sigma dx / (sigma' - sigma).
    """
    everything = [whole(stage)]
    for i in range(stage.num_steps):
        stage.open(i)
        before = stage.read(i, everything)[0].clone()
        for batch in batches(stage.grid(i), stage.painter.batch_size):
            stage.write(i + 1, batch, stage.moved(i, batch))
        sigma, after = float(stage.sigmas[i]), float(stage.sigmas[i + 1])
        moved = stage.read(i + 1, everything)[0] - before
        estimate = before + moved * sigma / (sigma - after)
        yield Frame(i, sigma, _under(before / (1 + sigma), stage.grid(i)), to_pixels(estimate))


def _under(image: Image, grid: Grid) -> NDArray[np.uint8]:
    """A picture with the lines of a grid; noise is drawn at a contrast at which it can be seen."""
    pixels = to_pixels(image)
    pixels[[top for top in grid.tops if 0 < top < len(pixels)]] = LINE
    pixels[:, [left for left in grid.lefts if 0 < left < pixels.shape[1]]] = LINE
    return pixels
