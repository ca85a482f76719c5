#!/usr/bin/env bash
# tiatoolbox's VirtualWSIReader gives a grey image a dark edge at a quarter of its scale, and moves it by 2 pixels.
#
# It reads 2 pixels more on each side, black ones outside of the image, makes all that smaller, and then cuts off 2 / 4
# = 0.5 pixels again, rounded to 0. At an eighth what is left over is squeezed in: the left half moves to the right and
# the right half to the left. One expects spots where they are, as at a half, and no black in a view that lies within
# the image. This class reads masks of tissue, for slides whose own readers, for OpenSlide and TIFF, move nothing. With
# `pad_mode="reflect"` the edge is right, but what moves does so as before.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --no-deps --target "$folder/packages" \
    tiatoolbox==2.1.3 opencv-python-headless==5.0.0.93 numpy==2.4.6 scipy==1.17.1 scikit-image==0.26.0 \
    pillow==13.0.0 lazy-loader==0.6 packaging==26.4 typing-extensions==4.16.0
cd "$folder"
PYTHONPATH="$folder/packages" python3 -S -W ignore - <<'PYTHON'
import logging
import sys
from importlib.metadata import version
from unittest.mock import MagicMock

import numpy as np

# tiatoolbox imports these for files, for networks and for drawings, of which none is used here
NAMES = (
    "dask dask.array defusedxml filelock fsspec fsspec.implementations fsspec.implementations.reference imagecodecs "
    "imagecodecs.numcodecs joblib matplotlib matplotlib.colors matplotlib.pyplot numcodecs openslide pandas psutil "
    "requests shapely shapely.affinity shapely.geometry SimpleITK tifffile torch tqdm tqdm.auto tqdm.dask upath yaml "
    "zarr zarr.experimental zarr.experimental.cache_store zarr.storage"
)
sys.modules |= {name: MagicMock() for name in NAMES.split()}
from tiatoolbox.wsicore.wsireader import VirtualWSIReader

logging.disable(logging.WARNING)  # it warns that it was told no resolution
SIDE, SQUARE = 1024, 64
places = np.arange(SIDE) % SQUARE - (SQUARE - 1) / 2
spots = np.rint(220 - 120 * np.exp(-(places[:, None] ** 2 + places**2) / 2 / 8**2))
readers = {
    name: VirtualWSIReader(np.repeat(image[..., None], 3, axis=2).astype(np.uint8))
    for name, image in {"grey": np.full((SIDE, SIDE), 220), "spots": spots}.items()
}
seen = {}
for factor in (1, 2, 4, 8):
    px, side = SIDE // factor, SQUARE // factor
    grey, view = (
        reader.read_rect((0, 0), (px, px), resolution=1 / factor, units="baseline")[..., 0]
        for reader in readers.values()
    )
    dark = np.maximum(217 - view.astype(float), 0).reshape(-1, side, SIDE // SQUARE, side)
    right = np.einsum("iyjx,x->ij", dark, (np.arange(side) + 0.5) * factor - SQUARE / 2) / dark.sum((1, 3))
    inside = right[1:-1, 1:-1]  # the outer ones have the dark edge in them
    seen[factor] = {
        "first pixels of a grey row": [int(pixel) for pixel in grey[px // 2, :2]],
        "spots to the right": [round(float(shift), 1) + 0.0 for shift in (inside.min(), inside.max())],
    }

expected = "[220, 220] and [0.0, 0.0] at each scale"
still = {"first pixels of a grey row": [220, 220], "spots to the right": [0.0, 0.0]}
recorded = {
    1: still,
    2: still,
    4: {"first pixels of a grey row": [110, 220], "spots to the right": [2.0, 2.0]},
    8: {"first pixels of a grey row": [165, 220], "spots to the right": [-1.7, 1.7]},
}
print("version:  tiatoolbox", version("tiatoolbox"))
print("expected:", expected)
print("seen:    ", seen)
if seen != recorded:
    sys.exit(f"changed:  {recorded} was recorded")
PYTHON
