#!/usr/bin/env bash
# Pillow says 72 dpi of a JPEG that says nothing, if it has EXIF; without EXIF it says nothing.
#
# The EXIF here holds the maker of the camera alone, and JFIF's unit is 0, which is none. One expects no resolution in
# both cases. 72 dpi are 352.8 um per pixel to whoever takes them for the file's word.
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

MAKER = 271
exif = Image.Exif()
exif[MAKER] = "a camera"
Image.new("RGB", (8, 8)).save("with.jpg", exif=exif)
Image.new("RGB", (8, 8)).save("without.jpg")
seen = {}
for name in ("with", "without"):
    with Image.open(f"{name}.jpg") as image:
        seen[name] = image.info.get("dpi")

expected = {"with": None, "without": None}
recorded = {"with": (72, 72), "without": None}
print("version:  pillow", version("pillow"))
print("expected:", expected)
print("seen:    ", seen)
if seen != recorded:
    sys.exit(f"changed:  {recorded} was recorded")
PYTHON
