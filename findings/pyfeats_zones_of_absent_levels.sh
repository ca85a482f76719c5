#!/usr/bin/env bash
# pyfeats counts a zone for each grey level that an image does not have: a flat one has 255 zones as large as itself.
#
# A grey level size zone matrix (Thibault et al. 2009) has one entry for each connected piece of one level. In `glszm`
# pixels of other levels are a piece, too, number 0 of the labelling: each level has one zone too many, and one that is
# absent has one. The zone percentage of a flat image is 0.996 (one zone of 256 pixels: 0.004). Level 255 is left out.
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
from pyfeats.textural.glszm import glszm

flat = np.full((16, 16), 100, np.uint8)
stripes = np.repeat(np.array([40, 80, 120, 160], np.uint8), 4)[None].repeat(16, 0)
images = {"flat": flat, "four stripes": stripes, "white": np.full_like(flat, 255)}
every = np.ones_like(flat)


def zones(image: np.ndarray) -> dict[str, float]:
    """Their number, how many are of a level that the image has, and zone percentage."""
    matrix = glszm(image, every)
    own = [level for level in np.unique(image) if level < len(matrix)]
    values, labels = pyfeats.glszm_features(image, every)
    percentage = float(values[list(labels).index("GLSZM_ZonePercentage")])
    return {
        "zones": int(matrix.sum()),
        "of levels there are": int(matrix[own].sum()),
        "zone percentage": round(percentage, 3),
    }


seen = {name: zones(image) for name, image in images.items()}
expected = {
    name: {
        "zones": len(np.unique(image)),
        "of levels there are": len(np.unique(image)),
        "zone percentage": round(len(np.unique(image)) / image.size, 3),
    }
    for name, image in images.items()
}
recorded = {
    "flat": {"zones": 255, "of levels there are": 1, "zone percentage": 0.996},
    "four stripes": {"zones": 259, "of levels there are": 8, "zone percentage": 1.024},
    "white": {"zones": 255, "of levels there are": 0, "zone percentage": 0.992},
}
print("version:  pyfeats", version("pyfeats"))
print("expected:", expected)
print("seen:    ", seen)
if seen != recorded:
    sys.exit(f"changed:  {recorded} was recorded")
PYTHON
