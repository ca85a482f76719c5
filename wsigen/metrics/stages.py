"""From stage to stage: does a stage agree with the one that guided it, and do colours wander?

With A the k x k average (Eq. 8) and z_l the image of stage l, in grey levels of 255:

    guide consistency  |A z_l - z_(l-1)|: 0 where guidance is exact (r = N), and growing as it is relaxed
    colour drift       mean of z_l - mean of z_(l-1), per channel; the mean of A z_l is that of z_l
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wsigen.errors import WsigenError

Image = NDArray[np.floating[Any]] | NDArray[np.uint8]
Colour = tuple[float, float, float]


@dataclass(frozen=True)
class StageChange:
    """What stage ``stage`` made of the one before.

    Args:
        stage: its number, from 1.
        mean_error, rms_error, largest_error: of |A z_l - z_(l-1)| over pixels and channels.
        drift: change of the mean red, green and blue since the stage before.
        total_drift: the same since the overview.
    """

    stage: int
    mean_error: float
    rms_error: float
    largest_error: float
    drift: Colour
    total_drift: Colour


def stage_changes(images: Sequence[Image]) -> list[StageChange]:
    """Compare each stage with the one before.

    Args:
        images: z_0 to z_L, (height, width, 3) each, 0 to 255, each a whole multiple of the one before. Rounding to
            whole grey levels hides errors below half of one.
    """
    changes = []
    for stage in range(1, len(images)):
        guide = np.asarray(images[stage - 1], np.float64)
        averaged = average(images[stage], _factor(images[stage].shape, guide.shape))
        error = averaged - guide
        changes.append(
            StageChange(
                stage,
                float(np.abs(error).mean()),
                float(np.sqrt((error**2).mean())),
                float(np.abs(error).max()),
                _colour(averaged - guide),
                _colour(averaged.mean((0, 1), keepdims=True) - np.asarray(images[0]).mean((0, 1))),
            )
        )
    return changes


def average(image: Image, factor: int) -> NDArray[np.float64]:
    """A: the mean of each ``factor`` x ``factor`` square, (height / factor, width / factor, 3)."""
    height, width, channels = image.shape
    squares = np.asarray(image).reshape(height // factor, factor, width // factor, factor, channels)
    return np.asarray(squares.mean(axis=(1, 3), dtype=np.float64))


def _factor(fine: tuple[int, ...], coarse: tuple[int, ...]) -> int:
    factor = fine[0] // coarse[0]
    if fine != (coarse[0] * factor, coarse[1] * factor, 3):
        raise WsigenError(
            f"a stage of shape {fine} follows one of {coarse}; expected (height, width, 3), each a whole multiple of "
            "the one before"
        )
    return factor


def _colour(difference: NDArray[np.float64]) -> Colour:
    red, green, blue = difference.mean(axis=(0, 1))
    return float(red), float(green), float(blue)
