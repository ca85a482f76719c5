#!/usr/bin/env bash
# MONAI's maximum mean discrepancy is 0 for images and their mean: a generator that makes one grey image is perfect.
#
# It takes the product of two images as its kernel, and with that it compares the mean images alone; "usually a Gaussian
# or Laplace filter", as `y_mapping` is documented, blurs the images and is no kernel. One expects what the paper is
# about that it names: about 0 only if the sets are alike, as with a Gaussian kernel, and more the less alike they are.
# Waves of random directions as `y_mapping`, as below, make a Gaussian kernel of the product.
# PyTorch's build for processors is meant: PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --no-deps --target "$folder/packages" \
    monai==1.5.2 numpy==2.4.6 torch==2.13.0 filelock==4.2.11 fsspec==2026.9.0 jinja2==3.1.6 markupsafe==3.0.4 \
    mpmath==1.3.0 networkx==3.6.1 sympy==1.14.0 typing-extensions==4.16.0
cd "$folder"
PYTHONPATH="$folder/packages" python3 -S -W ignore - <<'PYTHON'
import sys
from importlib.metadata import version

import torch
from monai.metrics import MMDMetric
from monai.networks.layers import GaussianFilter

SIDE, NUMBER, WIDTH = 16, 500, 1.6
torch.manual_seed(0)
DIRECTIONS, PHASES = torch.randn(SIDE**2, 4000), 6.2832 * torch.rand(4000)


def images(contrast: float, mean: float = 0.5) -> torch.Tensor:
    """Noisy images, smooth over some pixels."""
    noise = GaussianFilter(2, 1.0)(torch.randn(NUMBER, 1, SIDE, SIDE))
    return mean + contrast * noise / noise.std()


def gaussian_kernel(x: torch.Tensor, y: torch.Tensor) -> float:
    """The same unbiased estimate with a Gaussian kernel of the width WIDTH."""
    both = torch.cat([x, y]).flatten(1).double()
    kernel = torch.exp(-(torch.cdist(both, both) ** 2) / 2 / WIDTH**2)
    n = len(x)
    within = [(part.sum() - part.trace()) / n / (n - 1) for part in (kernel[:n, :n], kernel[n:, n:])]
    return float(sum(within) - 2 * kernel[:n, n:].mean())


def waves(x: torch.Tensor) -> torch.Tensor:
    """Random waves over the space of images, whose products are near the kernel above."""
    return torch.cos(x.flatten(1) @ DIRECTIONS / WIDTH + PHASES) * (2 / len(PHASES)) ** 0.5


real = images(0.1)
KINDS = {
    "other real ones": images(0.1),
    "their mean, with little noise": images(0.001),
    "half the contrast": images(0.05),
    "twice the contrast": images(0.2),
    "brighter by 0.05": images(0.1, 0.55),
}
METRICS = {
    "MONAI": MMDMetric(),
    "blurred": MMDMetric(y_mapping=GaussianFilter(2, 1.0)),
    "waves": MMDMetric(y_mapping=waves),
    "Gaussian kernel": gaussian_kernel,
}
seen = {
    name: {each: round(float(metric(real, other)), 2) + 0.0 for each, metric in METRICS.items()}
    for name, other in KINDS.items()
}

expected = "0 for other real ones, and more for the others"
every = ("MONAI", "blurred", "waves", "Gaussian kernel")
recorded = {
    name: dict(zip(every, values, strict=True))
    for name, values in {
        "other real ones": (0.0, 0.0, 0.0, 0.0),
        "their mean, with little noise": (0.0, 0.0, 0.16, 0.16),
        "half the contrast": (0.0, 0.0, 0.08, 0.08),
        "twice the contrast": (0.0, 0.0, 0.21, 0.21),
        "brighter by 0.05": (0.62, 0.51, 0.08, 0.08),
    }.items()
}
print("version:  monai", version("monai"))
print("expected:", expected)
print("seen:    ", seen)
if seen != recorded:
    sys.exit(f"changed:  {recorded} was recorded")
PYTHON
