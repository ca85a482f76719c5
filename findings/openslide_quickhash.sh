#!/usr/bin/env bash
# OpenSlide's quickhash-1 is one and the same for two slides of different pixels.
#
# It hashes the coarsest level and some tags. A slide that was scanned, stitched or filled anew at full resolution keeps
# its hash as long as its smallest level is the same. One expects a name of the slide, and not to find it as a key of
# caches.
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

stream = np.random.default_rng(0)
coarse = stream.integers(0, 256, (256, 256, 3), np.uint8)
fine = stream.integers(0, 256, (1024, 1024, 3), np.uint8)


def write(name: str, pixels: np.ndarray) -> str:
    options = {"tile": (256, 256), "photometric": "rgb", "metadata": None}
    with tifffile.TiffWriter(name) as writer:
        writer.write(pixels, **options)
        writer.write(coarse, subfiletype=1, **options)
    with openslide.OpenSlide(name) as slide:
        return slide.properties[openslide.PROPERTY_NAME_QUICKHASH1]


same = write("a.tif", fine) == write("b.tif", 255 - fine)

seen = "one hash" if same else "two hashes"
expected = "two hashes"
recorded = "one hash"
print("version:  openslide-bin", version("openslide-bin"))
print("expected:", expected)
print("seen:    ", seen)
if seen != recorded:
    sys.exit(f"changed:  {recorded} was recorded")
PYTHON
