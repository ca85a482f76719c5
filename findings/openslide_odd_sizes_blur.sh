#!/usr/bin/env bash
# OpenSlide blurs a coarse level of a slide whose sides are odd, more in one place than in another.
#
# The downsample of a level is inferred from the sizes: 4099 px that were halved to 2049 give 2.0005. A place of level 0
# is divided by it, seldom falls on a whole pixel of the level, and the pixels are then interpolated. One expects the
# stored pixels at every place that is a multiple of 2, as a slide of 4096 px gives them. Here noise loses half of its
# contrast; patches of real slides differ in sharpness by where they lie.
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

PLACES = (0, 1024, 2048, 3072)  # in level 0, across and down
PATCH_PX = 128

noise = np.random.default_rng(0).integers(0, 256, (2048, 2048, 1), np.uint8)
seen = {}
for side in (4096, 4099):
    level_1 = np.resize(noise, (side // 2, side // 2, 3))
    level_0 = np.zeros((side, side, 3), np.uint8)
    with tifffile.TiffWriter("a.tif") as tiff:
        for number, pixels in enumerate((level_0, level_1)):
            tiff.write(
                pixels, tile=(256, 256), photometric="rgb", metadata=None, subfiletype=number
            )
    contrasts = []
    with openslide.OpenSlide("a.tif") as slide:
        for place in PLACES:
            patch = slide.read_region((place, place), 1, (PATCH_PX, PATCH_PX)).convert("RGB")
            contrasts.append(round(100 * float(np.std(patch) / np.std(level_1))))
    seen[side] = contrasts

expected = "about 100 % of the contrast of the stored level everywhere"
recorded = {4096: [100, 100, 100, 100], 4099: [100, 78, 63, 53]}
print("version:  openslide-bin", version("openslide-bin"))
print("expected:", expected)
print("seen:    ", seen, "at", PLACES)
if seen != recorded:
    sys.exit(f"changed:  {recorded} was recorded")
PYTHON
