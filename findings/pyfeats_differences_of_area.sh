#!/usr/bin/env bash
# pyfeats' grey level difference statistics are of counts, not of shares: they grow with the image; entropy is negative.
#
# `glds_features` has the formulas of Weszka et al. (1976), which are of the probability of each difference, and puts
# in a histogram. Of an image laid out four times one expects what it has itself, but for the seams. Contrast and mean
# are four times as large, the angular second moment, at most 1, is sixteen times, and entropy, at least 0, is -4155.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --target "$folder/packages" \
    pyfeats==1.0.1 opencv-python==5.0.0.93 scikit-image==0.26.0 matplotlib==3.11.2 scipy==1.17.1 \
    PyWavelets==1.9.0 mahotas==1.4.19 numpy==2.4.6
cd "$folder"
PYTHONPATH="$folder/packages" python3 -S - <<'PYTHON'
import sys
from importlib.metadata import version

import numpy as np
import pyfeats

image = np.random.default_rng(0).integers(90, 111, (32, 32)).astype(np.uint8)
names = ("homogeneity", "contrast", "angular second moment", "entropy", "mean")
steps = ((0, 1), (1, 1), (1, 0), (1, -1))  # as pyfeats' by default


def by_pyfeats(image: np.ndarray) -> list[float]:
    """Its five statistics, means over four directions."""
    return [round(float(value), 2) for value in pyfeats.glds_features(image, None)[0]]


def by_shares(image: np.ndarray) -> list[float]:
    """The same formulas with the share of each difference."""
    rows = []
    for down, right in steps:
        here = image.astype(int)[: len(image) - down, max(0, -right) : image.shape[1] - max(0, right)]
        there = image.astype(int)[down:, max(0, right) : image.shape[1] + min(0, right)]
        share = np.bincount(np.abs(here - there).ravel()) / here.size
        i, some = np.arange(len(share)), share[share > 0]
        entropy = -(some * np.log(some)).sum()
        rows.append([(share / (i**2 + 1)).sum(), (share * i**2).sum(), (share**2).sum(), entropy, (share * i).sum()])
    return [round(float(value), 2) for value in np.mean(rows, axis=0)]


images = {"an image": image, "four of it": np.tile(image, (2, 2))}
seen = {name: dict(zip(names, by_pyfeats(each), strict=True)) for name, each in images.items()}
expected = {name: dict(zip(names, by_shares(each), strict=True)) for name, each in images.items()}
recorded = {
    "an image": dict(zip(names, [172.43, 73561.25, 65292.0, -4154.88, 6932.25], strict=True)),
    "four of it": dict(zip(names, [606.23, 302301.0, 1028900.0, -22259.67, 28450.5], strict=True)),
}
print("version:  pyfeats", version("pyfeats"))
print("expected:", expected)
print("seen:    ", seen)
if seen != recorded:
    sys.exit(f"changed:  {recorded} was recorded")
PYTHON
