#!/usr/bin/env bash
# torchmetrics gives three readers who agree on every case a Fleiss' kappa of 0.65, if one of them left out a third.
#
# A case counts as if it had as many readings as the case that has most: two readings that agree are then an agreement
# of one sixth, and not of 1. Nothing is said of it, and the example of the documentation has cases with different
# numbers of readings. One expects 1 for "complete agreement", as is documented, and else the share of the pairs of
# readings of a case that agree. Where all have read all, it is so.
# PyTorch's build for processors is meant: PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --no-deps --target "$folder/packages" \
    torchmetrics==1.9.0 lightning-utilities==0.15.3 packaging==26.3 numpy==2.4.6 \
    torch==2.13.0 filelock==4.2.11 fsspec==2026.9.0 jinja2==3.1.6 markupsafe==3.0.4 mpmath==1.3.0 networkx==3.6.1 \
    sympy==1.14.0 typing-extensions==4.16.0
cd "$folder"
PYTHONPATH="$folder/packages" python3 -S - <<'PYTHON'
import sys
from importlib.metadata import version

import numpy as np
import torch
from torchmetrics.functional.nominal import fleiss_kappa

GRADES = 4
random = np.random.default_rng(0)
truth = random.integers(0, GRADES, 90)
guess = random.integers(0, GRADES, (90, 3))
readings = {"agree on all": np.repeat(truth[:, None], 3, 1)}
readings["agree on most"] = np.where(random.random((90, 3)) < 0.8, truth[:, None], guess)
left_out = np.zeros((90, 3), bool)
left_out[:30, 2] = True  # by the third reader


def exact(counts: np.ndarray) -> float:
    """Share of pairs of readings of a case that agree, above that of pairs of any readings."""
    number = counts.sum(1)
    agree = np.mean(((counts**2).sum(1) - number) / number / (number - 1))
    chance = np.sum((counts.sum(0) / counts.sum()) ** 2)
    return round(float((agree - chance) / (1 - chance)), 2)


seen, expected = {}, {}
for name, grades in readings.items():
    for left, without in (("", np.zeros_like(left_out)), (", a third left out by one", left_out)):
        given = (grades[..., None] == np.arange(GRADES)) & ~without[..., None]
        counts = given.sum(1)
        seen[name + left] = round(float(fleiss_kappa(torch.tensor(counts))), 2)
        expected[name + left] = exact(counts)

recorded = {
    "agree on all": 1.0,
    "agree on all, a third left out by one": 0.65,
    "agree on most": 0.64,
    "agree on most, a third left out by one": 0.4,
}
print("version:  torchmetrics", version("torchmetrics"))
print("expected:", expected)
print("seen:    ", seen)
if seen != recorded:
    sys.exit(f"changed:  {recorded} was recorded")
PYTHON
