#!/usr/bin/env bash
# empatches with mode "avg" is no mean where four patches overlap: the last of them counts half, the first an eighth.
#
# Each patch is averaged with what the ones before it have left, and a pixel that is 0 counts as not yet written. One
# expects the mean over all patches that lie there, as the documentation says, in whatever order they come: the noise of
# four readings at a half, and 0.25 for a probability that one patch of four sees as 1 and three as 0. It is 0.125 if
# the first of them sees it, and 1 if the last does.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --no-deps --target "$folder/packages" \
    empatches==0.2.3 numpy==2.4.6
cd "$folder"
PYTHONPATH="$folder/packages" python3 -S - <<'PYTHON'
import sys
from importlib.metadata import version

import numpy as np
from empatches import EMPatches

SIDE, PATCH = 192, 128
merger = EMPatches()
patches, places = merger.extract_patches(np.zeros((SIDE, SIDE, 1)), patchsize=PATCH, overlap=0.5)
middle = slice(SIDE - PATCH, PATCH)  # all four patches lie there


def merged(parts: list) -> np.ndarray:
    """What is where all four patches lie."""
    return merger.merge_patches(parts, places, mode="avg")[middle, middle]


ones = [[np.full((PATCH, PATCH, 1), 1.0 + (part == one)) for part in range(4)] for one in range(4)]
random = np.random.default_rng(0)
noise = [random.normal(200, 10, (PATCH, PATCH, 1)) for _ in range(4)]
first, last = ([np.full((PATCH, PATCH, 1), float(part == one)) for part in range(4)] for one in (0, 3))
seen = {
    "shares of the four": [round(float(merged(parts).mean()) - 1, 3) for parts in ones],
    "noise": round(float(merged(noise).std()), 1),
    "1, 0, 0, 0": round(float(merged(first).mean()), 3),
    "0, 0, 0, 1": round(float(merged(last).mean()), 3),
}

expected = {"shares of the four": [0.25] * 4, "noise": 5.0, "1, 0, 0, 0": 0.25, "0, 0, 0, 1": 0.25}
recorded = {"shares of the four": [0.125, 0.125, 0.25, 0.5], "noise": 5.8, "1, 0, 0, 0": 0.125, "0, 0, 0, 1": 1.0}
print("version:  empatches", version("empatches"))
print("expected:", expected)
print("seen:    ", seen)
if seen != recorded:
    sys.exit(f"changed:  {recorded} was recorded")
PYTHON
