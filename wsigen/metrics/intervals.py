"""A number with its interval, by the bootstrap (Efron 1979).

Resample the units with replacement, compute the number anew, and take the middle of what comes out:

    theta* = theta(x_i1 .. x_in),   i1 .. in uniform,   interval = quantiles of theta*

Patches of one slide resemble each other. With ``groups`` whole slides are drawn, not patches; without, intervals
of patches from few slides are too narrow.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wsigen.errors import WsigenError
from wsigen.seeds import generator


@dataclass(frozen=True)
class Estimate:
    """A value with the two ends of its interval."""

    value: float
    low: float
    high: float
    level: float = 0.95


def bootstrap_mean(
    values: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    level: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
) -> Estimate:
    """The mean of ``values`` with its percentile interval.

    Where all values are equal, as in a precision of 1, it has no width: say of how many samples, too.

    Args:
        values: one number per sample, shape (n,); booleans count as 0 and 1.
        groups: what each sample belongs to, such as its slide, shape (n,); drawn as a whole.
        level: share of intervals that are to hold the truth.
        resamples: how many times the samples are drawn.
        seed: name of the stream.
    """
    values = np.asarray(values, np.float64)
    sums, counts = group_sums(values, groups)
    units = len(sums)
    means = np.empty(resamples)
    stream = generator(seed, "bootstrap")
    for i in range(resamples):
        drawn = stream.integers(units, size=units)
        means[i] = sums[drawn].sum() / counts[drawn].sum()
    return Estimate(float(values.mean()), *percentiles(means, level), level)


def bootstrap_of_two(
    statistic: Callable[[NDArray[Any], NDArray[Any]], float],
    first: NDArray[np.float64],
    second: NDArray[np.float64],
    *,
    first_groups: ArrayLike | None = None,
    second_groups: ArrayLike | None = None,
    level: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
) -> Estimate:
    """``statistic(first, second)`` of two independent samples, each drawn anew, with its percentile interval."""
    sides = [
        [side[rows] for rows in members(len(side), groups)]
        for side, groups in ((first, first_groups), (second, second_groups))
    ]
    stream = generator(seed, "bootstrap of two")
    found = np.empty(resamples)
    for i in range(resamples):
        drawn = [
            np.concatenate([side[j] for j in stream.integers(len(side), size=len(side))])
            for side in sides
        ]
        found[i] = statistic(*drawn)
    return Estimate(statistic(first, second), *percentiles(found, level), level)


def mean_of(estimates: Sequence[Estimate]) -> Estimate:
    """The mean of independent estimates whose intervals reach as far up as down."""
    value = float(np.mean([one.value for one in estimates]))
    reach = float(np.linalg.norm([one.high - one.value for one in estimates])) / len(estimates)
    return Estimate(value, value - reach, value + reach, estimates[0].level)


def group_sums(
    values: NDArray[np.float64], groups: ArrayLike | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sum and number of the samples of each group; without groups each sample is one."""
    if not len(values):
        raise WsigenError("no samples; expected at least one to take a mean of")
    if groups is None:
        return values, np.ones(len(values))
    _, index = np.unique(_checked(len(values), groups), return_inverse=True)
    sums = np.bincount(index, values).astype(np.float64)
    return sums, np.bincount(index).astype(np.float64)


def members(samples: int, groups: ArrayLike | None) -> list[NDArray[np.intp]]:
    """The rows of each group; without groups each row is one."""
    if groups is None:
        return list(np.arange(samples)[:, None])
    _, index = np.unique(_checked(samples, groups), return_inverse=True)
    order = np.argsort(index, kind="stable")
    return np.split(order, np.cumsum(np.bincount(index))[:-1])


def percentiles(found: NDArray[np.float64], level: float) -> tuple[float, float]:
    """The two ends between which the middle ``level`` of ``found`` lies."""
    low, high = np.quantile(found, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _checked(samples: int, groups: ArrayLike) -> NDArray[Any]:
    groups = np.asarray(groups)
    if groups.shape != (samples,):
        raise WsigenError(
            f"groups have the shape {groups.shape} for {samples} samples; give one group per sample"
        )
    return groups
