#!/usr/bin/env bash
# large-image shows an RGB TIFF of three planes at an eighth with 8 times the noise that it has, and 3.5 pixels aside.
#
# Planes are not for its source "tiff", which shrinks with a filter, but for "tifffile", and that one keeps the first
# pixel of each eight and leaves out the others where a level is missing. One expects means of pixels, each in the
# middle of what it stands for, as of a file in which the three colours of a pixel lie together, and no aliasing in the
# coarse view in which tissue is looked for.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --no-deps --target "$folder/packages" \
    large-image==1.35.6 large-image-source-tifffile==1.35.6 tifffile==2026.3.3 zarr==3.1.6 numcodecs==0.16.6 \
    donfig==0.8.1.post1 google-crc32c==1.9.0 pyyaml==6.0.4 packaging==26.4 typing-extensions==4.16.0 \
    cachetools==8.0.2 palettable==3.3.3 pillow==13.0.0 numpy==2.4.6
cd "$folder"
PYTHONPATH="$folder/packages" python3 -S -W ignore - <<'PYTHON'
import sys
from importlib.metadata import version

import large_image
import numpy as np
import tifffile

SIDE, SQUARE = 2048, 64
places = np.arange(SIDE) % SQUARE - (SQUARE - 1) / 2
spots = np.exp(-(places[:, None] ** 2 + places**2) / 2 / 8**2)
images = {
    "noise": np.random.default_rng(0).integers(120, 220, (3, SIDE, SIDE), np.uint8),
    "spots": np.rint(220 - 120 * np.stack([spots] * 3)).astype(np.uint8),
}
for name, image in images.items():
    tifffile.imwrite(f"{name}.tiff", image, tile=(256, 256), photometric="rgb", planarconfig="separate")


def read(name: str, factor: int) -> np.ndarray:
    """Red of the whole image, made smaller by a factor."""
    size = {"maxWidth": SIDE // factor, "maxHeight": SIDE // factor}
    return large_image.open(f"{name}.tiff").getRegion(output=size, format="numpy")[0][..., 0].astype(float)


seen, expected = {}, {}
for factor in (1, 2, 4, 8):
    side = SQUARE // factor
    dark = np.maximum(217 - read("spots", factor), 0).reshape(-1, side, SIDE // SQUARE, side)
    right = np.einsum("iyjx,x->ij", dark, (np.arange(side) + 0.5) * factor - SQUARE / 2) / dark.sum((1, 3))
    seen[factor] = {
        "noise": round(float(read("noise", factor).std()), 1),
        "spots to the right": [round(float(shift), 1) + 0.0 for shift in (right.min(), right.max())],
    }
    means = images["noise"][0].reshape(-1, factor, SIDE // factor, factor).mean((1, 3))
    expected[factor] = {"noise": round(float(means.std()), 1), "spots to the right": [0.0, 0.0]}

recorded = {
    1: {"noise": 28.9, "spots to the right": [0.0, 0.0]},
    2: {"noise": 28.9, "spots to the right": [0.5, 0.5]},
    4: {"noise": 28.9, "spots to the right": [1.5, 1.5]},
    8: {"noise": 28.8, "spots to the right": [3.5, 3.5]},
}
print("version: ", *(f"{name} {version(name)}" for name in ("large-image-source-tifffile", "tifffile")))
print("expected:", expected)
print("seen:    ", seen)
if seen != recorded:
    sys.exit(f"changed:  {recorded} was recorded")
PYTHON
