#!/usr/bin/env bash
# pointpats finds clusters in each of 50 patterns of nuclei that lie at random, if it counts them in hexagons.
#
# The hexagons at the sides are half outside of the area and those at its corners more, but all are expected to hold the
# same number. So it is with squares of 30 in an area 100 wide, of which the last ones reach to 120. One expects p <
# 0.05 in 1 of 20. Simulations help for hexagons; for squares of a given width they do not, since a simulated pattern is
# divided into four columns that fit. A number of columns and rows, `nx` and `ny`, is right.
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

# pointpats imports these for maps, for files and for drawings, of which none is used here
NAMES = "bs4 matplotlib matplotlib.collections matplotlib.patches platformdirs pyproj pyproj.exceptions requests"
sys.modules |= {name: MagicMock() for name in NAMES.split()}
from pointpats import QStatistic

random = np.random.default_rng(0)
patterns = random.random((50, 200, 2)) * 100
KINDS = {
    "4 by 4": {"shape": "rectangle", "nx": 4, "ny": 4},
    "squares of 30": {"shape": "rectangle", "rectangle_width": 30, "rectangle_height": 30},
    "hexagons of 15": {"shape": "hexagon", "lh": 15},
}
seen = {}
for name, kind in KINDS.items():
    tests = [QStatistic(nuclei, **kind) for nuclei in patterns]
    simulated = [QStatistic(nuclei, realizations=19, rng=0, **kind) for nuclei in patterns[:10]]
    seen[name] = {
        "p < 0.05": round(float(np.mean([test.chi2_pvalue < 0.05 for test in tests])), 1),
        "simulated": round(float(np.mean([test.chi2_r_pvalue < 0.051 for test in simulated])), 1),
    }

expected = {name: {"p < 0.05": 0.0, "simulated": 0.0} for name in KINDS}
recorded = {
    **expected,
    "squares of 30": {"p < 0.05": 1.0, "simulated": 1.0},
    "hexagons of 15": {"p < 0.05": 1.0, "simulated": 0.0},
}
print("version:  pointpats", version("pointpats"))
print("expected:", expected)
print("seen:    ", seen)
if seen != recorded:
    sys.exit(f"changed:  {recorded} was recorded")
PYTHON
