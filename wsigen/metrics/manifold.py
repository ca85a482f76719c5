"""Improved precision and recall, density and coverage: do two sets of features fill the same space?

Around every sample lies a ball that reaches to its k-th nearest neighbour in its own set (the sample itself not
counted), of radius r(x). The balls of a set stand for its manifold:

    precision = share of fakes  y with |y - x| < r(x) for some real x       (Kynkäänniemi et al. 2019, Eq. 1, 2)
    recall    = share of reals  x with |x - y| < r(y) for some fake y
    density   = mean over fakes of the number of reals x with |y - x| < r(x), over k     (Naeem et al. 2020, Eq. 4)
    coverage  = share of reals  x with |x - y| < r(x) for some fake y                    (Naeem et al. 2020, Eq. 5)

Balls are open, as in the code of Naeem et al.; Kynkäänniemi et al. write <=, which differs only where distances tie.
Of k + 1 or more identical samples none has a ball: drop exact copies first, where a set has them.

Distances are made in strips of rows by scikit-learn and never kept, so memory is that of the features and of one
strip.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import pairwise_distances_chunked

from wsigen.errors import WsigenError
from wsigen.metrics.intervals import Estimate, bootstrap_mean

Features = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class ManifoldScores:
    """What each sample adds to the four scores.

    Args:
        balls: of reals, in which each fake lies, shape (fakes,).
        recalled: whether each real lies in the ball of a fake, shape (reals,).
        covered: whether the ball of each real holds a fake, shape (reals,).
        k: which neighbour a ball reaches to.
    """

    balls: NDArray[np.int64]
    recalled: NDArray[np.bool_]
    covered: NDArray[np.bool_]
    k: int

    @property
    def precision(self) -> float:
        return float((self.balls > 0).mean())

    @property
    def recall(self) -> float:
        return float(self.recalled.mean())

    @property
    def density(self) -> float:
        return float(1 / self.k * self.balls.mean())

    @property
    def coverage(self) -> float:
        return float(self.covered.mean())

    def intervals(
        self,
        *,
        real_groups: ArrayLike | None = None,
        fake_groups: ArrayLike | None = None,
        level: float = 0.95,
        resamples: int = 1000,
        seed: int = 0,
    ) -> dict[str, Estimate]:
        """The four scores with bootstrap intervals.

        Drawn anew are the samples that are asked about (fakes for precision and density, reals for recall and
        coverage); the balls stay. To draw those too would put copies into a set, and copies shrink its balls.
        """

        def interval(values: NDArray[Any], groups: ArrayLike | None) -> Estimate:
            return bootstrap_mean(
                values, groups=groups, level=level, resamples=resamples, seed=seed
            )

        return {
            "precision": interval(self.balls > 0, fake_groups),
            "recall": interval(self.recalled, real_groups),
            "density": interval(self.balls / self.k, fake_groups),
            "coverage": interval(self.covered, real_groups),
        }


def manifold_scores(
    real: Features, fake: Features, k: int = 3, *, strip_mib: int = 256
) -> ManifoldScores:
    """Compare two sets of features.

    Args:
        real: features of real images, shape (reals, dims).
        fake: features of generated images, shape (fakes, dims).
        k: which neighbour a ball reaches to.
        strip_mib: memory for one strip of distances; the peak is about one and a half times this.
    """
    _check(real, fake, k)
    real_radii, fake_radii = (radii(side, k, strip_mib=strip_mib) for side in (real, fake))
    balls = np.zeros(len(fake), np.int64)

    def look(strip: Features, top: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """What the distances of some reals, from row ``top`` on, to all fakes tell about these reals."""
        nonlocal balls
        recalled = np.any(strip < fake_radii, axis=1)
        inside = strip < real_radii[top : top + len(strip), None]
        balls += inside.sum(axis=0)
        return recalled, np.any(inside, axis=1)

    found = pairwise_distances_chunked(real, fake, reduce_func=look, working_memory=strip_mib)
    recalled, covered = zip(*found, strict=True)
    return ManifoldScores(balls, np.concatenate(recalled), np.concatenate(covered), k)


def radii(features: Features, k: int = 3, *, strip_mib: int = 256) -> Features:
    """Distance of each sample to its k-th nearest neighbour in the same set, shape (samples,)."""

    def look(strip: Features, _: int) -> Features:
        strip.partition(k, axis=1)  # the sample itself, at 0, comes first
        return strip[:, k].copy()  # a view would keep the strip

    strips = pairwise_distances_chunked(features, reduce_func=look, working_memory=strip_mib)
    return np.concatenate(list(strips))


def _check(real: Features, fake: Features, k: int) -> None:
    if real.ndim != 2 or fake.ndim != 2 or real.shape[1] != fake.shape[1]:
        raise WsigenError(
            f"features have the shapes {real.shape} and {fake.shape}; expected (samples, dims) with "
            "equal dims, from one extractor"
        )
    if not 1 <= k < min(len(real), len(fake)):
        raise WsigenError(
            f"k is {k} for {len(real)} real and {len(fake)} generated samples; expected at least 1 and "
            "fewer than the samples of each"
        )
