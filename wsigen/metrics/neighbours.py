"""Nearest training neighbours (Fig. 6) and whether a generator copies what it was trained on.

In feature space, with d(x, T) the distance of x to the nearest of the training samples T:

    memorisation ratio = median over generated of d(x, T) / median over held-out real of d(x, T)

Held-out patients are as far from the training set as something new should be: 1 is new, 0 is copied. A generator that
blurs or drifts lies outside the real images and has a ratio above 1; read it beside precision.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.neighbors import NearestNeighbors

from wsigen.errors import WsigenError
from wsigen.metrics.intervals import Estimate, bootstrap_of_two
from wsigen.metrics.manifold import Features

Distances = NDArray[np.float64]

ROWS = 1024  # queries at a time


@dataclass(frozen=True)
class Memorisation:
    """How near generated samples lie to the training set.

    Args:
        ratio: 1 as near as held-out samples, 0 copies.
        near_share: share of generated samples nearer to the training set than ``near_quantile`` of the held-out
            ones: equal to it where nothing is copied, and above it where some samples are, even if most are not.
        near_quantile: of the held-out distances.
    """

    ratio: Estimate
    near_share: Estimate
    near_quantile: float


def nearest(
    query: Features, reference: Features, k: int = 1
) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Distances to and places of the ``k`` nearest references, nearest first, each of shape (queries, k).

    The places come from scikit-learn; the distances are computed anew from differences, so that a copy is at exactly 0.
    """
    if query.ndim != 2 or reference.ndim != 2 or query.shape[1] != reference.shape[1]:
        raise WsigenError(
            f"features have the shapes {query.shape} and {reference.shape}; expected (samples, dims) "
            "with equal dims, from one extractor"
        )
    if not 1 <= k <= len(reference):
        raise WsigenError(f"k is {k}; expected 1 to {len(reference)}, the number of references")
    search = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(reference)
    distances = np.empty((len(query), k))
    places = np.empty((len(query), k), np.intp)
    for top in range(0, len(query), ROWS):
        rows = slice(top, min(top + ROWS, len(query)))
        found = search.kneighbors(query[rows], return_distance=False)
        for rank in range(k):
            difference = query[rows].astype(np.float64) - reference[found[:, rank]]
            distances[rows, rank] = np.linalg.norm(difference, axis=1)
        places[rows] = found
    return distances, places


def memorisation(
    generated: Features,
    train: Features,
    held_out: Features,
    *,
    near_quantile: float = 0.05,
    generated_groups: ArrayLike | None = None,
    held_out_groups: ArrayLike | None = None,
    level: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
) -> Memorisation:
    """Compare the distances of generated and of held-out samples to the training set.

    Args:
        generated: shape (n, dims).
        train: what the generator was trained on, shape (m, dims).
        held_out: real samples of other patients, at the same scale, shape (o, dims).
        near_quantile: of the held-out distances; what lies nearer counts as near.
        generated_groups, held_out_groups: the slide of each sample, for the intervals.
        level, resamples, seed: of the bootstrap.
    """
    made, new = (nearest(side, train)[0][:, 0] for side in (generated, held_out))
    if not np.median(new) > 0:
        raise WsigenError(
            "half of the held-out samples are copies of training samples; expected other patients' images"
        )

    def compared(statistic: Callable[[Distances, Distances], float]) -> Estimate:
        return bootstrap_of_two(
            statistic, made, new, first_groups=generated_groups, second_groups=held_out_groups,
            level=level, resamples=resamples, seed=seed,
        )  # fmt: skip

    return Memorisation(
        compared(lambda a, b: float(np.median(a) / max(np.median(b), np.finfo(float).tiny))),
        compared(lambda a, b: float((a < np.quantile(b, near_quantile)).mean())),
        near_quantile,
    )
