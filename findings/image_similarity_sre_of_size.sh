#!/usr/bin/env bash
# image-similarity-measures finds an error 28 dB smaller than it is in 128 pixels, and 37 dB in 1024.
#
# `sre`, the signal to reconstruction error ratio, divides the square of the mean by the error, which is not squared,
# over the number of pixels and not over its root. It so rises by 3 dB where the image is twice as wide and high, an
# error ten times smaller counts 10 dB and not 20, and another unit changes it. One expects the ratio of the paper that
# it comes from, which is that of the squared mean and the mean squared error: 29.5 dB for an error of 5 grey values in
# an image of mean 150. `psnr` of the same package is right.
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

import numpy as np
from image_similarity_measures.quality_metrics import psnr, sre


def ratios(side: int, error: float, unit: float = 1.0) -> tuple[float, float, float]:
    """The library's ratio and the true one, and the library's peak signal to noise ratio, in dB."""
    random = np.random.default_rng(0)
    image = 150 + 20 * random.standard_normal((side, side, 1))
    other = image + error * random.choice([-1, 1], image.shape)
    true = 10 * np.log10(image.mean() ** 2 / np.mean((image - other) ** 2))
    measured = sre(unit * image, unit * other), true, psnr(unit * image, unit * other, 255 * unit)
    return tuple(round(float(each), 1) for each in measured)


seen = {
    **{f"{side} px wide": ratios(side, 5) for side in (128, 256, 512, 1024)},
    "a tenth of the error": ratios(256, 0.5),
    "from 0 to 1": ratios(256, 5, 1 / 255),
}

expected = "the second number as the first"
recorded = {
    "128 px wide": (57.6, 29.5, 34.2),
    "256 px wide": (60.6, 29.5, 34.2),
    "512 px wide": (63.6, 29.5, 34.2),
    "1024 px wide": (66.6, 29.5, 34.2),
    "a tenth of the error": (70.6, 49.5, 54.2),
    "from 0 to 1": (36.6, 29.5, 34.2),
}
print("version:  image-similarity-measures", version("image-similarity-measures"))
print("expected:", expected)
print("seen:    ", seen)
if seen != recorded:
    sys.exit(f"changed:  {recorded} was recorded")
PYTHON
