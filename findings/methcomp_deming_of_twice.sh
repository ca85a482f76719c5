#!/usr/bin/env bash
# methcomp's Deming regression of a reader who counts twice as much as another has a slope of 1.44.
#
# It has the variance of the second reader where the covariance belongs, so that only the spreads of the two count: no
# slope is ever negative, and it is 1 for a reader who counts just the cells that the other leaves out. One expects the
# line that lies closest to the points, with a slope of 2, and of -1. Its simple regression has 0.5 in place of 2, since
# it tells the first method from the second and writes "* Method 1" under it. Its Passing-Bablok regression has 2.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --no-deps --target "$folder/packages" \
    methcomp==1.0.0 statsmodels==0.15.0 patsy==1.0.3 pandas==3.1.1 python-dateutil==4.0.0 six==1.17.0 \
    packaging==26.4 scipy==1.17.1 numpy==2.4.6
cd "$folder"
PYTHONPATH="$folder/packages" python3 -S -W ignore - <<'PYTHON'
import sys
from importlib.metadata import version
from unittest.mock import MagicMock

import numpy as np

# for pictures, of which only what is written under a line is looked at
NAMES = ("matplotlib", "matplotlib.pyplot", "matplotlib.transforms", "shapely", "shapely.geometry")
sys.modules |= {name: MagicMock() for name in NAMES}
import methcomp

random = np.random.default_rng(0)
np.random.seed(0)  # for resampled cases
counts = random.uniform(5, 60, 100)
others = {
    "the same": counts,
    "about the same": counts + random.normal(0, 3, len(counts)),
    "twice as much": 2 * counts,
    "half as much": counts / 2,
    "those left out": 65 - counts,
}


def line(function: str, one: np.ndarray, other: np.ndarray) -> str:
    """What is written under the line of a regression."""
    axes = MagicMock()
    axes.get_xlim.return_value = 0.0, 1.0
    getattr(methcomp, function)(one, other, ax=axes)
    return axes.plot.call_args.kwargs["label"]


def slope(text: str) -> float:
    """The slope in a text such as 0.00 + 1.00 * Method 1."""
    return float(text.split()[2])


def deming(one: np.ndarray, other: np.ndarray) -> float:
    """The slope of the line that is closest to the points."""
    (first, both), (_, second) = np.cov(one, other)
    apart = second - first
    return round(float((apart + np.hypot(apart, 2 * both)) / (2 * both)), 2)


seen = {name: {way: slope(line(way, counts, other)) for way in ("deming", "linear")} for name, other in others.items()}
expected = {
    name: {"deming": deming(counts, other), "linear": round(float(np.polyfit(counts, other, 1)[0]), 2)}
    for name, other in others.items()
}
recorded = {
    "the same": {"deming": 1.0, "linear": 1.0},
    "about the same": {"deming": 1.01, "linear": 0.98},
    "twice as much": {"deming": 1.44, "linear": 0.5},
    "half as much": {"deming": 0.3, "linear": 2.0},
    "those left out": {"deming": 1.0, "linear": -1.0},
}
print("version:  methcomp", version("methcomp"))
print("expected:", expected)
print("seen:    ", seen)
if seen != recorded:
    sys.exit(f"changed:  {recorded} was recorded")
PYTHON
