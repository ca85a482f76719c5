#!/usr/bin/env bash
# OpenSlide shows a tiled TIFF as it lies in the file, whatever its tag Orientation says.
#
# One expects the image upright, as Pillow, libvips (`autorot`) and every viewer of plain images show the same tag. A
# slide that is turned so shows tissue in other places than the annotations made on it elsewhere.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --no-deps --target "$folder/packages" \
    openslide-python==1.4.7 openslide-bin==4.0.1.2 pillow==13.0.0 numpy==2.4.6 tifffile==2026.3.3
cd "$folder"
PYTHONPATH="$folder/packages" python3 -S - <<'PYTHON'
import sys
from importlib.metadata import version

import numpy as np
import openslide
import tifffile
from PIL import Image

TURN_RIGHT = 6
pixels = np.zeros((64, 128, 3), np.uint8)
tag = (274, "H", 1, TURN_RIGHT, True)
tifffile.imwrite("a.tif", pixels, tile=(64, 64), photometric="rgb", metadata=None, extratags=[tag])

with openslide.OpenSlide("a.tif") as slide, Image.open("a.tif") as image:
    image.load()
    seen = {"openslide": slide.dimensions, "pillow": image.size}

expected = "64 x 128 from both"
recorded = {"openslide": (128, 64), "pillow": (64, 128)}
print("version:  openslide-bin", version("openslide-bin"))
print("expected:", expected)
print("seen:    ", seen)
if seen != recorded:
    sys.exit(f"changed:  {recorded} was recorded")
PYTHON
