#!/usr/bin/env bash
# deeptile stitches an image with black corners and dark sides, if tiles of 512 pixels overlap by a half.
#
# Where tiles overlap they are blended with weights that fall off towards the sides of a tile, and what was added up is
# divided by the weights plus 1e-7. At the sides of the image lies one tile alone, whose weights cancel out, but in the
# corners of a large tile they are less than 1e-7. One expects the pixels that the tiles have. An image of bytes also
# loses a grey value nearly everywhere, since what is 199.99998 is rounded down, with the default overlap of a tenth
# too. With `blend=False` both are right.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --no-deps --target "$folder/packages" \
    deeptile==2.0.10 dask==2026.8.0 toolz==1.2.0 cloudpickle==3.1.3 fsspec==2026.9.0 importlib-metadata==8.7.0 \
    zipp==4.1.2 pyyaml==6.0.4 partd==1.4.2 locket==1.0.0 click==8.5.1 packaging==26.4 numpy==2.4.6
cd "$folder"
PYTHONPATH="$folder/packages" python3 -S -W ignore - <<'PYTHON'
import sys
from importlib.metadata import version

import deeptile
import numpy as np
from deeptile.extensions.stitch import stitch_image

GREY = 200


def stitched(kind: type, side: int, tile: int, overlap: float, **options) -> dict[str, float]:
    """What becomes of a grey image that is cut into tiles and stitched."""
    image = np.full((side, side), GREY, kind)
    tiles = deeptile.load(image).get_tiles(tile_size=(tile, tile), overlap=(overlap, overlap))
    pixels = np.asarray(stitch_image(tiles, **options)).astype(float)
    return {
        "corner": round(float(pixels[0, 0])),
        "top row": round(float(pixels[0].mean())),
        "middle": round(float(pixels[side // 4 : -side // 4, side // 4 : -side // 4].mean())),
        "10 too dark, %": round(100 * float((pixels < GREY - 10).mean()), 1),
    }


cases = {"512 by a tenth": (1024, 512, 0.1), "512 by a half": (1024, 512, 0.5), "1024 by a quarter": (2048, 1024, 0.25)}
seen = {}
for name, case in cases.items():
    seen[f"{name}, uint8"] = stitched(np.uint8, *case)
    seen[f"{name}, float32"] = stitched(np.float32, *case)
seen["512 by a half, uint8, not blended"] = stitched(np.uint8, *cases["512 by a half"], blend=False)

expected = {"corner": GREY, "top row": GREY, "middle": GREY, "10 too dark, %": 0.0}
recorded = {
    "512 by a tenth, uint8": {"corner": 199, "top row": 199, "middle": 199, "10 too dark, %": 0.0},
    "512 by a tenth, float32": {"corner": 200, "top row": 200, "middle": 200, "10 too dark, %": 0.0},
    "512 by a half, uint8": {"corner": 0, "top row": 157, "middle": 199, "10 too dark, %": 3.0},
    "512 by a half, float32": {"corner": 0, "top row": 158, "middle": 200, "10 too dark, %": 3.0},
    "1024 by a quarter, uint8": {"corner": 0, "top row": 184, "middle": 199, "10 too dark, %": 0.2},
    "1024 by a quarter, float32": {"corner": 0, "top row": 184, "middle": 200, "10 too dark, %": 0.2},
    "512 by a half, uint8, not blended": {"corner": 200, "top row": 200, "middle": 200, "10 too dark, %": 0.0},
}
print("version:  deeptile", version("deeptile"))
print("expected:", expected, "for each")
print("seen:    ", seen)
if seen != recorded:
    sys.exit(f"changed:  {recorded} was recorded")
PYTHON
