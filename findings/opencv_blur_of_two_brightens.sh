#!/usr/bin/env bash
# OpenCV's blur by a kernel of two pixels makes each byte of a grey image a grey value brighter: 200 becomes 201.
#
# Where the kernel has 2, 4, 8 or 16 pixels, half their number and one more is added to a sum of bytes before it is
# divided and rounded down. A noisy image becomes 0.75 of a grey value brighter with two pixels, and 0.38 with four, for
# which that is to round up always. One expects the mean, rounded to the nearest, as with three by three pixels and as
# for uint16: 1 / (2 n) of a grey value is all that rounding halves up may add. It grows with each pass, and `boxFilter`
# does it too. With float32 the mean is right.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --no-deps --target "$folder/packages" \
    opencv-python-headless==5.0.0.93 numpy==2.4.6
cd "$folder"
PYTHONPATH="$folder/packages" python3 -S - <<'PYTHON'
import sys
from importlib.metadata import version

import cv2
import numpy as np

grey = np.full((64, 64), 200, np.uint8)
noisy = np.random.default_rng(0).integers(60, 180, (512, 512)).astype(np.uint8)
KERNELS = ((2, 1), (2, 2), (4, 2), (4, 4), (3, 3))


def brighter(image: np.ndarray, wide: int, high: int, type_: type) -> float:
    """How much OpenCV's mean is above the mean, away from the edges."""
    inner = slice(8, -8)
    blurred = cv2.blur(image.astype(type_), (wide, high)).astype(float)
    exact = np.zeros(image.shape)
    for down in range(high):
        for right in range(wide):  # the anchor of a kernel is at half its size
            exact += np.roll(image.astype(float), (high // 2 - down, wide // 2 - right), (0, 1)) / wide / high
    return round(float(np.mean((blurred - exact)[inner, inner])), 2) + 0.0


seen, expected = {}, {}
for wide, high in KERNELS:
    for type_ in (np.uint8, np.uint16):
        name = f"{wide} x {high} {type_.__name__}"
        seen[name] = [brighter(image, wide, high, type_) for image in (grey, noisy)]
        expected[name] = [0.0, 0.0]

recorded = {
    **expected,
    "2 x 1 uint8": [1.0, 0.75],
    "2 x 2 uint8": [0.0, 0.38],
    "4 x 2 uint8": [0.0, 0.19],
    "4 x 4 uint8": [0.0, 0.09],
}
print("version:  opencv-python-headless", version("opencv-python-headless"))
print("expected:", expected)
print("seen:    ", seen)
if seen != recorded:
    sys.exit(f"changed:  {recorded} was recorded")
PYTHON
