#!/usr/bin/env bash
# mahotas moves an image by a pixel if it is to shift it by 0, not at all if by 1, and ends a smaller one in black.
#
# It reads the pixel after the place that is asked for and interpolates nothing, for each `order`, also for 3, the
# default: shifts by 0.1 and by 0.9 move nothing either. One expects what SciPy gives, from which this was taken over:
# the image itself for 0, and means of neighbours for 0.5. `imresize` and `resize_to` go through it, so that a white
# image is black in the last row and the last column at each smaller or larger size. 1.4.13 does the same.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --no-deps --target "$folder/packages" \
    mahotas==1.4.19 scipy==1.17.1 numpy==2.4.6
cd "$folder"
PYTHONPATH="$folder/packages" python3 -S - <<'PYTHON'
import sys
from importlib.metadata import version

import mahotas
import numpy as np
from mahotas.interpolate import shift
from scipy import ndimage

ramp = np.tile(np.arange(101.0, 107.0), (6, 1))
white = np.full((64, 64), 255, np.uint8)


def row(image: np.ndarray) -> list[float]:
    """The middle row."""
    return [round(float(value), 1) + 0.0 for value in image[len(image) // 2]]


seen, expected = {}, {}
for by in (0, 0.5, 1):
    expected[f"shift by {by}"] = row(ndimage.shift(ramp, (0, by), order=1))
    for order in (1, 3):
        seen[f"shift by {by}, order {order}"] = row(shift(ramp, (0, by), order=order))
small = mahotas.imresize(white, (32, 32))
parts = {"inside": small[:-1, :-1], "last row": small[-1], "last column": small[:, -1]}
seen["white at a half"] = {name: round(float(part.mean())) for name, part in parts.items()}
expected["white at a half"] = dict.fromkeys(parts, 255)

found = {
    0: [102.0, 103.0, 104.0, 105.0, 106.0, 0.0],
    0.5: [101.0, 102.0, 103.0, 104.0, 105.0, 106.0],
    1: [0.0, 102.0, 103.0, 104.0, 105.0, 106.0],
}
recorded = {f"shift by {by}, order {order}": pixels for by, pixels in found.items() for order in (1, 3)}
recorded["white at a half"] = {"inside": 255, "last row": 0, "last column": 0}
print("version:  mahotas", version("mahotas"))
print("expected:", expected)
print("seen:    ", seen)
if seen != recorded:
    sys.exit(f"changed:  {recorded} was recorded")
PYTHON
