#!/usr/bin/env bash
# torchmetrics gives an image that is three quarters white a universal quality index of 0.26 with itself.
#
# Where a window is pure white (1.0) the index is 0 / 0, and torchmetrics adds a trifle to the divisor alone, so that it
# counts as 0. One expects 1 for two equal images, as of SSIM, whose constants are added above and below. The spatial
# correlation coefficient says 0 there too. A tile whose background was made white, as masks of tissue leave it, scores
# low for its background alone: compare tissue alone, or use SSIM.
# PyTorch's build for processors is meant: PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --no-deps --target "$folder/packages" \
    torchmetrics==1.9.0 lightning-utilities==0.15.3 packaging==26.3 numpy==2.4.6 \
    torch==2.13.0 filelock==4.2.11 fsspec==2026.9.0 jinja2==3.1.6 markupsafe==3.0.4 mpmath==1.3.0 networkx==3.6.1 \
    sympy==1.14.0 typing-extensions==4.16.0
cd "$folder"
PYTHONPATH="$folder/packages" python3 -S - <<'PYTHON'
import sys
from importlib.metadata import version

import numpy as np
import torch
from torchmetrics.functional import image as metrics

random = np.random.default_rng(0)
tissue = torch.tensor(random.uniform(0, 1, (1, 3, 256, 256)), dtype=torch.float32)
seen = {}
for white in (0, 128, 192, 256):
    image = tissue.clone()
    image[..., 256 - white :] = 1
    values = {
        "UQI": metrics.universal_image_quality_index(image, image),
        "SCC": metrics.spatial_correlation_coefficient(image, image),
        "SSIM": metrics.structural_similarity_index_measure(image, image, data_range=1.0),
    }
    seen[f"{white / 256:.0%}"] = {name: round(float(value), 2) for name, value in values.items()}

expected = "1.0 for each, by how much is white"
recorded = {
    "0%": {"UQI": 1.0, "SCC": 1.0, "SSIM": 1.0},
    "50%": {"UQI": 0.52, "SCC": 0.52, "SSIM": 1.0},
    "75%": {"UQI": 0.26, "SCC": 0.27, "SSIM": 1.0},
    "100%": {"UQI": 0.0, "SCC": 0.0, "SSIM": 1.0},
}
print("version:  torchmetrics", version("torchmetrics"))
print("expected:", expected)
print("seen:    ", seen)
if seen != recorded:
    sys.exit(f"changed:  {recorded} was recorded")
PYTHON
