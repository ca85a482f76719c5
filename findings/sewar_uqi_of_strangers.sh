#!/usr/bin/env bash
# sewar gives two images that have nothing to do with each other a universal quality index of 0.95, and a negative 0.91.
#
# The index of Wang and Bovik is made of sums over a window and of the number of its pixels. sewar has means in place of
# the sums and keeps the number, so that the product of the two means, which is to be taken away, scarcely counts: the
# index says how bright two images are and little else. One expects 0 for unrelated noise, -1 for a negative, and 0.01
# for noise that was blurred. Only of an image with itself is it right.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --no-deps --target "$folder/packages" \
    sewar==0.4.10 scipy==1.17.1 numpy==2.4.6 pillow==13.0.0
cd "$folder"
PYTHONPATH="$folder/packages" python3 -S - <<'PYTHON'
import sys
from importlib.metadata import version

import numpy as np
from scipy.ndimage import uniform_filter
from sewar.full_ref import uqi

SIDE = 8  # of a window
random = np.random.default_rng(0)
image, another = random.integers(100, 221, (2, 256, 256), np.uint8)
others = {
    "itself": image,
    "blurred": uniform_filter(image, 9),
    "another": another,
    "its negative": 320 - image.astype(np.int64),
}


def exact(one: np.ndarray, other: np.ndarray) -> float:
    """Mean index over all windows, from means, variances and the covariance of each."""
    windows = np.lib.stride_tricks.sliding_window_view(np.stack([one, other]).astype(float), (SIDE, SIDE), (1, 2))
    means = windows.mean((3, 4))
    rest = windows - means[..., None, None]
    variances = np.mean(rest**2, (3, 4))
    index = 4 * np.mean(rest[0] * rest[1], (2, 3)) * means[0] * means[1] / sum(variances) / sum(means**2)
    return round(float(index.mean()), 2) + 0.0


expected = {name: exact(image, other) for name, other in others.items()}
seen = {name: round(float(uqi(image, other.astype(image.dtype))), 2) for name, other in others.items()}
recorded = {"itself": 1.0, "blurred": 0.98, "another": 0.95, "its negative": 0.91}
print("version:  sewar", version("sewar"))
print("expected:", expected)
print("seen:    ", seen)
if seen != recorded:
    sys.exit(f"changed:  {recorded} was recorded")
PYTHON
