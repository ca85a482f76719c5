"""Can readers tell real from synthetic? Areas under the curve, errors, agreement, equivalence and power.

The AUC of a reader is the probability that a synthetic slide gets the higher rating, ties counting half:

    AUC = mean over i, j of psi(x_i, y_j),    psi = 1 if x_i > y_j, 1/2 if equal, 0 otherwise

with x the ratings of synthetic and y those of real slides. 0.5 is chance. Ratings are arrays (readers, slides), and
``synthetic`` is a bool array (slides,).
"""

from dataclasses import dataclass

import krippendorff
import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

from wsigen.seeds import generator

TINY = 1e-9  # keeps root finding off the trivial roots at 0 and 1
Array = NDArray[np.float64]
Labels = NDArray[np.bool_]


@dataclass(frozen=True)
class Estimate:
    """A number with its confidence interval."""

    value: float
    lower: float
    upper: float


@dataclass(frozen=True)
class MeanAuc(Estimate):
    """The mean AUC over readers, with standard error and degrees of freedom of its t distribution."""

    standard_error: float
    df: float


def auc(ratings: Array, synthetic: Labels) -> Array:
    """AUC of each reader, shape (readers,)."""
    return _psi(ratings, synthetic).mean(axis=(1, 2))


def delong_covariance(ratings: Array, synthetic: Labels) -> Array:
    """Covariance of the readers' AUCs over the choice of slides, (readers, readers).

    DeLong, DeLong and Clarke-Pearson (1988, Biometrics 44:837): the AUC is a mean over synthetic and over real slides
    in turn, and the variances of the two means add up.
    """
    psi = _psi(ratings, synthetic)
    over_real, over_synthetic = psi.mean(axis=2), psi.mean(axis=1)
    covariance = np.cov(over_real) / psi.shape[1] + np.cov(over_synthetic) / psi.shape[2]
    return np.atleast_2d(covariance)


def auc_variance(area: float, n_real: int, n_synthetic: int) -> float:
    """Variance of one reader's AUC that is truly ``area``; at 0.5 it is that of the Mann-Whitney test.

    Newcombe's method 5 (2006, Statistics in Medicine 25:559), after Hanley and McNeil, 1982.
    """
    half = (n_real + n_synthetic) / 2 - 1
    spread = 1 + half * ((1 - area) / (2 - area) + area / (1 + area))
    return area * (1 - area) * spread / (n_real * n_synthetic)


def auc_interval(area: float, n_real: int, n_synthetic: int, confidence: float = 0.95) -> Estimate:
    """One reader's AUC with the interval of all true areas that do not contradict it.

    It holds its level at 20 against 20 slides and for a perfect reader, where DeLong's has no width, and leaves out 0.5
    exactly where the Mann-Whitney test (normal, without ties) finds a difference from chance.
    """
    z = stats.norm.ppf((1 + confidence) / 2)

    def excess(true: float) -> float:
        return abs(area - true) - z * float(np.sqrt(auc_variance(true, n_real, n_synthetic)))

    lower = optimize.brentq(excess, 0, area - TINY) if area > 0 else 0.0
    upper = optimize.brentq(excess, area + TINY, 1) if area < 1 else 1.0
    return Estimate(area, lower, upper)


def mean_auc(ratings: Array, synthetic: Labels, confidence: float = 0.95) -> MeanAuc:
    """Multi-reader multi-case estimate: the mean AUC for new readers and new slides, readers without gaps.

    Obuchowski and Rockette (1995) for a single modality, with Hillis' degrees of freedom (2014, Statistics in Medicine
    33:330). MS(R) is the variance of the J readers' AUCs and Cov the mean covariance of two readers over slides:

        Var = MS(R) / J + max(Cov, 0),    df = (MS(R) + J max(Cov, 0))² / (MS(R)² / (J - 1))

    A single reader is taken as the only one there is: DeLong's variance, normal. Where no variance can be seen, all
    readers being perfect, the interval is that of one reader.
    """
    areas, covariance = auc(ratings, synthetic), delong_covariance(ratings, synthetic)
    readers = len(areas)
    if readers == 1:
        variance, df = float(covariance[0, 0]), np.inf
    else:
        between = float(areas.var(ddof=1))
        shared = max(float(covariance[~np.eye(readers, dtype=bool)].mean()), 0.0)
        variance = between / readers + shared
        df = (between + readers * shared) ** 2 * (readers - 1) / between**2 if between else np.inf
    error = float(np.sqrt(variance))
    reach = float(stats.t.ppf((1 + confidence) / 2, df)) * error
    mean = float(areas.mean())
    if variance == 0:
        alone = auc_interval(mean, int((~synthetic).sum()), int(synthetic.sum()), confidence)
        error = (alone.upper - alone.lower) / 2 / float(stats.norm.ppf((1 + confidence) / 2))
        return MeanAuc(mean, alone.lower, alone.upper, error, np.inf)
    return MeanAuc(mean, max(mean - reach, 0.0), min(mean + reach, 1.0), error, float(df))


def equivalence_p(mean: MeanAuc, margin: float = 0.1) -> float:
    """TOST: the p value against "the mean AUC differs from 0.5 by ``margin`` or more"."""
    t = (margin - abs(mean.value - 0.5)) / mean.standard_error
    return float(stats.t.sf(t, mean.df))


def error_rate(ratings: Array, synthetic: Labels, confidence: float = 0.95) -> Estimate:
    """Share of slides on the wrong side of 50, as in HYPE (Zhou et al., 2019): 0.5 is chance; 50 is half an error.

    ratings: (slides,) of one reader, or of several, all their ratings together; the interval is Wilson's and takes
    ratings as independent, so it is meant for one reader.
    """
    wrong = np.where(synthetic, ratings < 50, ratings > 50) + 0.5 * (ratings == 50)
    rate, count = float(wrong.mean()), wrong.size
    z = float(stats.norm.ppf((1 + confidence) / 2))
    middle = (rate + z**2 / (2 * count)) / (1 + z**2 / count)
    reach = z * np.sqrt(rate * (1 - rate) / count + z**2 / (4 * count**2)) / (1 + z**2 / count)
    return Estimate(rate, float(middle - reach), float(middle + reach))


def agreement(
    ratings: Array, *, resamples: int = 500, confidence: float = 0.95, seed: int = 0
) -> Estimate:
    """Krippendorff's alpha (interval scale) of the readers, bootstrapped over slides; NaN gaps are allowed.

    1 is full agreement, 0 none beyond chance. NaN where no slide has two ratings, or all are the same.
    """
    draw = generator(seed, "agreement")
    picks = draw.integers(ratings.shape[1], size=(resamples, ratings.shape[1]))
    value = _alpha(ratings)
    if np.isnan(value):
        return Estimate(value, value, value)
    tail = (1 - confidence) / 2
    lower, upper = np.nanquantile([_alpha(ratings[:, pick]) for pick in picks], [tail, 1 - tail])
    return Estimate(value, float(lower), float(upper))


def smallest_significant_auc(n_real: int, n_synthetic: int, confidence: float = 0.95) -> float:
    """The AUC that one reader must exceed to differ from chance (two-sided): about 0.68 at 20 against 20.

    From 1 on there is no such AUC: the slides are too few.
    """
    z = stats.norm.ppf((1 + confidence) / 2)
    return float(0.5 + z * np.sqrt(auc_variance(0.5, n_real, n_synthetic)))


def power(area: float, n_real: int, n_synthetic: int, confidence: float = 0.95) -> float:
    """The probability that one reader whose true AUC is ``area`` is found to differ from chance."""
    limit = smallest_significant_auc(n_real, n_synthetic, confidence)
    spread = np.sqrt(auc_variance(area, n_real, n_synthetic))
    return float(
        stats.norm.sf((limit - area) / spread) + stats.norm.cdf((1 - limit - area) / spread)
    )


def detectable_auc(
    n_real: int, n_synthetic: int, wanted: float = 0.8, confidence: float = 0.95
) -> float:
    """The true AUC of one reader that is found with probability ``wanted``; 1 where the slides are too few for any."""
    if smallest_significant_auc(n_real, n_synthetic, confidence) >= 1:
        return 1.0

    def missing(area: float) -> float:
        return power(area, n_real, n_synthetic, confidence) - wanted

    return float(optimize.brentq(missing, 0.5, 1 - TINY))


def _psi(ratings: Array, synthetic: Labels) -> Array:
    """(readers, synthetic slides, real slides): 1, 1/2 or 0."""
    x, y = ratings[:, synthetic][:, :, None], ratings[:, ~synthetic][:, None, :]
    return (x > y) + 0.5 * (x == y)


def _alpha(ratings: Array) -> float:
    compared = ratings[:, (~np.isnan(ratings)).sum(axis=0) > 1]
    if len(np.unique(compared[~np.isnan(compared)])) < 2:
        return float("nan")
    return float(krippendorff.alpha(reliability_data=compared, level_of_measurement="interval"))
