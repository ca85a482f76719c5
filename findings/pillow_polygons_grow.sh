#!/usr/bin/env bash
# Pillow and OpenCV fill a quarter more pixels than the outline of a nucleus 10 px wide encloses.
#
# The pixels on the outline are filled too, also where most of a pixel lies outside; a square from 0 to 10 gets 121. One
# expects that a mask has as many pixels as its outline has area, in the mean over where it lies. The way back errs the
# other way: OpenCV's contours run through the centres of the outermost pixels of a mask, and their area is too small.
# Circles at 200 places are filled, and the contours found of masks of the pixels whose centres lie inside.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --no-deps --target "$folder/packages" \
    pillow==13.0.0 opencv-python-headless==5.0.0.93 numpy==2.4.6
cd "$folder"
PYTHONPATH="$folder/packages" python3 -S - <<'PYTHON'
import sys
from importlib.metadata import version

import cv2
import numpy as np
from PIL import Image, ImageDraw

SIDE = 256
rows, columns = np.mgrid[:SIDE, :SIDE]
turn = np.linspace(0, 2 * np.pi, 64, endpoint=False)
random = np.random.default_rng(0)


def areas(diameter: int) -> list[float]:
    """Pixels that Pillow and OpenCV fill, and the area of a right mask's contour, by the area of the circle."""
    centre, radius = random.uniform(127, 128, 2), diameter / 2
    x, y = centre[0] + radius * np.cos(turn), centre[1] + radius * np.sin(turn)
    area = (x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2
    image = Image.new("L", (SIDE, SIDE))
    ImageDraw.Draw(image).polygon(list(zip(x.tolist(), y.tolist(), strict=True)), fill=1)
    filled = np.zeros((SIDE, SIDE), np.uint8)
    outline = np.rint(256 * np.stack([x, y], 1)).astype(np.int32)
    cv2.fillPoly(filled, [outline], 1, shift=8)
    mask = np.hypot(columns - centre[0], rows - centre[1]) < radius
    (contour,), _ = cv2.findContours(
        mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE
    )
    return [np.sum(image) / area, np.sum(filled) / area, cv2.contourArea(contour) / area]


NAMES = ("Pillow", "OpenCV", "OpenCV's contour")
seen = {}
for diameter in (10, 20, 40, 200):
    means = np.mean([areas(diameter) for _ in range(200)], axis=0)
    seen[diameter] = dict(zip(NAMES, np.rint(100 * means).astype(int).tolist(), strict=True))

expected = "100 % for each, by diameter"
recorded = {
    10: {"Pillow": 123, "OpenCV": 124, "OpenCV's contour": 82},
    20: {"Pillow": 110, "OpenCV": 110, "OpenCV's contour": 91},
    40: {"Pillow": 103, "OpenCV": 105, "OpenCV's contour": 96},
    200: {"Pillow": 101, "OpenCV": 101, "OpenCV's contour": 99},
}
print("version: ", *(f"{name} {version(name)}" for name in ("pillow", "opencv-python-headless")))
print("expected:", expected)
print("seen:    ", seen)
if seen != recorded:
    sys.exit(f"changed:  {recorded} was recorded")
PYTHON
