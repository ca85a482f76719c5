#!/usr/bin/env bash
# image-similarity-measures finds the same noise worse in an image of stronger contrast, and no 8-bit image like itself.
#
# `fsim` takes the gradients as unsigned 16-bit numbers: falling ones are cut to 0, and the squares of the others are
# left modulo 65 536, which a step of 16 grey values already reaches. One expects the index to rise with contrast where
# the noise stays, as it does with the same gradients in floating point. `issm` looks for edges in a sixteenth of the
# grey value, where an 8-bit image has none, and is 0 for every such image and itself; one expects 1, as it is for the
# same image in 12 bits. For `psnr` and `ssim` one can tell the number of bits, for `issm` not: hand it 16 times the
# image, and use another package for `fsim`.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --no-deps --target "$folder/packages" \
    image-similarity-measures==0.3.6 phasepack==1.5 opencv-python-headless==4.11.0.86 scikit-image==0.20.0 \
    scipy==1.11.4 numpy==1.26.4 pillow==13.0.0 lazy-loader==0.6 packaging==26.4
cd "$folder"
PYTHONPATH="$folder/packages" python3 -S -W ignore - <<'PYTHON'
import sys
from importlib.metadata import version
from unittest.mock import patch

import numpy as np
from image_similarity_measures.quality_metrics import fsim, issm
from scipy import ndimage

SIDE = 128
random = np.random.default_rng(0)
smooth = ndimage.gaussian_filter(random.standard_normal((SIDE, SIDE)), 2)
smooth /= smooth.std()
noise = random.standard_normal((SIDE, SIDE))


def float_gradient(image: np.ndarray, depth: int) -> np.ndarray:
    """Scharr's gradient magnitude in floating point."""
    across = np.array([[-3.0, 0, 3], [-10, 0, 10], [-3, 0, 3]])
    return np.hypot(*(ndimage.correlate(image.astype(float), each, mode="mirror") for each in (across, across.T)))


def indices(contrast: float) -> tuple[float, ...]:
    """FSIM of an image and it with noise of one grey value, by both gradients; ISSM with itself in 8 and 12 bits."""
    image = 140 + contrast * smooth
    both = [np.rint(each).clip(0, 255).astype(np.uint8)[..., None] for each in (image, image + noise)]
    with patch("image_similarity_measures.quality_metrics._gradient_magnitude", float_gradient):
        right = fsim(*both)
    itself = [issm(each, each) for each in (both[0], 16 * both[0].astype(np.uint16))]
    return tuple(round(float(each), 3) for each in (fsim(*both), right, *itself))


seen = {contrast: indices(contrast) for contrast in (20, 30, 40)}

expected = "the second number as the first, and 1.0 as the third and fourth"
recorded = {20: (0.933, 0.994, 0.0, 1.0), 30: (0.924, 0.997, 0.0, 1.0), 40: (0.916, 0.997, 0.0, 1.0)}
print("version:  image-similarity-measures", version("image-similarity-measures"))
print("expected:", expected)
print("seen:    ", seen)
if seen != recorded:
    sys.exit(f"changed:  {recorded} was recorded")
PYTHON
