"""Slides and series of pictures as plain files for a static page: deep-zoom tiles, and the frames of a slider."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import openslide
from numpy.typing import NDArray
from PIL import Image

from wsigen.slides.tiles import Tiles, last_level

STILL_PX = 900  # longer side of the picture that stands in for a viewer


def write_zoom(
    slide: str | Path, folder: str | Path, *, tile_px: int = 256, quality: int = 85
) -> Path:
    """Write the tiles of a slide as ``tiles/level/column_row.jpg``, ``slide.json`` and the picture ``still.png``.

    Args:
        slide: a slide with its scale, as :func:`wsigen.slides.pyramid.write_pyramid` writes it.
        folder: where to; made if need be.
        tile_px: side of a tile.
        quality: of the tiles' JPEG.

    Returns:
        The path of the still picture.

    Raises:
        WsigenError: the file is missing or no slide.
    """
    slide, folder = Path(slide), Path(folder)
    tiles = Tiles({slide.name: slide}.__getitem__, tile_px=tile_px, quality=quality)
    height, width = tiles.size(slide.name)
    level = last_level(height, width)
    for down in range(level + 1):
        side = tile_px * 2 ** (level - down)
        into = folder / "tiles" / str(down)
        into.mkdir(parents=True, exist_ok=True)
        for row in range(-(-height // side)):
            for column in range(-(-width // side)):
                tile = tiles.tile(slide.name, f"{down}/{column}_{row}.jpg")
                if tile is not None:
                    (into / f"{column}_{row}.jpg").write_bytes(tile)
    with openslide.open_slide(slide) as opened:
        mpp = float(opened.properties[openslide.PROPERTY_NAME_MPP_X])
        opened.get_thumbnail((STILL_PX, STILL_PX)).save(folder / "still.png")
    about = {"width": width, "height": height, "tile_px": tile_px, "mpp": mpp}
    (folder / "slide.json").write_text(json.dumps(about) + "\n", "utf-8")
    return folder / "still.png"


def write_frames(folder: str | Path, frames: Mapping[str, NDArray[np.uint8]]) -> Path:
    """Write a series of pictures for a slider, and ``frames.json`` that lists them.

    Args:
        folder: where to; made if need be.
        frames: {label: picture, shape (H, W, 3)}, in order.

    Returns:
        The path of the list.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    listed = []
    for number, (label, pixels) in enumerate(frames.items()):
        name = f"{number:03d}.png"
        Image.fromarray(np.asarray(pixels, dtype=np.uint8)).save(folder / name)
        listed.append({"file": name, "label": label})
    (folder / "frames.json").write_text(json.dumps(listed, ensure_ascii=False) + "\n", "utf-8")
    return folder / "frames.json"
