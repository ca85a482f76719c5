#!/usr/bin/env bash
# ome-zarr writes each level of a noisy uint8 image half a grey value darker than the one before, by default.
#
# The smaller levels are computed in floating point and cut to whole numbers, not rounded, each from the one before. One
# expects the mean of the image at every level, within rounding. The method "local_mean" cuts as well. Only a flat image
# keeps its brightness.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --no-deps --target "$folder/packages" \
    ome-zarr==0.18.0 ome-zarr-models==1.7 zarr==3.1.6 numcodecs==0.16.6 dask==2026.8.0 scikit-image==0.26.0 \
    scipy==1.17.1 numpy==2.4.6 pillow==13.0.0 fsspec==2026.9.0 toolz==1.2.0 cloudpickle==3.1.3 pyyaml==6.0.4 \
    donfig==0.8.1.post1 google-crc32c==1.9.0 packaging==26.4 lazy-loader==0.6 lazy-importer==0.1.0 zipp==4.1.2 \
    importlib-metadata==10.2.0 deprecated==1.3.1 wrapt==2.5.2 pydantic==2.12.5 pydantic-core==2.41.5 \
    pydantic-zarr==0.9.2 \
    annotated-types==0.8.0 typing-inspection==0.4.5 typing-extensions==4.16.0 \
    rangehttpserver==1.4.0
cd "$folder"
PYTHONPATH="$folder/packages" python3 -S - <<'PYTHON'
import sys
from importlib.metadata import version

import numpy as np
import zarr
from ome_zarr.scale import Methods
from ome_zarr.writer import write_image

image = np.random.default_rng(0).integers(180, 221, (3, 1024, 1024), np.uint8)
seen = {}
for name, options in (("default", {}), ("local_mean", {"method": Methods.LOCAL_MEAN})):
    write_image(image, f"{name}.zarr", axes="cyx", **options)
    group = zarr.open_group(f"{name}.zarr", mode="r")
    paths = [level["path"] for level in group.attrs["ome"]["multiscales"][0]["datasets"]]
    means = [float(np.mean(group[path])) for path in paths]
    seen[name] = [round(mean - means[0], 1) for mean in means]

expected = "0.0 at each of the five levels"
recorded = {"default": [0.0, -0.5, -1.0, -1.5, -2.0], "local_mean": [0.0, -0.4, -0.8, -1.1, -1.5]}
print("version:  ome-zarr", version("ome-zarr"))
print("expected:", expected)
print("seen:    ", seen)
if seen != recorded:
    sys.exit(f"changed:  {recorded} was recorded")
PYTHON
