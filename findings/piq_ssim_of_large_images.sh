#!/usr/bin/env bash
# piq's SSIM of a noisy image is 0.24 for a crop of 383 pixels, 0.74 for one of 384 and 0.96 for one of 1024.
#
# Images are first made smaller by the whole number nearest to their shorter side / 256, which takes noise away; from 384
# pixels on that is two or more. One expects about one value, whatever the size of the crop. The documentation says that
# this is to match scikit-image, which makes nothing smaller. With `downsample=False` the two agree.
# PyTorch's build for processors is meant: PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --no-deps --target "$folder/packages" \
    piq==0.8.0 scikit-image==0.26.0 scipy==1.17.1 lazy-loader==0.6 packaging==26.3 numpy==2.4.6 \
    torch==2.13.0 filelock==4.2.11 fsspec==2026.9.0 jinja2==3.1.6 markupsafe==3.0.4 mpmath==1.3.0 networkx==3.6.1 \
    sympy==1.14.0 typing-extensions==4.16.0 pillow==13.0.0
cd "$folder"
PYTHONPATH="$folder/packages" python3 -S - <<'PYTHON'
import sys
from importlib.metadata import version
from unittest.mock import MagicMock

import numpy as np
import torch
from scipy.ndimage import gaussian_filter
from skimage.metrics import structural_similarity

# piq imports torchvision for its trained networks, of which none is used here
NAMES = ("torchvision", "torchvision.models", "torchvision.models.utils")
sys.modules |= {name: MagicMock() for name in NAMES}
import piq

random = np.random.default_rng(0)
smooth = gaussian_filter(random.normal(size=(1024, 1024)), 5)
image = np.clip(0.6 + 0.2 * smooth / smooth.std(), 0, 1)
noisy = np.clip(image + random.normal(0, 0.15, image.shape), 0, 1)

seen = {}
for side in (256, 383, 384, 1024):
    crops = [whole[:side, :side] for whole in (image, noisy)]
    tensors = [torch.tensor(crop)[None, None] for crop in crops]
    options = {"gaussian_weights": True, "use_sample_covariance": False}
    values = {
        "piq": piq.ssim(*tensors),
        "without": piq.ssim(*tensors, downsample=False),
        "scikit-image": structural_similarity(*crops, data_range=1, **options),
    }
    seen[side] = {name: round(float(value), 2) for name, value in values.items()}

expected = "0.23 to 0.24 for each"
recorded = {
    256: {"piq": 0.23, "without": 0.23, "scikit-image": 0.23},
    383: {"piq": 0.24, "without": 0.24, "scikit-image": 0.24},
    384: {"piq": 0.74, "without": 0.24, "scikit-image": 0.24},
    1024: {"piq": 0.96, "without": 0.24, "scikit-image": 0.24},
}
print("version: ", *(f"{name} {version(name)}" for name in ("piq", "scikit-image")))
print("expected:", expected)
print("seen:    ", seen)
if seen != recorded:
    sys.exit(f"changed:  {recorded} was recorded")
PYTHON
