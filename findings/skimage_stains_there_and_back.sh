#!/usr/bin/env bash
# scikit-image does not bring a pale eosin pink back from haematoxylin, eosin and DAB.
#
# `hed2rgb` is called the inverse of `rgb2hed`. Amounts of stain below zero are set to zero on the way, and the residual
# of a colour that is not made of exactly the three stains goes. Pale pink, of which slides are full, comes back darker.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --no-deps --target "$folder/packages" \
    scikit-image==0.26.0 scipy==1.17.1 numpy==2.4.6 lazy-loader==0.6 pillow==13.0.0 networkx==3.6.1 imageio==2.38.1 \
    tifffile==2026.3.3 packaging==26.3
cd "$folder"
PYTHONPATH="$folder/packages" python3 -S - <<'PYTHON'
import sys
from importlib.metadata import version

import numpy as np
from skimage.color import hed2rgb, rgb2hed

colours = {"pale pink": (250, 200, 220), "purple": (200, 120, 180), "glass": (255, 255, 255)}
seen = {}
for name, colour in colours.items():
    back = hed2rgb(rgb2hed(np.array(colour, np.uint8)[None, None]))[0, 0]
    seen[name] = tuple(int(value) for value in np.rint(255 * back))

expected = colours
recorded = {**colours, "pale pink": (239, 191, 216)}
print("version:  scikit-image", version("scikit-image"))
print("expected:", expected)
print("seen:    ", seen)
if seen != recorded:
    sys.exit(f"changed:  {recorded} was recorded")
PYTHON
