#!/usr/bin/env bash
# torchmetrics gives scores in percent an area under the curve of 0.51, and the same scores from 0 to 1 an area of 0.86.
#
# Scores of which any is outside of 0 to 1 count as logits and go through a sigmoid, which in float32 is 1 from 17 on:
# all those are ties. One expects the share of pairs in the right order, for a reader's confidence as for any score.
# The choice is made anew for each update: of logits that come one by one, as slides do, those inside of 0 to 1 stay as
# they are and the others are changed, and with them the order.
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
from torchmetrics.classification import BinaryAUROC

ill = np.repeat([0, 1], 100)
random = np.random.default_rng(0)
percent = random.normal(40 + 25 * ill, 15).clip(0, 100).round()
logits = random.normal(ill, 0.7)


def area(scores: np.ndarray, updates: int) -> float:
    """What torchmetrics says when the scores come in so many parts."""
    metric = BinaryAUROC()
    for part in np.array_split(np.arange(len(ill)), updates):
        metric.update(torch.tensor(scores[part], dtype=torch.float32), torch.tensor(ill[part]))
    return round(float(metric.compute()), 2)


def exact(scores: np.ndarray) -> float:
    """Share of pairs of an ill and a healthy one in which the ill one scores higher; ties count half."""
    above = scores[ill == 1][:, None] - scores[ill == 0]
    return round(float(np.mean((np.sign(above) + 1) / 2)), 2)


seen = {
    "percent": area(percent, 1),
    "percent / 100": area(percent / 100, 1),
    "logits": area(logits, 1),
    "logits one by one": area(logits, len(ill)),
}

expected = {name: exact(logits if "logits" in name else percent) for name in seen}
recorded = {**expected, "percent": 0.51, "logits one by one": 0.77}
print("version:  torchmetrics", version("torchmetrics"))
print("expected:", expected)
print("seen:    ", seen)
if seen != recorded:
    sys.exit(f"changed:  {recorded} was recorded")
PYTHON
