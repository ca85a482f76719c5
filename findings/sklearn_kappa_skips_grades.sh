#!/usr/bin/env bash
# scikit-learn's weighted kappa falls from 0.80 to 0.76 when two readers of 80 cases agree on one more.
#
# The weights count places among the grades that occur: where nobody gives a 3 or a 4, 2 and 5 are neighbours. One
# expects that 2 and 5 are three apart, and that a case on which both agree scarcely moves kappa, least of all down.
# With `labels=range(1, 6)` it is so.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --no-deps --target "$folder/packages" \
    scikit-learn==1.9.1 scipy==1.17.1 numpy==2.4.6 joblib==1.6.0 cloudpickle==3.1.2 threadpoolctl==3.8.0 \
    narwhals==2.29.0
cd "$folder"
PYTHONPATH="$folder/packages" python3 -S - <<'PYTHON'
import sys
from importlib.metadata import version

import numpy as np
from sklearn.metrics import cohen_kappa_score

# grades by one reader and the other, and how often
often = {(1, 1): 20, (1, 2): 4, (2, 1): 4, (2, 2): 20, (2, 5): 6, (5, 2): 6, (5, 5): 20}
one, other = np.repeat(list(often), list(often.values()), axis=0).T


def exact(one: np.ndarray, other: np.ndarray) -> float:
    """One less the mean squared distance of the two grades of a case by that of any two."""
    return round(1 - float(np.mean((one - other) ** 2) / np.mean((one[:, None] - other) ** 2)), 2)


seen, expected = {}, {}
for name, more in (("80 cases", []), ("and a 3 by both", [3]), ("and a 4 by both", [3, 4])):
    pair = np.append(one, more), np.append(other, more)
    seen[name] = round(float(cohen_kappa_score(*pair, weights="quadratic")), 2)
    expected[name] = exact(*pair)

recorded = {"80 cases": 0.8, "and a 3 by both": 0.76, "and a 4 by both": 0.74}
print("version:  scikit-learn", version("scikit-learn"))
print("expected:", expected)
print("seen:    ", seen)
if seen != recorded:
    sys.exit(f"changed:  {recorded} was recorded")
PYTHON
