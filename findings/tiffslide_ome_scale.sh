#!/usr/bin/env bash
# tiffslide finds no scale in an OME-TIFF that states one.
#
# PhysicalSizeX with its unit is where OME-TIFFs say micrometres per pixel; many have no resolution tags. One expects
# `tiffslide.mpp-x` to be 0.25 here, whichever of the units of length is used.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --no-deps --target "$folder/packages" \
    tiffslide==3.0.1 tifffile==2026.3.3 numpy==2.4.6 pillow==13.0.0 zarr==3.1.6 numcodecs==0.16.6 donfig==0.8.1.post1 \
    google-crc32c==1.9.0 fsspec==2026.9.0 packaging==26.3 pyyaml==6.0.3 typing-extensions==4.16.0 \
    imagecodecs==2026.3.6
cd "$folder"
PYTHONPATH="$folder/packages" python3 -S - <<'PYTHON'
import sys
from importlib.metadata import version

import numpy as np
import tifffile
import tiffslide

seen = {}
for unit, size in (("nm", 250), ("\u00b5m", 0.25), ("mm", 0.00025)):
    about = {"axes": "YXS", "PhysicalSizeX": size, "PhysicalSizeXUnit": unit}
    about |= {"PhysicalSizeY": size, "PhysicalSizeYUnit": unit}
    tifffile.imwrite(
        "a.ome.tif",
        np.zeros((64, 64, 3), np.uint8),
        tile=(64, 64),
        photometric="rgb",
        ome=True,
        metadata=about,
    )
    with tiffslide.TiffSlide("a.ome.tif") as slide:
        seen[unit] = slide.properties.get("tiffslide.mpp-x")

expected = dict.fromkeys(seen, 0.25)
recorded = dict.fromkeys(seen)
print("version:  tiffslide", version("tiffslide"))
print("expected:", expected)
print("seen:    ", seen)
if seen != recorded:
    sys.exit(f"changed:  {recorded} was recorded")
PYTHON
