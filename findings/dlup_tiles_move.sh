#!/usr/bin/env bash
# dlup moves what is in a tile by up to 3 pixels of the slide, by the scale alone, and parts of a tile by 4 more.
#
# The resampling of fim, its image library, keeps things on their place at half the slide's scale alone: at the slide's
# own it moves them by half a pixel, which blurs, and at an eighth by 3 pixels to the other side. At the slide's own
# scale it also moves some of the blocks of 256 pixels in which it works, not always the same ones, by 4 pixels: a tile
# of 512 has a seam in its middle. One expects the pixels of the slide at its own scale, and a spot on its place at any.
# With `interpolator="NEAREST"` the own scale is right. The slide here has a spot in each square of 64 pixels.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --no-deps --target "$folder/packages" \
    dlup==0.9.4 fimage-python==0.1.2 fastslide==0.8.1 openslide-python==1.4.7 openslide-bin==4.0.1.2 \
    tifffile==2026.3.3 numpy==2.4.6 pillow==13.0.0 shapely==2.2.0 packaging==26.4 xsdata==26.10
cd "$folder"
PYTHONPATH="$folder/packages" python3 -S -W ignore - <<'PYTHON'
import sys
from importlib.metadata import version

import dlup
import numpy as np
import tifffile

SCALE = 0.25  # µm per pixel
SQUARE = 64
places = np.arange(2048) % SQUARE - (SQUARE - 1) / 2
spots = np.exp(-(places[:, None] ** 2 + places**2) / 2 / 8**2)
image = np.rint(220 - 120 * np.stack([spots] * 3, -1)).astype(np.uint8)
resolution = {"resolution": (1e4 / SCALE, 1e4 / SCALE), "resolutionunit": "CENTIMETER"}
tifffile.imwrite("slide.tiff", image, tile=(256, 256), photometric="rgb", **resolution)


def moved(scale: float, size: int, interpolator: str, corner: int = 0) -> list[float]:
    """How far the spots of a tile are to the right and down, the least and the most, in pixels of the slide."""
    slide = dlup.SlideImage.from_file_path("slide.tiff", backend="OPENSLIDE", interpolator=interpolator)
    tile = slide.get_view_at_mpp(scale).read_region((corner, corner), (size, size)).to_numpy()[..., 0].astype(float)
    side = round(SQUARE * SCALE / scale)
    dark = np.maximum(217 - tile, 0).reshape(size // side, side, size // side, side)
    places = (np.arange(side) + 0.5) * SQUARE / side - SQUARE / 2
    both = np.stack([np.einsum(axes, dark, places) for axes in ("iyjx,x->ij", "iyjx,y->ij")])
    shifts = both / dark.sum((1, 3))
    return [round(float(shift), 1) + 0.0 for shift in (shifts.min(), shifts.max())]


seen = {f"{scale} µm, 256 px": moved(scale, 256, "LANCZOS") for scale in (0.25, 0.5, 1.0, 2.0)}
seen |= {"0.25 µm, 256 px, NEAREST": moved(0.25, 256, "NEAREST")}
least, most = moved(0.25, 512, "LANCZOS", 512)
seen |= {"0.25 µm, 512 px, parts 4 px apart": most - least > 3.9}

expected = "0.0 for each, and no parts apart"
recorded = {
    "0.25 µm, 256 px": [0.5, 0.5],
    "0.5 µm, 256 px": [0.0, 0.0],
    "1.0 µm, 256 px": [-1.0, -1.0],
    "2.0 µm, 256 px": [-3.0, -3.0],
    "0.25 µm, 256 px, NEAREST": [0.0, 0.0],
    "0.25 µm, 512 px, parts 4 px apart": True,
}
print("version: ", *(f"{name} {version(name)}" for name in ("dlup", "fimage-python")))
print("expected:", expected)
print("seen:    ", seen)
if seen != recorded:
    sys.exit(f"changed:  {recorded} was recorded")
PYTHON
