#!/usr/bin/env bash
# libvips moves an image that it enlarges by half a pixel of the result, to the right and down.
#
# `resize` by 2 puts the middle of a spot half a pixel beyond where it belongs, and so does `resize` by 1.01, which
# makes of a black edge a grey column. For the kernels "linear", "cubic" and "lanczos3" it is the same; "nearest" by 2
# moves nothing, and neither does making smaller, by which slides are downsampled. One expects the outer edges of both
# images in one place, as when it makes smaller: an image made smaller and larger again, as a baseline of
# super-resolution is, lies aside of itself. `affine` with `odx` and `ody` of half of (scale - 1) is right.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --no-deps --target "$folder/packages" \
    pyvips==3.2.0 pyvips-binary==8.18.7 cffi==2.1.1 pycparser==3.12 numpy==2.4.6
cd "$folder"
PYTHONPATH="$folder/packages" python3 -S -W ignore - <<'PYTHON'
import sys
from importlib.metadata import version

import numpy as np
import pyvips

SIDE = 256
places = np.arange(SIDE) + 0.5 - SIDE / 2
spot = np.exp(-(places[:, None] ** 2 + places**2) / 2 / 12**2).astype(np.float32)
image = pyvips.Image.new_from_array(spot)


def aside(result: pyvips.Image, scale: float) -> list[float]:
    """Pixels of the result from where the spot's middle should be to where it is, to the right and down."""
    pixels = result.numpy().astype(float)
    shares = [pixels.sum(axis) / pixels.sum() for axis in (0, 1)]
    return [round(float(share @ (np.arange(len(share)) + 0.5) - scale * SIDE / 2), 1) + 0.0 for share in shares]


SCALES = (0.25, 0.5, 1.01, 1.5, 2, 4)
seen = {
    kernel: {scale: aside(image.resize(scale, kernel=kernel), scale) for scale in SCALES}
    for kernel in ("linear", "cubic", "lanczos3")
}
seen["affine"] = {
    scale: aside(image.affine([scale, 0, 0, scale], odx=(scale - 1) / 2, ody=(scale - 1) / 2), scale)
    for scale in SCALES
    if scale > 1
}

expected = "[0.0, 0.0] everywhere"
still = {scale: [0.0, 0.0] for scale in SCALES}
moved = {scale: [0.5, 0.5] if scale > 1 else [0.0, 0.0] for scale in SCALES}
recorded = {"linear": moved, "cubic": moved, "lanczos3": moved}
recorded["affine"] = {scale: [0.0, 0.0] for scale in SCALES if scale > 1}
print("version:  pyvips-binary", version("pyvips-binary"))
print("expected:", expected)
print("seen:    ", seen)
if seen != recorded:
    sys.exit(f"changed:  {recorded} was recorded")
PYTHON
