"""KID: the distance of two sets of features as a squared maximum mean discrepancy (Bińkowski et al. 2018, Sec. 4).

    k(x, y) = (x . y / d + 1)^3
    MMD^2   = sum_{i != j} k(x_i, x_j) / (m (m - 1)) + sum_{i != j} k(y_i, y_j) / (n (n - 1))
              - 2 sum_{i, j} k(x_i, y_j) / (m n)                                        (Gretton et al. 2012, Eq. 3)

It is unbiased: between two samples of one distribution its mean is 0 at any sample size, so single values are
negative as often as not. Samples are shuffled into B subsets, and the interval comes from them by

    jackknife   (Efron and Stein 1981) the distance anew without the b-th subset of both sides
    bootstrap   subsets drawn with replacement. A sample drawn twice would be paired with its own copy, which raises the
                distance; so pairs within a subset are left out
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import t

from wsigen.errors import WsigenError
from wsigen.metrics.intervals import Estimate, members, percentiles
from wsigen.metrics.manifold import Features
from wsigen.seeds import generator

TILE = 2048  # samples at a time: two tiles of features in double precision and one of kernel values


def kid(
    real: Features,
    fake: Features,
    *,
    subsets: int = 20,
    interval: str = "jackknife",
    resamples: int = 1000,
    real_groups: ArrayLike | None = None,
    fake_groups: ArrayLike | None = None,
    level: float = 0.95,
    seed: int = 0,
) -> Estimate:
    """KID with its interval, which is too wide rather than too narrow where both sides are alike.

    Args:
        real: shape (reals, dims).
        fake: shape (fakes, dims).
        subsets: how many the samples are shuffled into; fewer where there are fewer groups.
        interval: "jackknife" or "bootstrap".
        resamples: how many times the bootstrap draws the subsets.
        real_groups, fake_groups: what each sample belongs to, such as its slide; kept in one subset.
        level: share of intervals that are to hold the truth.
        seed: decides which samples share a subset.
    """
    if interval not in ("jackknife", "bootstrap"):
        raise WsigenError(f"no interval {interval!r}; expected jackknife or bootstrap")
    units = [
        members(len(side), groups) for side, groups in ((real, real_groups), (fake, fake_groups))
    ]
    subsets = min(subsets, *map(len, units))
    if subsets < 3 or min(len(real), len(fake)) < 6 or real.shape[1:] != fake.shape[1:]:
        raise WsigenError(
            f"features have the shapes {real.shape} and {fake.shape}, in {len(units[0])} and "
            f"{len(units[1])} groups; expected equal dims and at least 6 samples in 3 groups a side"
        )
    x, y = (
        _Side(features, unit, subsets, generator(seed, "kid", name))
        for features, unit, name in zip((real, fake), units, ("real", "fake"), strict=True)
    )
    xx, yy, xy = kernel_sums(x, x), kernel_sums(y, y), kernel_sums(x, y)
    x_own, y_own = x.own_kernel(), y.own_kernel()
    value = _mmd2(xx, yy, xy, x_own, y_own, x.counts, y.counts, np.ones(subsets, np.bool_))
    if interval == "bootstrap":
        stream = generator(seed, "kid", "bootstrap")
        x_drawn, y_drawn = (_drawn(subsets, resamples, stream) for _ in range(2))
        again = _drawn_mmd2(xx, yy, xy, x.counts, y.counts, x_drawn, y_drawn)
        return Estimate(value, *percentiles(again, level), level)
    without = np.array(
        [
            _mmd2(xx, yy, xy, x_own, y_own, x.counts, y.counts, np.arange(subsets) != b)
            for b in range(subsets)
        ]
    )
    error = np.sqrt((subsets - 1) / subsets * np.sum((without - without.mean()) ** 2))
    reach = float(t.ppf((1 + level) / 2, subsets - 1) * error)
    return Estimate(value, value - reach, value + reach, level)


class _Side:
    """One set of features in the order of its subsets."""

    def __init__(
        self,
        features: Features,
        units: list[NDArray[np.intp]],
        subsets: int,
        stream: np.random.Generator,
    ) -> None:
        self.features = features
        parts = np.array_split(stream.permutation(len(units)), subsets)
        rows = [np.concatenate([units[u] for u in part]) for part in parts]
        self.counts = np.array([len(part) for part in rows])
        self.order = np.concatenate(rows)
        self.subset = np.repeat(np.arange(subsets), self.counts)

    def tiles(self) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
        """Rows of each tile and their subsets."""
        cuts = range(TILE, len(self.order), TILE)
        return list(zip(np.split(self.order, cuts), np.split(self.subset, cuts), strict=True))

    def own_kernel(self) -> NDArray[np.float64]:
        """Sum of k(x, x) over each subset, shape (subsets,)."""
        found = np.zeros(len(self.counts))
        for rows, subset in self.tiles():
            squares = (self.features[rows].astype(np.float64) ** 2).mean(axis=1)
            found += np.bincount(subset, (squares + 1) ** 3, len(found))
        return found


def kernel_sums(x: _Side, y: _Side) -> NDArray[np.float64]:
    """Sum of k over all pairs of each subset of ``x`` with each of ``y``, shape (subsets, subsets)."""
    found = np.zeros((len(x.counts), len(y.counts)))
    dims = x.features.shape[1]
    for i, (x_rows, x_subset) in enumerate(x.tiles()):
        left = x.features[x_rows].astype(np.float64)
        for j, (y_rows, y_subset) in enumerate(y.tiles()):
            if x is y and j < i:
                continue  # its mirror image is counted below
            kernel = (left @ y.features[y_rows].astype(np.float64).T / dims + 1) ** 3
            sums = _sum_runs(_sum_runs(kernel, x_subset).T, y_subset).T
            place = np.ix_(np.unique(x_subset), np.unique(y_subset))
            found[place] += sums
            if x is y and j > i:
                found.T[place] += sums
    return found


def _sum_runs(rows: NDArray[np.float64], subset: NDArray[np.intp]) -> NDArray[np.float64]:
    """Sum the rows of each subset; equal numbers stand together."""
    return np.add.reduceat(rows, np.unique(subset, return_index=True)[1], axis=0)


def _mmd2(
    xx: NDArray[Any], yy: NDArray[Any], xy: NDArray[Any],
    x_own: NDArray[Any], y_own: NDArray[Any],
    x_counts: NDArray[Any], y_counts: NDArray[Any], kept: NDArray[np.bool_],
) -> float:  # fmt: skip
    """The unbiased estimate from the sums of the subsets that are kept."""
    m, n = x_counts[kept].sum(), y_counts[kept].sum()
    pairs = np.ix_(kept, kept)
    within_x = (xx[pairs].sum() - x_own[kept].sum()) / (m * (m - 1))
    within_y = (yy[pairs].sum() - y_own[kept].sum()) / (n * (n - 1))
    return float(within_x + within_y - 2 * xy[pairs].sum() / (m * n))


def _drawn(subsets: int, resamples: int, stream: np.random.Generator) -> NDArray[np.float64]:
    """How often each subset is drawn, at least two of them, (resamples, subsets)."""
    counts = stream.multinomial(subsets, np.full(subsets, 1 / subsets), resamples)
    while (alone := (counts > 0).sum(axis=1) < 2).any():
        counts[alone] = stream.multinomial(subsets, np.full(subsets, 1 / subsets), alone.sum())
    return counts.astype(np.float64)


def _drawn_mmd2(
    xx: NDArray[Any], yy: NDArray[Any], xy: NDArray[Any],
    x_counts: NDArray[Any], y_counts: NDArray[Any], x_drawn: NDArray[Any], y_drawn: NDArray[Any],
) -> NDArray[np.float64]:  # fmt: skip
    """The estimate from pairs of different subsets that are drawn so often, (resamples,)."""

    def mean(
        sums: NDArray[Any], pairs: NDArray[Any], one: NDArray[Any], other: NDArray[Any]
    ) -> Any:
        return ((one @ sums) * other).sum(axis=1) / ((one @ pairs) * other).sum(axis=1)

    apart = 1 - np.eye(len(x_counts))
    within_x = mean(apart * xx, apart * np.outer(x_counts, x_counts), x_drawn, x_drawn)
    within_y = mean(apart * yy, apart * np.outer(y_counts, y_counts), y_drawn, y_drawn)
    between = mean(xy, np.outer(x_counts, y_counts), x_drawn, y_drawn)
    return np.asarray(within_x + within_y - 2 * between)
