#!/usr/bin/env bash
# libvips reads a TIFF whose codec it was built without as black, and says so in no exception.
#
# The wheels of pyvips come without zstd in their libtiff. One expects an error when the pixels are read, as OpenSlide
# and Pillow raise it for codecs that they lack. `fail_on="error"` brings one.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --no-deps --target "$folder/packages" \
    pyvips==3.2.0 pyvips-binary==8.18.7 cffi==2.1.1 pycparser==3.12 pillow==13.0.0
cd "$folder"
PYTHONPATH="$folder/packages" python3 -S - <<'PYTHON'
import sys
from importlib.metadata import version

import pyvips
from PIL import Image

Image.new("RGB", (64, 64), (200, 100, 50)).save("slide.tif", compression="zstd")
pixel = pyvips.Image.new_from_file("slide.tif")(10, 10)
try:
    pyvips.Image.new_from_file("slide.tif", fail_on="error")(10, 10)
    strict = "pixels"
except pyvips.Error:
    strict = "an error"

seen = (pixel, f"with fail_on='error' {strict}")
expected = "an error, or [200, 100, 50]"
recorded = ([0.0, 0.0, 0.0], "with fail_on='error' an error")
print("version:  pyvips-binary", version("pyvips-binary"))
print("expected:", expected)
print("seen:    ", seen)
if seen != recorded:
    sys.exit(f"changed:  {recorded} was recorded")
PYTHON
