#!/usr/bin/env bash
# albumentations' HEStain changes the colours of a tile by up to 69 grey values when it is told to change no stain.
#
# With "macenko" it estimates the stains of the tile, and takes the columns of what OpenCV's eigen() returns, where the
# eigenvectors are the rows; the stains are then none of the tile's. One expects that a tile of two stains, taken apart
# and put together with scale 1 and shift 0, is itself within rounding. So it is with "vahadane", which can be used
# instead, and with "macenko" once eigen() is turned over. What HEStain is told to change comes on top of this.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --no-deps --target "$folder/packages" \
    albumentations==2.0.8 albucore==0.0.24 opencv-python-headless==5.0.0.93 scipy==1.17.1 numpy==2.4.6 \
    pydantic==2.12.5 pydantic-core==2.41.5 annotated-types==0.8.0 typing-inspection==0.4.5 typing-extensions==4.16.0 \
    pyyaml==6.0.4 stringzilla==5.3.2 simsimd==6.5.16
cd "$folder"
NO_ALBUMENTATIONS_UPDATE=1 PYTHONPATH="$folder/packages" python3 -S - <<'PYTHON'
import sys
from importlib.metadata import version
from unittest.mock import patch

import albumentations
import cv2
import numpy as np
from scipy.ndimage import gaussian_filter

# haematoxylin and eosin as two authors have them: optical densities of red, green and blue
STAINS = {
    "Ruifrok": [[0.644, 0.717, 0.267], [0.093, 0.954, 0.283]],
    "Macenko": [[0.563, 0.720, 0.406], [0.216, 0.801, 0.558]],
}
random = np.random.default_rng(0)
amounts = []
for size, from_, most in ((4, 0.5, 0.5), (12, -0.5, 0.4)):
    smooth = gaussian_filter(random.normal(size=(256, 256)), size)
    amounts.append(most * np.clip(smooth / smooth.std() - from_, 0, None))


def change(image: np.ndarray, method: str) -> dict[str, object]:
    """How HEStain changes an image when it is to change nothing."""
    neutral = {"intensity_scale_range": (1, 1), "intensity_shift_range": (0, 0)}
    stain = albumentations.HEStain(method=method, **neutral, p=1)
    difference = stain(image=image)["image"].astype(float) - image
    means = np.rint(difference.mean((0, 1))).astype(int) + 0
    return {"means": means.tolist(), "most": int(np.abs(difference).max())}


def turned(matrix: np.ndarray, eigen=cv2.eigen) -> tuple[object, np.ndarray, np.ndarray]:
    """OpenCV's eigen with the eigenvectors in columns."""
    found, values, rows = eigen(matrix)
    return found, values, rows.T


seen = {}
for name, vectors in STAINS.items():
    density = np.stack(amounts, -1) @ np.array(vectors)
    image = np.rint(255 * np.exp(-density)).astype(np.uint8)
    seen[name] = {method: change(image, method) for method in ("vahadane", "macenko")}
    with patch("cv2.eigen", turned):
        seen[name]["macenko, turned"] = change(image, "macenko")

same = {"means": [0, 0, 0], "most": 1}
expected = f"{same} for each"
recorded = {
    "Ruifrok": {
        "vahadane": same,
        "macenko": {"means": [-4, 0, 14], "most": 69},
        "macenko, turned": same,
    },
    "Macenko": {
        "vahadane": same,
        "macenko": {"means": [10, -5, 14], "most": 69},
        "macenko, turned": same,
    },
}
print("version:  albumentations", version("albumentations"))
print("expected:", expected)
print("seen:    ", seen)
if seen != recorded:
    sys.exit(f"changed:  {recorded} was recorded")
PYTHON
