#!/usr/bin/env bash
# slideio shows noise at 0.97 µm per pixel with more than twice the contrast that it has at 1.00, where a level is.
#
# Between levels it interpolates the next larger one: at 0.97 bilinearly, so that four pixels count of the nearly
# sixteen below each that is shown. One expects the mean over them, which the levels hold, and that noise fades evenly
# as one zooms out. Patches at one scale, from slides with unlike levels, are unlike in sharpness. Here the levels are
# at 1, 4 and 16, as Aperio's are.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --no-deps --target "$folder/packages" \
    slideio==2.10.0 numpy==2.4.6 tifffile==2026.3.3
cd "$folder"
PYTHONPATH="$folder/packages" python3 -S - <<'PYTHON'
import sys
from importlib.metadata import version

import numpy as np
import slideio
import tifffile

SIDE = 2048
noise = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE), np.uint8)


def shrunk(factor: int) -> np.ndarray:
    """Means over squares."""
    return noise.reshape(SIDE // factor, factor, -1, factor).mean((1, 3)).round().astype(np.uint8)


with tifffile.TiffWriter("a.svs") as tiff:
    for factor in (1, 4, 16):
        tiff.write(
            np.repeat(shrunk(factor)[..., None], 3, axis=2),
            tile=(256, 256),
            photometric="rgb",
            description="Aperio Image Library\r\n2048x2048 |AppMag = 40|MPP = 0.25",
            metadata=None,
            subfiletype=int(factor > 1),
        )

scene = slideio.open_slide("a.svs", "SVS").get_scene(0)
seen = {}
for microns in (0.25, 0.5, 0.75, 0.97, 1.0, 2.0, 3.0, 3.8, 4.0):  # per pixel
    px = round(SIDE * 0.25 / microns)
    seen[microns] = round(float(scene.read_block((0, 0, SIDE, SIDE), size=(px, px)).std()))

expected = {0.25: 74, 0.5: 37, 0.75: 25, 0.97: 19, 1.0: 18, 2.0: 9, 3.0: 6, 3.8: 5, 4.0: 5}
recorded = {**expected, 0.75: 49, 0.97: 49, 3.0: 12, 3.8: 12}
print("version:  slideio", version("slideio"))
print("expected:", expected)
print("seen:    ", seen)
if seen != recorded:
    sys.exit(f"changed:  {recorded} was recorded")
PYTHON
