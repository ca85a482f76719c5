#!/usr/bin/env bash
# OpenSlide's Deep Zoom tiles show the far end of a long, low slide in another place at each zoom, and then no more.
#
# The downsample of a level is the mean of two quotients, of the widths and of the heights. 255 px halved four times are
# 15: a level that is 16 times narrower counts as 16.5 times smaller, and places along the slide are divided by that.
# One expects that a bar round 16032 px of 16384 stays there when one zooms out. The tiles have the sizes that they
# should have; at the last zoom their end is white.
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
from openslide.deepzoom import DeepZoomGenerator

WIDTH, HEIGHT, LEVELS = 16384, 255, 6
pixels = np.full((HEIGHT, WIDTH, 3), 250, np.uint8)
pixels[:, 16000:16064] = 0  # a bar round 16032
with tifffile.TiffWriter("a.tif") as tiff:
    for number in range(LEVELS):
        shrunk = pixels[:: 2**number, :: 2**number][: HEIGHT >> number]
        tiff.write(
            shrunk, tile=(64, 64), photometric="rgb", metadata=None, subfiletype=min(number, 1)
        )

seen = {}
with openslide.OpenSlide("a.tif") as slide:
    zoom = DeepZoomGenerator(slide, tile_size=256, overlap=0)
    for halvings in range(LEVELS):
        level = zoom.level_count - 1 - halvings
        columns, _ = zoom.level_tiles[level]
        tiles = [np.asarray(zoom.get_tile(level, (column, 0)))[0, :, 0] for column in range(columns)]
        row = np.concatenate(tiles)
        assert len(row) == WIDTH >> halvings
        dark = np.flatnonzero(row < 125)
        seen[2**halvings] = round((dark.mean() + 0.5) * 2**halvings) if len(dark) else None

expected = "about 16032 at each"
recorded = {1: 16032, 2: 16032, 4: 16064, 8: 16128, 16: 16256, 32: None}
print("version: ", *(f"{name} {version(name)}" for name in ("openslide-python", "openslide-bin")))
print("expected:", expected)
print("seen:    ", seen)
if seen != recorded:
    sys.exit(f"changed:  {recorded} was recorded")
PYTHON
