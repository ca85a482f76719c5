#!/usr/bin/env bash
# vendi-score's `score_X` gives the Vendi score of order 1 whichever order is asked for.
#
# The order says how much rare kinds of images count: of order infinity the score is one over the share of the most
# frequent kind. `score_X` takes it as `q` and then hands on 1, without a word. One expects what `score_K`, `score_dual`
# and `score` give for the same images. A generator that makes four fifths of its images of one kind has a score of 1.25
# by its most frequent kind, and this function says 2.1. `score_dual` takes the same features and is right.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --no-deps --target "$folder/packages" \
    vendi-score==0.0.3 numpy==2.4.6 scipy==1.17.1 scikit-learn==1.9.1 joblib==1.6.0 cloudpickle==3.1.3 \
    threadpoolctl==3.8.0 narwhals==2.29.0
cd "$folder"
PYTHONPATH="$folder/packages" python3 -S -W ignore - <<'PYTHON'
import sys
from importlib.metadata import version

import numpy as np
from vendi_score import vendi

COUNTS = (80, 10, 5, 3, 2)  # how many images there are of each kind
features = np.repeat(np.eye(len(COUNTS)), COUNTS, axis=0)  # alike within a kind, and not at all between two


def exact(order: float | str) -> float:
    """Hill's number of the shares: how many kinds of the same size are as diverse."""
    shares = np.array(COUNTS) / sum(COUNTS)
    if order == 1:
        return round(float(np.exp(-shares @ np.log(shares))), 2)
    if order == "inf":
        return round(float(1 / shares.max()), 2)
    return round(float(np.sum(shares**order) ** (1 / (1 - order))), 2)


ORDERS = (0.5, 1, 2, "inf")
seen, expected = {}, {}
for order in ORDERS:
    scores = {
        "score_X": vendi.score_X(features, q=order),
        "score_dual": vendi.score_dual(features, q=order),
        "score_K": vendi.score_K(features @ features.T, q=order),
    }
    seen[order] = {name: round(float(score), 2) for name, score in scores.items()}
    expected[order] = dict.fromkeys(scores, exact(order))

recorded = {order: expected[order] | {"score_X": 2.1} for order in ORDERS}
print("version:  vendi-score", version("vendi-score"))
print("expected:", expected)
print("seen:    ", seen)
if seen != recorded:
    sys.exit(f"changed:  {recorded} was recorded")
PYTHON
