"""Seams: does an image jump along the grid of patches it was made from?

Across the line between rows y - 1 and y, what a straight continuation from both sides does not explain is

    jump(y) = (I(y) - I(y-1)) - ((I(y-1) - I(y-2)) + (I(y+1) - I(y))) / 2

(the slopes of Minami and Zakhor 1995), and likewise between columns. With v the mean square of the jumps nearby, so
that a step counts where the image is quiet, two averages are taken over the lines of a grid:

    step    mean over patch edges of ln(1 + (sum jump / v)^2 / (sum 1 / v))   patches differ in brightness or colour
    break   mean over pixels of jump^2 / v                                    textures do not continue

`seam_test` compares both at a grid with the same at all other offsets (see `wsigen.metrics.lattice`), `tile_mismatch`
does so for the mean colours of patches, and `periodogram` shows the steps by frequency. Images are
(height, width, 3), 0 to 255.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

from wsigen.errors import WsigenError
from wsigen.metrics.lattice import LatticeTest, Plane, fold, lattice_test

Image = NDArray[np.floating[Any]] | NDArray[np.uint8]

QUIET = 0.3  # grey levels: about the rounding to whole ones, below which a jump is none
NEARBY = 5  # pixels: with larger squares a nucleus would drown its surroundings
REACH = 2  # the first line across which a jump can be told lies between rows 1 and 2


@dataclass(frozen=True)
class SeamPlanes:
    """How much of a seam a grid shows, wherever it lies.

    Args:
        statistics: step and break for the grid whose corner lies at that row and column, (period, period) each.
        grey_squares: mean squared step in grey levels, (period, period).
    """

    statistics: tuple[Plane, Plane]
    grey_squares: Plane

    @classmethod
    def of(cls, image: Image, period: int) -> "SeamPlanes":
        """Of an image at least four patches of side ``period`` high and wide."""
        _check(image, period, 4 * period)
        step, rough, square, weight = totals = np.zeros((4, period, period))
        for edges, axis in all_edges(image, period):
            planes = [
                fold(np.log1p(edges.step), period),
                np.repeat(fold(edges.rough.mean(axis=1), period)[:, None], period, axis=1),
                fold(edges.step, period),
                fold(edges.weight, period),
            ]
            for total, plane in zip(totals, planes, strict=True):
                total += in_frame(plane, axis)
        return cls((step, rough), square / weight)

    def at(self, offset: tuple[int, int] = (0, 0), *, align: int = 1) -> LatticeTest:
        """Test the grid at ``offset``; arguments as `seam_test`."""
        return lattice_test(self.statistics, self.grey_squares, offset, align)


def seam_test(
    image: Image, period: int, offset: tuple[int, int] = (0, 0), *, align: int = 1
) -> LatticeTest:
    """Test for seams along a grid; ``grey`` is the root mean square step between patches.

    To test several grids of one image, keep its `SeamPlanes`.

    Args:
        image: at least four patches high and wide.
        period: side of a patch.
        offset: row and column of a corner of the grid: (0, 0), or the shift of a step.
        align: compare with offsets a multiple of this away (see `wsigen.metrics.lattice`).
    """
    return SeamPlanes.of(image, period).at(offset, align=align)


def tile_mismatch(
    image: Image, period: int, offset: tuple[int, int] = (0, 0), *, align: int = 1
) -> LatticeTest:
    """Test whether mean colours of patches differ from their four neighbours' more than those of other squares.

    Sees what has no sharp edge, such as patches that fade into each other. Arguments as `seam_test`, but the image
    is at least six patches high and wide.
    """
    _check(image, period, 6 * period)
    statistic, squares = np.zeros((2, period, period))
    rows, columns = (_whole(length - 3 * period + 1, period) for length in image.shape[:2])
    for channel in np.moveaxis(np.asarray(image), 2, 0):
        mean = _running_mean(_running_mean(channel.astype(np.float64), period, 0), period, 1)
        top, left = slice(period, period + rows), slice(period, period + columns)
        around = sum(
            mean[period + dy : period + dy + rows, period + dx : period + dx + columns]
            for dy, dx in ((-period, 0), (period, 0), (0, -period), (0, period))
        )
        difference = mean[top, left] - around / 4
        statistic += fold(np.abs(difference), period) / 3  # not squared: tissue edges would decide
        squares += fold(difference**2, period) / 3
    return lattice_test([statistic], squares, offset, align)


@dataclass(frozen=True)
class Periodogram:
    """Power of the jumps by frequency.

    Args:
        frequency: cycles per pixel, shape (bins,).
        power: mean of rows and columns, shape (bins,).
        ratio: power at the multiples of 1 / period over that between them, averaged over multiples: 1 is no seam.
    """

    frequency: Plane
    power: Plane
    ratio: float


def periodogram(image: Image, period: int) -> Periodogram:
    """Periodogram of the steps along each line, over whole periods; it sees a grid at whatever offset.

    Args:
        image: at least three patches high and wide; only the first rows and columns of the longer side.
        period: side of a patch.
    """
    _check(image, period, 3 * period)
    lines = _whole(min(image.shape[:2]) - 3, period)
    power = np.zeros(lines // 2 + 1)
    for channel in np.moveaxis(np.asarray(image), 2, 0):
        for plane in (channel, channel.T):
            profile = Edges.of(plane.astype(np.float64), period).step.mean(axis=1)[:lines]
            power += np.abs(np.fft.rfft(profile - profile.mean())) ** 2 / 6
    periods = lines // period
    ratios = []
    for place in range(periods, len(power), periods):
        near = power[place - periods + 1 : place + periods]
        between = np.delete(near, periods - 1).mean()
        ratios.append(power[place] / between if between > 0 else 1.0)
    return Periodogram(np.arange(1, len(power)) / lines, power[1:], float(np.mean(ratios)))


@dataclass(frozen=True)
class Edges:
    """Jumps across the horizontal lines of one channel; the first is that between rows 1 and 2.

    Args:
        step: strength of the step along a patch edge that starts at each column, (lines, starts).
        weight: how precisely each is known, (lines, starts): step / weight is in squared grey levels.
        rough: jump^2 / v, (lines, columns).
    """

    step: Plane
    weight: Plane
    rough: Plane

    @classmethod
    def of(cls, plane: Plane, period: int) -> "Edges":
        jump = _jumps(plane)
        nearby = np.maximum(uniform_filter(jump**2, NEARBY), 0) + QUIET**2
        rows = _whole(len(jump), period)
        starts = _whole(plane.shape[1] - period + 1, period)
        jump, nearby = jump[:rows], nearby[:rows]
        total = period * _running_mean(jump / nearby, period, 1)[:, :starts]
        weight = period * _running_mean(1 / nearby, period, 1)[:, :starts]
        return cls(total**2 / weight, weight, jump**2 / nearby)


def all_edges(image: Image, period: int) -> Iterator[tuple[Edges, int]]:
    """The edges of each channel across rows (axis 0) and across columns (axis 1, transposed)."""
    for channel in np.moveaxis(np.asarray(image), 2, 0):
        for axis in (0, 1):
            yield Edges.of((channel if axis == 0 else channel.T).astype(np.float64), period), axis


def in_frame(planes: Plane, axis: int) -> Plane:
    """Planes (.., lines, starts) of `all_edges`, folded, in rows and columns of the image."""
    planes = np.roll(planes, REACH, axis=-2)
    return planes if axis == 0 else planes.swapaxes(-1, -2)


def _jumps(plane: Plane) -> Plane:
    """Jumps across all horizontal lines but the first and the last, (height - 3, width)."""
    slope = np.diff(plane, axis=0)
    return slope[1:-1] - (slope[:-2] + slope[2:]) / 2


def _running_mean(values: Plane, length: int, axis: int) -> Plane:
    """Means of ``length`` neighbours, from each place on, (.., places - length + 1, ..)."""
    sums = np.cumsum(values, axis=axis)
    sums = np.concatenate([np.zeros_like(sums.take([0], axis)), sums], axis=axis)
    ends, starts = (np.arange(first, sums.shape[axis]) for first in (length, 0))
    return (sums.take(ends, axis) - sums.take(starts[: len(ends)], axis)) / length


def _whole(places: int, period: int) -> int:
    """As many places as make whole periods, so that each offset is seen equally often."""
    return places // period * period


def _check(image: Image, period: int, least: int) -> None:
    if period < NEARBY:
        raise WsigenError(f"patches of {period} px; expected at least {NEARBY} px a side")
    if image.ndim != 3 or image.shape[2] != 3 or min(image.shape[:2]) < least:
        raise WsigenError(
            f"the image has the shape {image.shape}; expected (height, width, 3), at least {least} px high and "
            f"wide for patches of {period} px"
        )
