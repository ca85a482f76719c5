#!/usr/bin/env bash
# Pillow's BOX filter is no mean over area: it counts whole pixels.
#
# Three pixels 0, 255, 0 become two. Each of the two covers half of the middle one, so one expects 85 and 85, the same
# on both sides. The middle pixel goes to the left one alone.
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

image = Image.new("L", (3, 1))
image.putdata([0, 255, 0])
small = image.resize((2, 1), Image.Resampling.BOX)
seen = [small.getpixel((x, 0)) for x in range(2)]

expected = [85, 85]
recorded = [128, 0]
print("version:  pillow", version("pillow"))
print("expected:", expected)
print("seen:    ", seen)
if seen != recorded:
    sys.exit(f"changed:  {recorded} was recorded")
PYTHON
