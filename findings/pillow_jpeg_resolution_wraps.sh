#!/usr/bin/env bash
# Pillow writes the resolution of a microscope into a JPEG as another one, without a word.
#
# 0.25 um per pixel are 101 600 dots per inch; JFIF has 16 bits for them. One expects an error, or the finest that can
# be said. What comes is the number modulo 65 536, 0.704 um per pixel: nearly three times as coarse, and quite
# believable.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --no-deps --target "$folder/packages" \
    pillow==13.0.0
cd "$folder"
PYTHONPATH="$folder/packages" python3 -S - <<'PYTHON'
import sys
from importlib.metadata import version

from PIL import Image

Image.new("RGB", (8, 8)).save("a.jpg", dpi=(101_600, 101_600))
with Image.open("a.jpg") as image:
    seen = image.info["dpi"]

expected = "an error, or (65535, 65535)"
recorded = (36_064, 36_064)
print("version:  pillow", version("pillow"))
print("expected:", expected)
print("seen:    ", seen)
if seen != recorded:
    sys.exit(f"changed:  {recorded} was recorded")
PYTHON
