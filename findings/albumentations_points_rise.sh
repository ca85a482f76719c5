#!/usr/bin/env bash
# albumentations' elastic transform moves points up by one pixel, also where it moves no pixel of the image.
#
# Each point is drawn as a cross of five pixels into a mask, the mask is distorted, and the first pixel of that number
# that is found is the new point: the top of the cross. GridDistortion and ThinPlateSpline do so too, by default. One
# expects that a point stays on what it marks, as in a rotation. With `keypoint_remapping_method="direct"` it does where
# nothing moves, and errs by half a pixel in the other two. Each pixel of the image here says from where it came.
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

import albumentations
import numpy as np

SIDE = 512
rows, columns = np.mgrid[:SIDE, :SIDE]
image = np.stack([columns, rows, rows], -1).astype(np.float32) / SIDE
places = np.arange(120, 400, 16)
points = np.stack(np.meshgrid(places, places), -1).reshape(-1, 2)
points += np.random.default_rng(0).integers(-3, 4, points.shape)


def down(transform: albumentations.DualTransform) -> float:
    """How far below what they mark the points are after a transform, in the mean, in pixels of the first image."""
    about = albumentations.KeypointParams("xy", label_fields=["numbers"])
    both = albumentations.Compose([transform], keypoint_params=about, seed=1)
    made = both(image=image, keypoints=points.astype(float), numbers=np.arange(len(points)))
    x, y = np.rint(made["keypoints"]).astype(int).T
    marked = points[np.array(made["numbers"], int), 1]
    return round(float(np.mean(made["image"][y, x, 1] * SIDE - marked)), 1) + 0.0


still = albumentations.ElasticTransform(0, 10, p=1)(image=image)["image"]
seen = {"image of strength 0 is as before": np.array_equal(still, image)}
seen |= {"Rotate": down(albumentations.Rotate((10, 10), p=1))}
for method in ("mask", "direct"):
    options = {"keypoint_remapping_method": method, "p": 1}
    seen[method] = {
        "elastic, of strength 0": down(albumentations.ElasticTransform(0, 10, **options)),
        "elastic": down(albumentations.ElasticTransform(120, 10, **options)),
        "grid": down(albumentations.GridDistortion(**options)),
        "spline": down(albumentations.ThinPlateSpline(**options)),
    }

expected = "True, and 0.0 for each"
recorded = {
    "image of strength 0 is as before": True,
    "Rotate": 0.0,
    "mask": {"elastic, of strength 0": -1.0, "elastic": -1.0, "grid": -0.9, "spline": -0.8},
    "direct": {"elastic, of strength 0": 0.0, "elastic": 0.1, "grid": 0.5, "spline": 0.5},
}
print("version:  albumentations", version("albumentations"))
print("expected:", expected)
print("seen:    ", seen)
if seen != recorded:
    sys.exit(f"changed:  {recorded} was recorded")
PYTHON
