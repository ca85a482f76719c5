#!/usr/bin/env bash
# imea's circle around a nucleus that is 20 µm wide is 20 to 161 µm wide, by the place of the nucleus in the image.
#
# Its circumscribing and inscribing circles are about the centroid, which is counted from the corner of the image, while
# the outline is counted from the corner of the nucleus. One expects the same diameters wherever a nucleus lies, as the
# documentation says of all measures, and about 20 µm here. Besides, it gives lengths in µm and the standard deviation
# of the same lengths in pixels, so that one of 6.2 µm becomes 24.9 or 12.1, by the scale of the image.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --no-deps --target "$folder/packages" \
    imea==0.3.5 scikit-image==0.26.0 opencv-python-headless==5.0.0.93 pandas==3.1.1 python-dateutil==4.0.0 \
    six==1.17.0 scipy==1.17.1 networkx==3.6.1 lazy-loader==0.6 packaging==26.4 pillow==13.0.0 numpy==2.4.6
cd "$folder"
PYTHONPATH="$folder/packages" python3 -S -W ignore - <<'PYTHON'
import sys
from importlib.metadata import version

import numpy as np
from imea import shape_measurements_2d

WIDTH, FIELD = 20, 80  # µm
NAMES = {
    "around": "diameter_circumscribing_circle",
    "within": "diameter_inscribing_circle",
    "chords": "allchords_mean",
    "spread of chords": "allchords_std",
}


seen, expected = {}, {}
places = {"in the corner": (10, 10, 0.25), "30 µm to the right": (40, 10, 0.25), "30 µm below": (10, 40, 0.25)}
places |= {"far from the corner": (60, 60, 0.25), "far, in half as many pixels": (60, 60, 0.5)}
for name, (x, y, scale) in places.items():
    pixels = (np.arange(round(FIELD / scale)) + 0.5) * scale
    nucleus = np.hypot(pixels - x, pixels[:, None] - y) < WIDTH / 2
    measures, chords = shape_measurements_2d(nucleus, scale, return_all_chords=True)
    seen[name] = {measure: round(float(measures.loc[0, column]), 1) for measure, column in NAMES.items()}
    of_chords = {"chords": round(float(chords.mean()), 1), "spread of chords": round(float(chords.std()), 1)}
    expected[name] = {"around": "about 20", "within": "about 20"} | of_chords

recorded = {
    "in the corner": {"around": 20.0, "within": 19.5, "chords": 14.2, "spread of chords": 24.9},
    "30 µm to the right": {"around": 79.8, "within": 40.3, "chords": 14.2, "spread of chords": 24.9},
    "30 µm below": {"around": 79.8, "within": 40.3, "chords": 14.2, "spread of chords": 24.9},
    "far from the corner": {"around": 161.2, "within": 121.6, "chords": 14.2, "spread of chords": 24.9},
    "far, in half as many pixels": {"around": 161.2, "within": 121.6, "chords": 14.5, "spread of chords": 12.1},
}
print("version:  imea", version("imea"))
print("expected:", expected)
print("seen:    ", seen)
if seen != recorded:
    sys.exit(f"changed:  {recorded} was recorded")
PYTHON
