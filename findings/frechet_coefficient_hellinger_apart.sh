#!/usr/bin/env bash
# frechet-coefficient says that a set of images is as far from itself as can be, by the Hellinger distance.
#
# It adds 1e-7 to the root of a determinant, which for 20 features of spread 0.3 is 3e-11 already: the distance of two
# equal sets is then 1, as it is for the 2048 features of a network if their spread is 0.3. Besides, it divides by an
# eighth where one has to multiply by it, so that a difference of means counts 64 times, and it leaves out the root that
# makes a distance of it. One expects 0 for equal sets, and 0.18 for one feature whose means are half a spread apart,
# which is what integrating the two densities gives. `frechet_distance` of the same package is right. TensorFlow and
# PyTorch are not needed for this, and are replaced by nothing here.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --no-deps --target "$folder/packages" \
    frechet-coefficient==2.0.13 imageio==2.38.1 pillow==13.0.0 scipy==1.17.1 numpy==2.4.6
cd "$folder"
PYTHONPATH="$folder/packages" python3 -S -W ignore - <<'PYTHON'
import sys
from importlib.metadata import version
from types import SimpleNamespace

import numpy as np
from scipy.integrate import quad
from scipy.stats import norm

sys.modules["tensorflow"] = SimpleNamespace()
sys.modules["frechet_coefficient.models_tensorflow"] = SimpleNamespace(PretrainedModelWrapper=object)
from frechet_coefficient import frechet_distance, hellinger_distance  # noqa: E402


def equal(number: int, spread: float) -> float:
    """Distance of a set from itself, of so many independent features."""
    mean, covariance = np.zeros(number), spread**2 * np.eye(number)
    return round(float(hellinger_distance(mean, covariance, mean, covariance)), 2) + 0.0


def apart(shift: float) -> tuple[float, float, float]:
    """The library's Hellinger distance of one feature of spread 1, the true one, and the library's Frechet distance."""
    one = np.eye(1)
    overlap = quad(lambda x: np.sqrt(norm.pdf(x) * norm.pdf(x, shift)), -20, 20)[0]
    theirs = [distance(np.zeros(1), one, np.array([shift]), one) for distance in (hellinger_distance, frechet_distance)]
    return round(float(theirs[0]), 2) + 0.0, round(float(np.sqrt(max(0, 1 - overlap))), 2), round(float(theirs[1]), 2)


seen = {
    "equal": {f"{number} of {spread}": equal(number, spread) for number in (1, 10, 20, 2048) for spread in (0.3, 1)},
    "apart": {shift: apart(shift) for shift in (0, 0.1, 0.25, 0.5, 1, 2)},
}

expected = "0.0 for equal sets; if apart, the second number, and the square of the shift as the third"
recorded = {
    "equal": {
        **{"1 of 0.3": 0.0, "1 of 1": 0.0, "10 of 0.3": 0.02, "10 of 1": 0.0},
        **{"20 of 0.3": 1.0, "20 of 1": 0.0, "2048 of 0.3": 1.0, "2048 of 1": 0.0},
    },
    "apart": {
        **{0: (0.0, 0.0, 0.0), 0.1: (0.08, 0.04, 0.01), 0.25: (0.39, 0.09, 0.06)},
        **{0.5: (0.86, 0.18, 0.25), 1: (1.0, 0.34, 1.0), 2: (1.0, 0.63, 4.0)},
    },
}
print("version:  frechet-coefficient", version("frechet-coefficient"))
print("expected:", expected)
print("seen:    ", seen)
if seen != recorded:
    sys.exit(f"changed:  {recorded} was recorded")
PYTHON
