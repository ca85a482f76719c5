#!/usr/bin/env bash
# MLstatkit's DeLong test says p = 0.0 for two readers with the same scores, and for two who make no mistake.
#
# The difference of their areas under the curve has no variance, so that it falls back on a bootstrap; there no
# difference is above 0, all are at or below, and p is twice the smaller share of the two. One expects 1.0, or no
# number, since z = 0. Scores and their squares, which order the cases alike, have 0.0 too, but scores that differ in
# one of 60 cases 0.36, so that p does not rise as two readers become alike.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --no-deps --target "$folder/packages" \
    mlstatkit==0.1.91 scikit-learn==1.9.1 scipy==1.17.1 numpy==2.4.6 joblib==1.6.0 threadpoolctl==3.8.0 \
    narwhals==2.29.0 cloudpickle==3.1.3
cd "$folder"
PYTHONPATH="$folder/packages" python3 -S - <<'PYTHON'
import sys
from importlib.metadata import version

import numpy as np
from MLstatkit import Delong_test

random = np.random.default_rng(0)
tumour = np.arange(60) % 2
scores = np.clip(0.4 + 0.2 * tumour + random.normal(0, 0.2, 60), 0.01, 0.99)
nearly = scores.copy()
nearly[np.argmin(scores)] = 0.5
pairs = {
    "the same scores": (scores, scores),
    "scores and their squares": (scores, scores**2),
    "no mistake, both": (tumour + 0.1 * scores, tumour + 0.1 * scores[::-1]),
    "one score differs": (scores, nearly),
}
seen = {}
for name, two in pairs.items():
    z, p, *_ = Delong_test(tumour, *two, random_state=0)
    seen[name] = {"z": round(z, 2) + 0.0, "p": round(p, 2)}

expected = "p = 1.0 for the first three, as z = 0.0"
recorded = {
    "the same scores": {"z": 0.0, "p": 0.0},
    "scores and their squares": {"z": 0.0, "p": 0.0},
    "no mistake, both": {"z": 0.0, "p": 0.0},
    "one score differs": {"z": -0.92, "p": 0.36},
}
print("version:  MLstatkit", version("mlstatkit"))
print("expected:", expected)
print("seen:    ", seen)
if seen != recorded:
    sys.exit(f"changed:  {recorded} was recorded")
PYTHON
