#!/usr/bin/env bash
# miseval's Hausdorff distance of two nuclei that lie 80 pixels below each other is 0, and beside each other 8.9.
#
# Its "HD" hands the masks to a function for lists of points, which takes each row of pixels for one point: that rows
# come in another order is no distance. One expects 80 both ways. Its "AHD", the average, is the greatest distance: one
# pixel that is far from a right outline makes it 89, where the mean of all distances is 0.2.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --no-deps --target "$folder/packages" \
    miseval==1.3.0 hausdorff==0.2.6 numba==0.68.1 llvmlite==0.50.0 scipy==1.17.1 numpy==2.4.6
cd "$folder"
PYTHONPATH="$folder/packages" python3 -S -W ignore - <<'PYTHON'
import sys
from importlib.metadata import version
from unittest.mock import MagicMock

import numpy as np
from scipy.ndimage import binary_erosion, distance_transform_edt

# for metrics that are not used here
NAMES = ("dictances", "skimage", "skimage.measure", "sklearn", "sklearn.metrics")
sys.modules |= {name: MagicMock() for name in NAMES}
import miseval

SIDE, RADIUS = 256, 40
rows, columns = np.mgrid[:SIDE, :SIDE]


def nucleus(row: int, column: int) -> np.ndarray:
    """Mask of a round nucleus."""
    return ((rows - row) ** 2 + (columns - column) ** 2 < RADIUS**2).astype(np.uint8)


def exact(one: np.ndarray, other: np.ndarray) -> dict[str, float]:
    """The greatest and the mean distance from each outline to the other."""
    outlines = [mask > binary_erosion(mask) for mask in (one, other)]
    away = [distance_transform_edt(~outline) for outline in outlines]
    distances = away[1][outlines[0]], away[0][outlines[1]]
    mean = np.mean([part.mean() for part in distances])
    return {"HD": round(float(max(part.max() for part in distances)), 1), "AHD": round(float(mean), 1)}


first = nucleus(80, 80)
speck = first.copy()
speck[200, 128] = 1
pairs = {"itself": first, "80 px below": nucleus(160, 80), "80 px beside": nucleus(80, 160), "and a speck": speck}
seen, expected = {}, {}
for name, other in pairs.items():
    seen[name] = {metric: round(float(miseval.evaluate(first, other, metric)), 1) for metric in ("HD", "AHD")}
    expected[name] = exact(first, other)

recorded = {
    "itself": {"HD": 0.0, "AHD": 0.0},
    "80 px below": {"HD": 0.0, "AHD": 80.0},
    "80 px beside": {"HD": 8.9, "AHD": 80.0},
    "and a speck": {"HD": 1.0, "AHD": 89.3},
}
print("version:  miseval", version("miseval"))
print("expected:", expected)
print("seen:    ", seen)
if seen != recorded:
    sys.exit(f"changed:  {recorded} was recorded")
PYTHON
