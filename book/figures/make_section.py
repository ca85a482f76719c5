"""Draw the section of the first page: tiles for its viewer, and what passes and what fails in it.

    python book/figures/make_section.py [SLIDE.tiff]

writes the folder section/ and section.jpg beside this script, and make_section.json, which says what made them. The
slide is what ``wsigen generate SLIDE.tiff`` makes with OPTIONS; where none is given, it is made, in some minutes.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import openslide
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image
from saving import save

from wsigen.plots.tissue import Panel, side_by_side
from wsigen.zoom.pages import write_zoom

OPTIONS = ("--width-mm", "4", "--height-mm", "3", "--mpp", "1.4", "--seed", "4")
TILE_PX, QUALITY = 512, 40  # every clone carries the tiles
PANEL_PX = 360
TOP, LEFT = 0.4, 0.75  # the middle of what is shown from near, from 0 to 1
FOLDER = Path(__file__).with_name("section")


def far_and_near(pixels: NDArray[np.uint8]) -> Figure:
    """The first page: one section, from afar as it should be, from near as it should not."""
    height, width = pixels.shape[:2]
    whole = np.full((width, width, 3), 245, np.uint8)
    top = (width - height) // 2
    whole[top : top + height] = pixels
    return side_by_side(
        [
            Panel(resized(whole), "4 mm: a section,\nlobes and clefts, one stain"),
            Panel(square(pixels, 720), "1 mm: denser and paler parts,\nclefts, an edge"),
            Panel(
                square(pixels, 180),
                "broken: 0.25 mm, nuclei,\nbut no gland, no vessel",
                "broken",
            ),
        ]
    )


def square(pixels: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """A square of ``side`` pixels round the place from near."""
    top, left = round(TOP * len(pixels) - side / 2), round(LEFT * pixels.shape[1] - side / 2)
    return resized(pixels[top : top + side, left : left + side])


def resized(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A square at the size of a panel: averaged, or its pixels repeated."""
    way = Image.Resampling.BOX if len(pixels) > PANEL_PX else Image.Resampling.NEAREST
    return np.asarray(Image.fromarray(pixels).resize((PANEL_PX, PANEL_PX), way))


def tiled(slide: Path) -> None:
    """The folder of the viewer, with a still picture that is small."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    still = write_zoom(slide, FOLDER, tile_px=TILE_PX, quality=QUALITY)
    with Image.open(still) as picture:
        picture.convert("RGB").save(still.with_suffix(".jpg"), quality=QUALITY)
    still.unlink()


def draw(slide: Path) -> None:
    """Tiles, figure and note from a slide."""
    with openslide.open_slide(slide) as opened:
        said: dict[str, Any] = json.loads(opened.properties["tiff.ImageDescription"])
        pixels = np.asarray(opened.read_region((0, 0), 0, opened.dimensions).convert("RGB"))
    told = {name: said[name] for name in ("model", "model_sha256", "seed", "mpp", "plan")}
    command = f"wsigen generate SLIDE.tiff {' '.join(OPTIONS)}"
    save(
        __file__,
        {"section": lambda: far_and_near(pixels)},
        dpi=96,
        tissue=True,
        slide=command,
        **told,
    )
    tiled(slide)


def main() -> None:
    """Draw from the slide that is given, or from one made here."""
    if len(sys.argv) > 1:
        draw(Path(sys.argv[1]))
        return
    with tempfile.TemporaryDirectory() as folder:
        slide = Path(folder) / "section.tiff"
        subprocess.run(
            [sys.executable, "-m", "wsigen", "generate", str(slide), *OPTIONS], check=True
        )
        draw(slide)


if __name__ == "__main__":
    main()
