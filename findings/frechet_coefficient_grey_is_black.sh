#!/usr/bin/env bash
# frechet-coefficient loads every image as black if it is to be loaded as grey.
#
# `load_images(as_gray=True)`, the option `--as_gray` of its command, makes whole numbers of the weights 0.21, 0.72 and
# 0.07, which are 0, because the image is of bytes. Any two sets of images are then the same, and their Frechet distance
# is 0. One expects the grey of the image, as of a float one `rgb2gray` gives, and as an example in its documentation
# shows for bytes. Make the images grey before they are written. TensorFlow and PyTorch are not needed for this, and are
# replaced by nothing here; the features that are compared are the images' mean and spread.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --no-deps --target "$folder/packages" \
    frechet-coefficient==2.0.13 imageio==2.38.1 pillow==13.0.0 numpy==2.4.6
cd "$folder"
PYTHONPATH="$folder/packages" python3 -S -W ignore - <<'PYTHON'
import sys
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from PIL import Image

sys.modules["tensorflow"] = SimpleNamespace()
sys.modules["frechet_coefficient.models_tensorflow"] = SimpleNamespace(PretrainedModelWrapper=object)
from frechet_coefficient import calculate_mean_cov, frechet_distance, load_images  # noqa: E402
from frechet_coefficient.utils import rgb2gray  # noqa: E402

random = np.random.default_rng(0)
COLOURS = {"haematoxylin": (110, 80, 150), "eosin": (230, 150, 190)}
for name, colour in COLOURS.items():
    Path(name).mkdir()
    for each in range(20):
        pixels = np.array(colour) + random.normal(0, 10) + random.uniform(5, 15) * random.standard_normal((64, 64, 1))
        Image.fromarray(np.rint(pixels).clip(0, 255).astype(np.uint8)).save(f"{name}/{each}.png")


def loaded(name: str, grey: bool) -> list[np.ndarray]:
    """A set of images, from 0 to 1: as the library loads it, or in colour and made grey afterwards."""
    images = load_images(name, as_gray=grey)
    return images if grey else [rgb2gray(image) for image in images]


def features(images: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance of the images' means and spreads, in grey values."""
    return calculate_mean_cov(255 * np.array([[image.mean(), image.std()] for image in images]))


seen = {}
for grey in (False, True):
    both = [features(loaded(name, grey)) for name in COLOURS]
    means = {name: round(float(mean[0])) for name, (mean, _) in zip(COLOURS, both, strict=True)}
    seen["as_gray" if grey else "grey later"] = {**means, "Frechet": round(float(frechet_distance(*both[0], *both[1])))}
bytes_of = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255]]], np.uint8)
seen["red, green, blue"] = rgb2gray(bytes_of).tolist(), np.rint(rgb2gray(bytes_of.astype(float))).tolist()

expected = "as_gray the same as grey later, and red, green, blue twice the same"
recorded = {
    "grey later": {"haematoxylin": 92, "eosin": 166, "Frechet": 5538},
    "as_gray": {"haematoxylin": 0, "eosin": 0, "Frechet": 0},
    "red, green, blue": ([[0, 0, 0]], [[54.0, 182.0, 18.0]]),
}
print("version:  frechet-coefficient", version("frechet-coefficient"))
print("expected:", expected)
print("seen:    ", seen)
if seen != recorded:
    sys.exit(f"changed:  {recorded} was recorded")
PYTHON
