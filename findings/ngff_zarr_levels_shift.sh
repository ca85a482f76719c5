#!/usr/bin/env bash
# ngff-zarr with "DASK_IMAGE_GAUSSIAN", or "DASK_IMAGE_NEAREST" for masks, puts a level 3.5 pixels from its place.
#
# A pixel of a level is read off at the first of the two pixels by two that it stands for, and the translation that is
# written is that of their middle: half a pixel of the level before too much, at each level anew. One expects a spot at
# one place in micrometres at all levels, where scale * index + translation is the middle of a pixel, as with
# "DASK_BIN_SHRINK" and with the default method. A mask and an image that were made by different methods are apart at
# the coarse levels, at which tissue is looked for.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --no-deps --target "$folder/packages" \
    ngff-zarr==0.50.0 dask-image==2026.5.0 dask==2026.8.0 zarr==3.1.6 numcodecs==0.16.6 scipy==1.17.1 numpy==2.4.6 \
    zarrista==0.1.0 itkwasm==1.0b201 wasmtime==50.0.1 toolz==1.2.0 cloudpickle==3.1.3 fsspec==2026.9.0 pyyaml==6.0.4 \
    donfig==0.8.1.post1 google-crc32c==1.9.0 typing-extensions==4.16.0 packaging==26.4 psutil==7.2.2 rich==15.0.0 \
    platformdirs==4.14.8 importlib-resources==7.1.0 importlib-metadata==10.2.0 zipp==4.1.2 lazy-importer==0.1.0
cd "$folder"
PYTHONPATH="$folder/packages" python3 -S -W ignore - <<'PYTHON'
import sys
from importlib.metadata import version

import ngff_zarr
import numpy as np
import zarr

SCALE = 0.25  # µm per pixel
CENTRE = (280, 200)
rows, columns = np.mgrid[:512, :512]
disc = (rows - CENTRE[0]) ** 2 + (columns - CENTRE[1]) ** 2 < 120**2
about = {"dims": ("y", "x"), "scale": {"y": SCALE, "x": SCALE}, "translation": {"y": 0.0, "x": 0.0}}
image = ngff_zarr.to_ngff_image(np.where(disc, 200, 0).astype(np.uint8), **about)
seen = {}
for name in ("DASK_BIN_SHRINK", "DASK_IMAGE_GAUSSIAN", "DASK_IMAGE_NEAREST"):
    levels = ngff_zarr.to_multiscales(image, scale_factors=[2, 4, 8], method=ngff_zarr.Methods[name])
    ngff_zarr.to_ngff_zarr(f"{name}.zarr", levels)
    group = zarr.open_group(f"{name}.zarr", mode="r")
    seen[name] = []
    for level in group.attrs["ome"]["multiscales"][0]["datasets"]:
        pixels = np.asarray(group[level["path"]], float)
        scale, translation = (np.array(part[part["type"]]) for part in level["coordinateTransformations"])
        middle = (np.indices(pixels.shape) * pixels).sum((1, 2)) / pixels.sum() * scale + translation
        seen[name].append([round(float(shift), 1) + 0.0 for shift in middle / SCALE - CENTRE])

expected = "[0.0, 0.0] down and to the right, in pixels of the image, at each of the four levels"
recorded = {
    "DASK_BIN_SHRINK": [[0.0, 0.0]] * 4,
    "DASK_IMAGE_GAUSSIAN": [[0.0, 0.0], [0.5, 0.5], [1.5, 1.5], [3.5, 3.5]],
    "DASK_IMAGE_NEAREST": [[0.0, 0.0], [0.5, 0.5], [1.5, 1.5], [3.5, 3.5]],
}
print("version:  ngff-zarr", version("ngff-zarr"))
print("expected:", expected)
print("seen:    ", seen)
if seen != recorded:
    sys.exit(f"changed:  {recorded} was recorded")
PYTHON
