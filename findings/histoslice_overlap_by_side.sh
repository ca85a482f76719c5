#!/usr/bin/env bash
# histoslice says that a tile is half covered by one that lies half a tile to its left, and wholly by one to its right.
#
# The overlapping area is measured up to the right and lower ends of the other tile, wherever that begins. One expects
# half a tile in all four directions. Besides, tiles that are made with an overlap of a half and `out_of_bounds=False`
# reach out of the slide, where one expects none that does: of each row only the very last one is left out, which is
# enough without an overlap.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --no-deps --target "$folder/packages" \
    histoslice==0.6.0 opencv-python-headless==5.0.0.93 pillow==13.0.0 numpy==2.4.6
cd "$folder"
PYTHONPATH="$folder/packages" python3 -S -W ignore - <<'PYTHON'
import sys
from importlib.metadata import version
from unittest.mock import MagicMock

import numpy as np

# for slides, plots and clusters, of which there are none here
NAMES = ("histoslice._reader", "histoslice.utils", "matplotlib", "matplotlib.font_manager")
NAMES += ("sklearn", "sklearn.cluster", "sklearn.decomposition", "sklearn.metrics")
sys.modules |= {name: MagicMock() for name in NAMES}
from histoslice.functional import get_overlap_area, get_tile_coordinates

TILE, SIDE = 512, 2000
HALF = TILE // 2
others = {
    "left": (-HALF, 0, TILE, TILE),
    "right": (HALF, 0, TILE, TILE),
    "above": (0, -HALF, TILE, TILE),
    "below": (0, HALF, TILE, TILE),
    "right and below": (HALF, HALF, TILE, TILE),
    "within": (HALF // 2, HALF // 2, HALF, HALF),
}


def part(x: int, y: int, width: int, height: int) -> float:
    """The part of a tile at 0, 0 that another covers."""
    ends = [max(0, min(TILE, start + size) - max(0, start)) for start, size in ((x, width), (y, height))]
    return ends[0] * ends[1] / TILE**2


areas = get_overlap_area((0, 0, TILE, TILE), list(others.values()))
seen = {"covered": {name: round(float(area) / TILE**2, 2) for name, area in zip(others, areas, strict=True)}}
expected = {"covered": {name: round(part(*other), 2) for name, other in others.items()}}
for overlap in (0.0, 0.25, 0.5, 0.75):
    tiles = np.array(get_tile_coordinates((SIDE, SIDE), TILE, overlap=overlap, out_of_bounds=False))
    outside = np.maximum(tiles[:, :2] + TILE - SIDE, 0).max(1)
    name = f"overlap {overlap}"
    seen[name] = {"tiles": len(tiles), "outside": int((outside > 0).sum()), "by": int(outside.max())}
    inside = (SIDE - TILE) // round(TILE * (1 - overlap)) + 1
    expected[name] = {"tiles": inside**2, "outside": 0, "by": 0}

recorded = {
    "covered": expected["covered"] | {"right": 1.0, "below": 1.0, "right and below": 1.0, "within": 0.56},
    "overlap 0.0": expected["overlap 0.0"],
    "overlap 0.25": {"tiles": 25, "outside": 9, "by": 48},
    "overlap 0.5": {"tiles": 49, "outside": 13, "by": 48},
    "overlap 0.75": {"tiles": 225, "outside": 81, "by": 304},
}
print("version:  histoslice", version("histoslice"))
print("expected:", expected)
print("seen:    ", seen)
if seen != recorded:
    sys.exit(f"changed:  {recorded} was recorded")
PYTHON
