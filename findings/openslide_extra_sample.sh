#!/usr/bin/env bash
# OpenSlide brightens the colours of a TIFF that has a fourth and fifth sample of no stated meaning.
#
# ExtraSamples 0 says that nothing is known of them. libtiff's RGBA interface, which OpenSlide reads plain tiled TIFFs
# with, takes the first for opacity that the colours were multiplied with, and OpenSlide divides by it. One expects red,
# green and blue as they stand in the file, as Pillow and libvips give them.
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

pixels = np.zeros((64, 64, 5), np.uint8) + np.array([100, 50, 75, 100, 50], np.uint8)
tifffile.imwrite(
    "a.tif", pixels, tile=(64, 64), photometric="rgb", extrasamples=(0, 0), metadata=None
)
with openslide.OpenSlide("a.tif") as slide:
    seen = slide.read_region((8, 8), 0, (1, 1)).getpixel((0, 0))

expected = (100, 50, 75, 255)
recorded = (255, 127, 191, 100)
print("version:  openslide-bin", version("openslide-bin"))
print("expected:", expected)
print("seen:    ", seen)
if seen != recorded:
    sys.exit(f"changed:  {recorded} was recorded")
PYTHON
