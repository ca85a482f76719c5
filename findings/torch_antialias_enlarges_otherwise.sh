#!/usr/bin/env bash
# PyTorch's `antialias=True` changes a bicubic enlargement, in which there is nothing to alias.
#
# The cubic has the coefficient -0.75 without it and -0.5 with it, as the height of the ring beside an edge shows:
# 0.140625 times the coefficient where the image is doubled. One expects that the option matters where an image is made
# smaller alone; so it does for "bilinear". Pillow has the -0.5. A bicubic baseline of super-resolution is sharper or
# softer by this. PyTorch's build for processors is meant: PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --no-deps --target "$folder/packages" \
    torch==2.13.0 filelock==4.2.11 fsspec==2026.9.0 jinja2==3.1.6 markupsafe==3.0.4 mpmath==1.3.0 networkx==3.6.1 \
    sympy==1.14.0 typing-extensions==4.16.0 numpy==2.4.6 pillow==13.0.0
cd "$folder"
PYTHONPATH="$folder/packages" python3 -S - <<'PYTHON'
import sys
from importlib.metadata import version

import numpy as np
import torch
from PIL import Image
from torch.nn.functional import interpolate

edge = torch.full((1, 1, 64, 64), 50.0)
edge[..., 32:] = 200
flat = edge[0, 0].numpy()
seen = {}
for mode in ("bilinear", "bicubic"):
    filter_ = Image.Resampling[mode.upper()]
    doubled = {
        "without": interpolate(edge, size=(128, 128), mode=mode).numpy(),
        "with": interpolate(edge, size=(128, 128), mode=mode, antialias=True).numpy(),
        "Pillow": np.asarray(Image.fromarray(flat).resize((128, 128), filter_)),
    }
    seen[mode] = {name: round(float(np.max(image)), 1) for name, image in doubled.items()}

expected = "one brightest value for each mode"
recorded = {
    "bilinear": {"without": 200.0, "with": 200.0, "Pillow": 200.0},
    "bicubic": {"without": 215.8, "with": 210.5, "Pillow": 210.5},
}
print("version: ", *(f"{name} {version(name)}" for name in ("torch", "pillow")))
print("expected:", expected)
print("seen:    ", seen)
if seen != recorded:
    sys.exit(f"changed:  {recorded} was recorded")
PYTHON
