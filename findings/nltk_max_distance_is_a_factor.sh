#!/usr/bin/env bash
# nltk's weighted kappa of two readers is 0.87, or -1.05 if `max_distance` says how far apart grades can be.
#
# The option is to bring distances to 0 to 1. It belongs into both sides of a fraction, where it changes nothing, but
# only the expected disagreement is divided by it: the one that was observed counts `max_distance` times. One expects
# the kappa that scikit-learn gives, with the option and without. It does no harm where the distance is at most 1 by
# itself.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --no-deps --target "$folder/packages" \
    nltk==3.10.4 regex==2026.11.19 click==8.5.1 joblib==1.6.0 tqdm==4.70.1 numpy==2.4.6 scikit-learn==1.9.1 \
    scipy==1.17.1 threadpoolctl==3.8.0 narwhals==2.29.0 cloudpickle==3.1.3
cd "$folder"
PYTHONPATH="$folder/packages" python3 -S - <<'PYTHON'
import sys
from importlib.metadata import version

import numpy as np
from nltk.metrics import interval_distance
from nltk.metrics.agreement import AnnotationTask
from sklearn.metrics import cohen_kappa_score

random = np.random.default_rng(0)
truth = random.integers(1, 6, 100)
one, two = (np.clip(truth + random.choice([-1, 0, 1], 100, p=[0.15, 0.7, 0.15]), 1, 5) for _ in range(2))
triples = [
    (reader, str(case), int(grade))
    for reader, grades in (("one", one), ("two", two))
    for case, grade in enumerate(grades)
]
DISTANCES = {
    "linear": lambda a, b: abs(a - b),
    "linear, 0 to 1": lambda a, b: abs(a - b) / 4,
    "quadratic": interval_distance,
}
seen = {}
for name, distance in DISTANCES.items():
    task = AnnotationTask(triples, distance=distance)
    most = distance(1, 5)
    weights = name.split(",")[0]
    seen[name] = {
        "nltk": round(task.weighted_kappa(), 2),
        f"nltk, max_distance={most:g}": round(task.weighted_kappa(max_distance=most), 2),
        "scikit-learn": round(float(cohen_kappa_score(one, two, weights=weights)), 2),
    }

expected = "one number in each row"
recorded = {
    "linear": {"nltk": 0.72, "nltk, max_distance=4": -0.1, "scikit-learn": 0.72},
    "linear, 0 to 1": {"nltk": 0.72, "nltk, max_distance=1": 0.72, "scikit-learn": 0.72},
    "quadratic": {"nltk": 0.87, "nltk, max_distance=16": -1.05, "scikit-learn": 0.87},
}
print("version:  nltk", version("nltk"))
print("expected:", expected)
print("seen:    ", seen)
if seen != recorded:
    sys.exit(f"changed:  {recorded} was recorded")
PYTHON
