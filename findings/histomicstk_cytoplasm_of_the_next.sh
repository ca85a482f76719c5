#!/usr/bin/env bash
# HistomicsTK gives every nucleus after one without cytoplasm the gradients of the next nucleus's cytoplasm.
#
# A nucleus that others touch on all sides, as a watershed leaves them, has no ring of cytoplasm.
# `compute_nuclei_features` leaves it out of the gradients and not of the table, so that all values after it move up by
# one row, and the last is missing. One expects the row of a nucleus to be of that nucleus, as it is for the intensities
# beside them, and nothing in the one row without cytoplasm. Each nucleus here has a cytoplasm with stripes of its own
# contrast, which the mean gradient gives back. Rows are right if every nucleus has a ring, and those of
# `compute_gradient_features`, called for the rings alone, are in the order of the rings that there are.
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
from histomicstk.features import compute_gradient_features, compute_nuclei_features
from histomicstk.segmentation.label import dilate_xor

SIDE, WIDTH = 160, 8
rows, columns = np.indices((SIDE, SIDE))


def labels(crowded: bool) -> np.ndarray:
    """Nine nuclei of 12 x 12 pixels that touch, or stand apart, and four round ones elsewhere."""
    image = np.zeros((SIDE, SIDE), int)
    step = 12 if crowded else 24
    for each in range(9):
        top, left = 10 + step * (each // 3), 10 + step * (each % 3)
        image[top : top + 12, left : left + 12] = each + 1
    for each, (row, column) in enumerate(((120, 30), (120, 75), (120, 120), (40, 130)), 10):
        image[(rows - row) ** 2 + (columns - column) ** 2 <= 6**2] = each
    return image


def gradients(crowded: bool) -> tuple[list[int | None], list[int]]:
    """Mean gradient of each cytoplasm, by the table and alone, as a multiple of the first nucleus's."""
    nuclei = labels(crowded)
    rings = dilate_xor(nuclei, neigh_width=WIDTH)
    contrast = nuclei + dilate_xor(nuclei, neigh_width=WIDTH + 2)  # reaches beyond the rings, which have no edge so
    pixels = 128.0 + 3 * contrast * (columns // 2 % 2 * 2 - 1)  # stripes of two pixels have one gradient everywhere
    table = compute_nuclei_features(
        nuclei, pixels, pixels, cyto_width=WIDTH, fsd_features_flag=False, haralick_features_flag=False
    )
    alone = compute_gradient_features(rings, pixels)  # has a row for each ring that there is
    means = table["Cytoplasm.Gradient.Mag.Mean"] / 3, alone["Gradient.Mag.Mean"] / 3
    return tuple([None if np.isnan(mean) else round(mean) for mean in each] for each in means)


seen = {name: gradients(crowded) for name, crowded in (("apart", False), ("crowded", True))}

every = list(range(1, 14))
expected = {"apart": (every, every), "crowded": ([*every[:4], None, *every[5:]], [*every[:4], *every[5:]])}
recorded = {"apart": (every, every), "crowded": ([*every[:4], *every[5:], None], [*every[:4], *every[5:]])}
print("version:  histomicstk", version("histomicstk"))
print("expected:", expected)
print("seen:    ", seen)
if seen != recorded:
    sys.exit(f"changed:  {recorded} was recorded")
PYTHON
