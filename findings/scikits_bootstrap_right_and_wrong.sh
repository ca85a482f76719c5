#!/usr/bin/env bash
# scikits.bootstrap says of a reader who is right in 10 of 20 cases that the accuracy is between 0.25 and 0.65.
#
# Its default method, BCa, corrects for the share of resamples that are below the estimate. Those that equal it count as
# above; they are 18 % of all in 20 cases, and the interval moves down by that. From the mistakes it moves the other
# way: 54 right answers in 60 have the interval 0.77 to 0.95, and 6 mistakes in 60 what makes 0.82 to 0.97. One expects
# one interval from both sides, as with equal ones counted by half, and here one about 0.5. `method="pi"` has no side,
# and neither has SciPy's BCa, which counts equal ones so.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --no-deps --target "$folder/packages" \
    scikits-bootstrap==1.1.1 numpy==2.4.6 scipy==1.17.1
cd "$folder"
PYTHONPATH="$folder/packages" python3 -S -W ignore - <<'PYTHON'
import sys
from importlib.metadata import version

import numpy as np
from scikits import bootstrap
from scipy.stats import binomtest

SAMPLES = 20_000


def interval(right: int, cases: int, method: str) -> list[float]:
    """Interval of the accuracy, of the right answers."""
    answers = np.arange(cases) < right
    return bootstrap.ci(answers, np.mean, n_samples=SAMPLES, method=method, seed=1).round(2).tolist()


seen, expected = {}, {}
for right, cases in ((10, 20), (30, 60), (54, 60), (190, 200)):
    name = f"{right} of {cases}"
    for method in ("bca", "pi"):
        low, high = interval(cases - right, cases, method)
        seen[f"{name}, {method}"] = interval(right, cases, method)
        seen[f"{name}, {method}, from mistakes"] = [round(1 - high, 2), round(1 - low, 2)]
    wilson = binomtest(right, cases).proportion_ci(method="wilson")
    expected[name] = [round(float(wilson.low), 2), round(float(wilson.high), 2)]

recorded = {}
for name, from_right, from_mistakes, either in (
    ("10 of 20", [0.25, 0.65], [0.35, 0.75], [0.3, 0.7]),
    ("30 of 60", [0.37, 0.62], [0.38, 0.63], [0.37, 0.63]),
    ("54 of 60", [0.77, 0.95], [0.82, 0.97], [0.82, 0.97]),
    ("190 of 200", [0.9, 0.97], [0.92, 0.98], [0.92, 0.98]),
):
    recorded |= {f"{name}, bca": from_right, f"{name}, bca, from mistakes": from_mistakes}
    recorded |= {f"{name}, pi": either, f"{name}, pi, from mistakes": either}
print("version:  scikits-bootstrap", version("scikits-bootstrap"))
print("expected: about", expected, "from either side")
print("seen:    ", seen)
if seen != recorded:
    sys.exit(f"changed:  {recorded} was recorded")
PYTHON
