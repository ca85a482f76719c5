#!/usr/bin/env bash
# scipy's uniform_filter rounds the means of a uint8 image down, and that twice in two dimensions.
#
# It returns the type of its input, cut and not rounded, after each of its passes along an axis. One expects the nearest
# grey value, as of any mean that is stored in 8 bits: 101 for 100.89. A noisy image is darker by 0.7 of a grey value
# after it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --no-deps --target "$folder/packages" \
    scipy==1.17.1 numpy==2.4.6
cd "$folder"
PYTHONPATH="$folder/packages" python3 -S - <<'PYTHON'
import sys
from importlib.metadata import version

import numpy as np
from scipy import ndimage

image = np.full((9, 9), 100, np.uint8)
image[4, 4] = 108
mean = int(ndimage.uniform_filter(image, 3)[4, 4])
noise = np.random.default_rng(0).integers(100, 140, (400, 400), np.uint8)
passed = ndimage.uniform_filter(noise, 3).astype(float)
shift = round(float(passed.mean() - noise.mean()), 1)

seen = (mean, shift)
expected = (101, 0.0)
recorded = (100, -0.7)
print("version:  scipy", version("scipy"))
print("expected:", expected)
print("seen:    ", seen)
if seen != recorded:
    sys.exit(f"changed:  {recorded} was recorded")
PYTHON
