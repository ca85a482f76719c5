#!/usr/bin/env bash
# krippendorff gives two readers an alpha of 0.23 for grades in uint8, and of 0.83 for the same grades in int64.
#
# Grades are subtracted in the type in which they come, and in an unsigned one 1 - 2 is 255. All grades are then about
# as far from each other, and alpha is about the nominal one, without a warning, at the default level "interval"; at
# "ratio" it is worse. One expects that a grade is a number, whatever stores it, as is so for int8 and after
# `.astype(float)`. Label images are uint8, and small tables of grades often are.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --no-deps --target "$folder/packages" \
    krippendorff==0.9.0 numpy==2.4.6
cd "$folder"
PYTHONPATH="$folder/packages" python3 -S - <<'PYTHON'
import sys
from importlib.metadata import version

import krippendorff
import numpy as np

# grades by one reader and the other, and how often
often = {(1, 1): 8, (1, 2): 6, (2, 1): 7, (2, 2): 6, (2, 3): 8, (3, 2): 7, (3, 3): 6, (3, 4): 8, (4, 3): 6, (4, 4): 6}
often |= {(4, 5): 7, (5, 4): 6, (5, 5): 9}
one, other = np.repeat(list(often), list(often.values()), axis=0).T


def exact(level: str) -> float:
    """One less the mean distance of the two grades of a case by that of any two different readings."""
    distances = {
        "nominal": lambda a, b: a != b,
        "interval": lambda a, b: (a - b) ** 2,
        "ratio": lambda a, b: ((a - b) / (a + b)) ** 2,
    }
    distance, readings = distances[level], np.concatenate([one, other]).astype(float)
    any_two = distance(readings[:, None], readings).sum() / (len(readings) * (len(readings) - 1))
    return round(1 - float(np.mean(distance(one, other)) / any_two), 2)


seen, expected = {}, {}
for level in ("nominal", "interval", "ratio"):
    for kind in (np.uint8, np.uint16, np.int8, np.int64):
        grades = np.array([one, other], kind)
        alpha = krippendorff.alpha(grades, level_of_measurement=level)
        seen.setdefault(level, {})[kind.__name__] = round(float(alpha), 2)
        expected.setdefault(level, {})[kind.__name__] = exact(level)

recorded = expected | {
    "interval": {"uint8": 0.23, "uint16": 0.24, "int8": 0.83, "int64": 0.83},
    "ratio": {"uint8": 0.06, "uint16": 0.06, "int8": 0.76, "int64": 0.76},
}
print("version:  krippendorff", version("krippendorff"))
print("expected:", expected)
print("seen:    ", seen)
if seen != recorded:
    sys.exit(f"changed:  {recorded} was recorded")
PYTHON
