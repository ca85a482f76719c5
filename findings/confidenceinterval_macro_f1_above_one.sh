#!/usr/bin/env bash
# confidenceinterval says of 120 cases without a mistake that the macro F1-score is between 0.90 and 1.10.
#
# The variance of its default method, named after Takahashi, hardly depends on how good a reader is, so that the interval
# of one with a score of 0.88 is twice as wide as it has to be, and that of one with 0.98 four times. One expects the
# interval of the delta method, which is about that of resampled cases, as the package's own
# `method="bootstrap_percentile"` has it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --no-deps --target "$folder/packages" \
    confidenceinterval==1.0.5 scikit-learn==1.9.1 narwhals==2.29.0 joblib==1.6.0 threadpoolctl==3.8.0 \
    statsmodels==0.15.0 patsy==1.0.3 pandas==3.1.1 python-dateutil==4.0.0 six==1.17.0 packaging==26.4 \
    cloudpickle==3.1.3 scipy==1.17.1 numpy==2.4.6
cd "$folder"
PYTHONPATH="$folder/packages" python3 -S -W ignore - <<'PYTHON'
import sys
from importlib.metadata import version

import numpy as np
from confidenceinterval import f1_score
from scipy.stats import norm

CASES, GRADES = 120, 3


def delta(truth: np.ndarray, said: np.ndarray) -> np.ndarray:
    """The 95 % interval by the delta method: shares of cases are multinomial, and the score is a function of them."""
    shares = np.zeros((GRADES, GRADES))
    np.add.at(shares, (said, truth), 1 / CASES)
    sums = shares.sum(0) + shares.sum(1)
    scores = 2 * np.diag(shares) / sums
    apart = 1 - scores  # share of the sums that is not 2 * the diagonal
    pairs = shares * np.outer(scores / sums, scores / sums)
    variance = (scores * apart / sums * (apart + scores / 2)).sum() + pairs.sum() - np.trace(pairs)
    return scores.mean() + np.array([-1, 1]) * norm.ppf(0.975) * (2 * variance / GRADES**2 / CASES) ** 0.5


def rounded(interval: tuple) -> list[float]:
    """An interval to two decimals."""
    return [round(float(end), 2) for end in interval]


seen, expected = {}, {}
for right in (0.6, 0.8, 0.95, 1):
    random = np.random.default_rng(1)
    truth = np.arange(CASES) % GRADES
    said = np.where(random.random(CASES) < right, truth, random.integers(0, GRADES, CASES))
    score, interval = f1_score(truth, said, average="macro")
    options = {"method": "bootstrap_percentile", "n_resamples": 999, "random_state": 0}
    name = f"macro F1 of {score:.2f}"
    seen[name] = rounded(interval)
    expected[name] = {
        "delta": rounded(delta(truth, said)),
        "bootstrap": rounded(f1_score(truth, said, average="macro", **options)[1]),
    }

recorded = {
    "macro F1 of 0.73": [0.61, 0.85],
    "macro F1 of 0.88": [0.77, 0.99],
    "macro F1 of 0.98": [0.88, 1.09],
    "macro F1 of 1.00": [0.9, 1.1],
}
print("version:  confidenceinterval", version("confidenceinterval"))
print("expected:", expected)
print("seen:    ", seen)
if seen != recorded:
    sys.exit(f"changed:  {recorded} was recorded")
PYTHON
