#!/usr/bin/env bash
# HistomicsTK's texture of a nucleus is that of its bounding box: on a white ground it has nine times the contrast.
#
# `compute_haralick_features` counts the pairs of pixels in the box around each object, and in one more row and column
# below and to the right of it, and never asks which of these are of the object. One expects, as its documentation has
# it, "the region occupied by an object": the same nucleus has the same texture whatever lies around it. The ring of
# cytoplasm that `compute_nuclei_features` measures has the texture of the nucleus in it too. Grey values are also cut
# to whole bytes, so that an image from 0 to 1 has no texture at all. `graycomatrixext` with `im_roi_mask` and
# `exclude_boundary=True` counts right, and so does what is counted by hand here.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --no-deps --target "$folder/packages" \
    histomicstk==1.4.0 large-image==1.35.6 girder-slicer-cli-web==5.0.21 ctk-cli==1.5 cachetools==8.0.2 \
    shapely==2.2.0 pandas==3.1.1 python-dateutil==4.0.0 scikit-image==0.26.0 scipy==1.17.1 numpy==2.4.6 \
    pillow==13.0.0 lazy-loader==0.6 packaging==26.4 typing-extensions==4.16.0 setuptools==84.2.1
cd "$folder"
PYTHONPATH="$folder/packages" python3 -S -W ignore - <<'PYTHON'
import sys
from importlib.metadata import version

import numpy as np
from histomicstk.features import compute_haralick_features, compute_nuclei_features, graycomatrixext

SIDE, LEVELS = 64, 32
OFFSETS = np.array([[0, 1], [1, 0], [1, 1], [1, -1]])
places = np.indices((SIDE, SIDE)) - SIDE / 2 + 0.5
nucleus = (places**2).sum(0) <= 10**2  # 20 pixels wide
texture = 110 + 10 * np.random.default_rng(0).standard_normal((SIDE, SIDE))


def image(ground: int) -> np.ndarray:
    """The nucleus, always the same, on an even ground."""
    return np.rint(np.where(nucleus, texture, ground)).astype(np.uint8)


def library(pixels: np.ndarray) -> float:
    """Contrast of the nucleus, in grey levels squared."""
    return round(float(compute_haralick_features(nucleus.astype(int), pixels)["Haralick.Contrast.Mean"].iloc[0]), 1)


def by_hand(pixels: np.ndarray) -> float:
    """Contrast of the pairs of pixels that both are of the nucleus."""
    levels = np.round(pixels / 255 * (LEVELS - 1))
    contrasts = []
    for down, right in OFFSETS:
        both = nucleus & np.roll(nucleus, (-down, -right), (0, 1))
        contrasts.append(((levels - np.roll(levels, (-down, -right), (0, 1)))[both] ** 2).mean())
    return round(float(np.mean(contrasts)), 1)


def masked(pixels: np.ndarray) -> float:
    """The same of graycomatrixext, told which pixels are of the nucleus."""
    pairs = graycomatrixext(pixels, nucleus, OFFSETS, symmetric=True, normed=True, exclude_boundary=True)
    rows, columns = np.indices((LEVELS, LEVELS))
    return round(float(((rows - columns) ** 2 * pairs.mean(2)).sum()), 1)


def ring(stain: int) -> float:
    """Contrast of even cytoplasm around an even nucleus that is darker by `stain`."""
    pixels = np.where(nucleus, 200 - stain, 200).astype(np.uint8)
    features = compute_nuclei_features(nucleus.astype(int), pixels, pixels, fsd_features_flag=False)
    return round(float(features["Cytoplasm.Haralick.Contrast.Mean"].iloc[0]), 1)


GROUNDS = (240, 200, 110, 30)
seen = {f"on {ground}": (library(image(ground)), masked(image(ground)), by_hand(image(ground))) for ground in GROUNDS}
seen["from 0 to 1"] = library(image(240) / 255)
seen["even cytoplasm"] = {f"nucleus darker by {stain}": ring(stain) for stain in (0, 50, 100)}

expected = "2.8 everywhere, and 0.0 for even cytoplasm"
recorded = {
    "on 240": (26.3, 2.8, 2.8),
    "on 200": (13.4, 2.8, 2.8),
    "on 110": (2.1, 2.8, 2.8),
    "on 30": (10.6, 2.8, 2.8),
    "from 0 to 1": 0.0,
    "even cytoplasm": {"nucleus darker by 0": 0.0, "nucleus darker by 50": 1.3, "nucleus darker by 100": 5.4},
}
print("version:  histomicstk", version("histomicstk"))
print("expected:", expected)
print("seen:    ", seen)
if seen != recorded:
    sys.exit(f"changed:  {recorded} was recorded")
PYTHON
