#!/usr/bin/env bash
# pointpats says that 92 %, 89 %, 68 % or none of the nuclei have a neighbour within 5 µm, by where its curve begins.
#
# The G function is the share of points whose nearest neighbour is at most so far away. Those that are nearer than the
# first distance of the `support`, and those further than the last, are left out and not counted: the curve is 0 at its
# first distance and 1 at its last, whatever the points are. One expects one value for one distance, and of a curve that
# ends at 5 µm that it says what share is within 5 µm. The F function does it too; the K function does not. A support
# from 0 to beyond the greatest distance, as it is if none is given, is right. Two slides are not to be compared
# otherwise.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --no-deps --target "$folder/packages" \
    pointpats==2.5.5 libpysal==4.14.1 geopandas==1.2.0 shapely==2.2.0 pandas==3.1.1 python-dateutil==2.9.0.post0 \
    six==1.17.0 numpy==2.4.6 scipy==1.17.1 scikit-learn==1.9.1 joblib==1.6.0 cloudpickle==3.1.3 \
    threadpoolctl==3.8.0 narwhals==2.29.0 packaging==26.4
cd "$folder"
PYTHONPATH="$folder/packages" python3 -S -W ignore - <<'PYTHON'
import sys
from importlib.metadata import version
from unittest.mock import MagicMock

import numpy as np
from scipy.spatial import KDTree

# pointpats imports these for maps, for files and for drawings, of which none is used here
NAMES = "bs4 matplotlib matplotlib.collections matplotlib.patches platformdirs pyproj pyproj.exceptions requests"
sys.modules |= {name: MagicMock() for name in NAMES.split()}
import pointpats

nuclei = np.random.default_rng(0).random((300, 2)) * 100
nearest = KDTree(nuclei).query(nuclei, 2)[0][:, 1]
SUPPORTS = {
    "0 to 10": np.arange(0, 10.5),
    "2 to 10": np.arange(2, 10.5),
    "4 to 10": np.arange(4, 10.5),
    "5 to 10": np.arange(5, 10.5),
    "0 to 5": np.arange(0, 5.5),
}
seen = {}
for name, support in SUPPORTS.items():
    distances, shares = pointpats.g(nuclei, support=support)
    seen[name] = round(float(shares[distances == 5][0]), 2)

expected = dict.fromkeys(SUPPORTS, round(float(np.mean(nearest <= 5)), 2))
recorded = {"0 to 10": 0.92, "2 to 10": 0.89, "4 to 10": 0.68, "5 to 10": 0.0, "0 to 5": 1.0}
print("version:  pointpats", version("pointpats"))
print("expected:", expected)
print("seen:    ", seen)
if seen != recorded:
    sys.exit(f"changed:  {recorded} was recorded")
PYTHON
