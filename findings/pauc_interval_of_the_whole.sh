#!/usr/bin/env bash
# pauc gives a partial area of 0.041 an interval of 0.004 to 0.079, and two readers who differ (p = 0.002) p = 0.57.
#
# Its DeLong variance is that of the whole area under the curve, also for a ROC that was made with `partial_auc`, whose
# area varies 5 times less here. One expects an interval of the part that is reported, about 0.034 to 0.051 as from
# resampled cases, or a refusal, since DeLong's variance is for whole areas; those are right. With "bootstrap" in place
# of the default "delong" the parts are right too. The readers are simulated, with 200 cases of each kind, and B is the
# better one where hardly any healthy case is called ill.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --no-deps --target "$folder/packages" \
    pauc==0.2.2 scipy==1.17.1 numpy==2.4.6
cd "$folder"
PYTHONPATH="$folder/packages" python3 -S -W ignore - <<'PYTHON'
import sys
from importlib.metadata import version
from unittest.mock import MagicMock

import numpy as np

# for plots, of which none is made here
sys.modules |= {name: MagicMock() for name in ("matplotlib", "matplotlib.pyplot")}
from pauc import ROC, ci_auc, compare
from scipy.stats import norm

CASES, SAMPLES = 200, 500
random = np.random.default_rng(0)
ill = np.repeat([0, 1], CASES)
readers = {
    name: np.concatenate([random.normal(0, 1, CASES), random.normal(mean, spread, CASES)])
    for name, mean, spread in (("A", 1.5, 1), ("B", 2.2, 2.2))
}


def seen_for(**part) -> dict[str, object]:
    """Intervals of the areas of both readers, and whether they differ."""
    curves = {name: ROC(ill, scores, **part) for name, scores in readers.items()}
    seen = {name: [round(float(end), 3) for end in ci_auc(curve)] for name, curve in curves.items()}
    return seen | {"p": round(float(compare(*curves.values()).p_value), 3)}


def expected_for(**part) -> dict[str, object]:
    """The same, from the areas for cases that are drawn again and again."""
    areas = {name: [] for name in readers}
    for _ in range(SAMPLES):
        drawn = np.concatenate([random.integers(0, CASES, CASES), random.integers(CASES, 2 * CASES, CASES)])
        for name, scores in readers.items():
            areas[name].append(ROC(ill[drawn], scores[drawn], direction="<", **part).auc)
    expected = {name: [round(float(end), 3) for end in np.percentile(areas[name], [2.5, 97.5])] for name in readers}
    whole = [ROC(ill, scores, **part).auc for scores in readers.values()]
    differ = (whole[0] - whole[1]) / np.std(np.subtract(*areas.values()))
    return expected | {"p": round(float(2 * norm.sf(abs(differ))), 3)}


parts = {"whole area": {}, "specificity from 0.9 on": {"partial_auc": (0.9, 1)}}
seen = {name: seen_for(**part) for name, part in parts.items()}
expected = {name: expected_for(**part) for name, part in parts.items()}
recorded = {
    "whole area": {"A": [0.806, 0.881], "B": [0.756, 0.847], "p": 0.162},
    "specificity from 0.9 on": {"A": [0.004, 0.079], "B": [0.013, 0.104], "p": 0.568},
}
print("version:  pauc", version("pauc"))
print("expected:", expected)
print("seen:    ", seen)
if seen != recorded:
    sys.exit(f"changed:  {recorded} was recorded")
PYTHON
