#!/usr/bin/env bash
# icc's 95 % interval of an intraclass correlation is that of 90 %: the true value is outside of it in 1 of 10 studies.
#
# For the bounds it takes the quantile that leaves 5 % of the F distribution above it, and does so on both sides. One
# expects 2.5 % on each, as in R's irr, after which the package is made, and in the equations of Shrout and Fleiss.
# What is seen for 95 % is just what one expects for 90 %, here for two of its six kinds of the correlation.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --no-deps --target "$folder/packages" \
    icc==0.1.1 scipy==1.17.1 numpy==2.4.6
cd "$folder"
PYTHONPATH="$folder/packages" python3 -S -W ignore - <<'PYTHON'
import sys
from importlib.metadata import version

import numpy as np
from icc import icc
from scipy.stats import f

CASES, READERS, STUDIES, NOISE = 30, 3, 1000, 0.6
TRUE = 1 / (1 + NOISE**2)
KINDS = {"single reader": ("oneway", "agreement", "single"), "consistent reader": ("twoway", "consistency", "single")}


def study(number: int) -> np.ndarray:
    """Readings of each case by each reader."""
    random = np.random.default_rng(number)
    return random.normal(0, 1, (CASES, 1)) + random.normal(0, NOISE, (CASES, READERS))


def exact(readings: np.ndarray, level: float, kind: str) -> list[float]:
    """The interval by Shrout and Fleiss."""
    means = readings.mean(1, keepdims=True)
    between = READERS * means.var(ddof=1)
    if kind == "single reader":
        rest, within = readings - means, CASES * (READERS - 1)
    else:
        rest, within = readings - means - readings.mean(0) + readings.mean(), (CASES - 1) * (READERS - 1)
    ratio = between / ((rest**2).sum() / within)
    low = ratio / f.ppf((1 + level) / 2, CASES - 1, within)
    high = ratio * f.ppf((1 + level) / 2, within, CASES - 1)
    return [float((end - 1) / (end + READERS - 1)) for end in (low, high)]


seen, expected = {}, {}
for kind, options in KINDS.items():
    for level in (0.9, 0.95):
        bounds = [icc(study(number), *options, confidence_level=level)[-2:] for number in range(STUDIES)]
        others = [exact(study(number), level, kind) for number in range(STUDIES)]
        for values, ends in ((seen, bounds), (expected, others)):
            inside = np.mean([low <= TRUE <= high for low, high in ends])
            first = [round(float(end), 3) for end in ends[0]]
            values.setdefault(kind, {})[level] = {"first study": first, "right": round(float(inside), 2)}

recorded = {
    "single reader": {
        0.9: {"first study": [0.55, 0.764], "right": 0.8},
        0.95: {"first study": [0.514, 0.788], "right": 0.9},
    },
    "consistent reader": {
        0.9: {"first study": [0.584, 0.786], "right": 0.8},
        0.95: {"first study": [0.55, 0.808], "right": 0.9},
    },
}
print("version:  icc", version("icc"))
print("expected:", expected)
print("seen:    ", seen)
if seen != recorded:
    sys.exit(f"changed:  {recorded} was recorded")
PYTHON
