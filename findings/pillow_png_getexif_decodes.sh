#!/usr/bin/env bash
# Asking a PNG for its EXIF decodes all of its pixels.
#
# Opening an image in Pillow reads its head, and one expects `getexif` to read no more: the question is often asked only
# to learn how the image lies, before its size is known. A PNG may have its EXIF behind the pixels, so Pillow reads past
# them. A JPEG is not decoded.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --no-deps --target "$folder/packages" \
    pillow==13.0.0
cd "$folder"
PYTHONPATH="$folder/packages" python3 -S - <<'PYTHON'
import sys
import time
from importlib.metadata import version

from PIL import Image

seen = {}
noise = Image.effect_noise((2000, 2000), 60)
for kind in ("png", "jpg"):
    noise.save(f"a.{kind}")
    with Image.open(f"a.{kind}") as image:
        began = time.perf_counter()
        image.getexif()
        asked = time.perf_counter() - began
    with Image.open(f"a.{kind}") as image:
        began = time.perf_counter()
        image.load()
        decoded = time.perf_counter() - began
    seen[kind] = "decoded" if asked > decoded / 4 else "not decoded"

expected = {"png": "not decoded", "jpg": "not decoded"}
recorded = {"png": "decoded", "jpg": "not decoded"}
print("version:  pillow", version("pillow"))
print("expected:", expected)
print("seen:    ", seen)
if seen != recorded:
    sys.exit(f"changed:  {recorded} was recorded")
PYTHON
