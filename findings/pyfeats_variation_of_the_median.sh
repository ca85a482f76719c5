#!/usr/bin/env bash
# pyfeats' coefficient of variation does not heed how grey levels vary: it is the root of their median over their mean.
#
# One expects standard deviation over mean, which is 0 for an image of one grey level and grows with contrast. What
# `fos` takes the root of is its third feature, the median; the second is the variance. Images of one mean and median
# have one value, be they flat or striped. Its mean of a flat image of 100 is 100.39, and its variance is not 0: levels
# are weighted with a density over bins of 255 / 256, which does not sum to 1.
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

names = ("FOS_Mean", "FOS_Variance", "FOS_CoefficientOfVariation")
images = {
    "flat": np.full((32, 32), 100, np.uint8),
    "little contrast": np.tile(np.array([95, 100, 105, 100], np.uint8), (32, 8)),
    "much contrast": np.tile(np.array([20, 100, 180, 100], np.uint8), (32, 8)),
}


def first_order(image: np.ndarray) -> list[float]:
    """Mean, variance and coefficient of variation."""
    values, labels = pyfeats.fos(image, None)
    return [round(float(values[list(labels).index(name)]), 3) for name in names]


expected = {
    name: [round(float(value), 3) for value in (image.mean(), image.var(), image.std() / image.mean())]
    for name, image in images.items()
}
seen = {name: first_order(image) for name, image in images.items()}
recorded = {
    "flat": [100.392, 0.154, 0.1],
    "little contrast": [100.392, 12.703, 0.1],
    "much contrast": [100.392, 3212.703, 0.1],
}
print("version:  pyfeats", version("pyfeats"))
print("expected:", expected)
print("seen:    ", seen)
if seen != recorded:
    sys.exit(f"changed:  {recorded} was recorded")
PYTHON
