"""A p-value for a lattice: does the image change along this grid more than along the same grid laid elsewhere?

A grid of period P can lie at P x P offsets. Let T(o) be a statistic at offset o. Where no offset is special, the
grid's own is as likely as any other to have the highest T, so

    p = #{o : T(o) >= T(grid)} / #{o}

is uniform on 1/n, 2/n .. 1, with n the number of offsets; ties make it larger. All offsets are tried, none drawn at
random. It is exact as far as the image looks the same wherever the grid lies, and needs no model of its texture:
neighbouring offsets may be as correlated as they like.

``align`` compares with offsets a multiple of it away only. Use it for a pattern that is no seam but sits on the grid:
blocks of a JPEG (align = 8), or the k x k blocks of the guide under a generated stage (align = k).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wsigen.errors import WsigenError

Plane = NDArray[np.float64]


@dataclass(frozen=True)
class LatticeTest:
    """How a grid compares with the same grid at all other offsets.

    Args:
        p_value: share of offsets that look at least as much like seams, the grid's own among them.
        effect: standard deviations of the other offsets that the statistic lies above their mean.
        grey: the size of it in grey levels (of 255), with what the other offsets have on average taken away.
        offsets: how many were compared; the p-value is at least 1 / offsets.
    """

    p_value: float
    effect: float
    grey: float
    offsets: int


def lattice_test(
    statistics: Sequence[Plane], grey_squares: Plane, offset: tuple[int, int], align: int = 1
) -> LatticeTest:
    """Test the grid at ``offset``: T is the highest of the statistics, each in units of its own spread.

    Args:
        statistics: each (period, period): its value for the grid whose corner lies at that row and column.
        grey_squares: mean squared size in grey levels for each grid, (period, period).
        offset: row and column of a corner of the grid.
        align: see above; divides the period.
    """
    period = len(grey_squares)
    if align < 1 or period % align or period == align:
        raise WsigenError(
            f"align is {align} for a period of {period} px; expected a smaller number that divides it"
        )
    scored = np.max([standardised(at_offset(plane, offset, align)) for plane in statistics], axis=0)
    own, rest = scored[0], scored[1:]
    spread = rest.std()
    squares = at_offset(grey_squares, offset, align)
    return LatticeTest(
        p_value=float((scored >= own - 1e-9 * abs(own)).mean()),
        effect=float((own - rest.mean()) / spread) if spread > 0 else 0.0,
        grey=float(np.sqrt(max(0.0, squares[0] - squares[1:].mean()))),
        offsets=scored.size,
    )


def at_offset(planes: Plane, offset: tuple[int, int], align: int = 1) -> Plane:
    """The offsets to compare, the grid's own first: (.., period, period) becomes (.., offsets)."""
    turned = np.roll(planes, (-offset[0], -offset[1]), (-2, -1))[..., ::align, ::align]
    return turned.reshape(*turned.shape[:-2], -1)


def hann(length: int) -> Plane:
    """The window of `fold`, of mean 1."""
    return np.asarray(1 - np.cos(2 * np.pi * (np.arange(length) + 0.5) / length))


def fold(values: Plane, period: int) -> Plane:
    """Mean of ``values`` over rows (and columns) that are a period apart, (period[, period]).

    Weighted by a Hann window over the whole length, under which every offset has the same sum of weights and of their
    squares. Without it, what changes from one end of the image to the other would set the first offset apart from
    the last, though in the grid they are neighbours.

    Args:
        values: whole periods, at least three, along each axis.
        period: in pixels.
    """
    for axis, length in enumerate(values.shape):
        weighted = values * np.expand_dims(
            hann(length), [a for a in range(values.ndim) if a != axis]
        )
        shape = (*values.shape[:axis], length // period, period, *values.shape[axis + 1 :])
        values = weighted.reshape(shape).mean(axis=axis)
    return values


def standardised(values: Plane, like: Plane | None = None) -> Plane:
    """Values in standard deviations from the mean: their own, or those of ``like``."""
    like = values if like is None else like
    mean, spread = like.mean(), like.std()
    return (values - mean) / spread if spread > 1e-12 * abs(mean) else 0 * values
