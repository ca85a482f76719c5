#!/usr/bin/env bash
# color-transfer makes a pale image paler, and one with too much contrast stronger still.
#
# It is to give an image the mean and the deviation of another one's L*, a* and b*, as Reinhard's normalisation of
# stains does, but it multiplies by the image's own deviation over the other one's, which is the wrong way round: half
# the contrast becomes a quarter and not the whole. The means are right to within a grey value, and so is all where both
# have one contrast, so that a look at two similar slides tells nothing. One expects the deviation of the reference.
# There is no option for it: scale what comes out about its mean in L*a*b*, or use another library.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --no-deps --target "$folder/packages" \
    color-transfer==0.1 opencv-python-headless==5.0.0.93 numpy==2.4.6
cd "$folder"
PYTHONPATH="$folder/packages" python3 -S -W ignore - <<'PYTHON'
import sys
from importlib.metadata import version

import cv2
import numpy as np
from color_transfer import color_transfer

noise = np.random.default_rng(0).standard_normal((256, 256, 3))


def image(mean: float, contrast: float) -> np.ndarray:
    """A noisy image, pink as eosin."""
    pink = np.array([mean + 40, mean, mean + 60]) + contrast * noise  # as OpenCV has it, from blue to red
    return np.rint(pink).clip(0, 255).astype(np.uint8)


def statistics(pixels: np.ndarray) -> tuple[list[int], list[int]]:
    """Means and deviations of L*, a* and b*, as OpenCV has them in bytes."""
    values = cv2.cvtColor(pixels, cv2.COLOR_BGR2LAB).reshape(-1, 3).astype(float)
    return [round(float(mean)) for mean in values.mean(0)], [round(float(each)) for each in values.std(0)]


reference = image(120, 12)
seen = {
    f"contrast {contrast}": statistics(color_transfer(reference, image(140, contrast))) for contrast in (3, 6, 12, 18)
}

expected = dict.fromkeys(seen, statistics(reference))
recorded = {
    "contrast 3": ([147, 157, 116], [1, 1, 0]),
    "contrast 6": ([147, 157, 116], [2, 2, 2]),
    "contrast 12": ([147, 157, 116], [8, 8, 7]),
    "contrast 18": ([147, 157, 116], [17, 18, 17]),
}
print("version:  color-transfer", version("color-transfer"))
print("expected:", expected)
print("seen:    ", seen)
if seen != recorded:
    sys.exit(f"changed:  {recorded} was recorded")
PYTHON
