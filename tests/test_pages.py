"""Tiles and frames for static pages."""

import json
from pathlib import Path

import numpy as np
from PIL import Image

from wsigen.slides import write_pyramid
from wsigen.zoom.pages import write_frames, write_zoom


def test_tiles_make_up_the_slide_at_every_level(tmp_path: Path) -> None:
    height, width, side = 300, 520, 128
    rows, columns = np.mgrid[:height, :width]
    pixels = np.stack([rows // 2, columns // 3, 0 * rows + 90], axis=-1).astype(np.uint8)
    write_pyramid(tmp_path / "slide.tiff", pixels, 0.5, height=height, width=width)

    still = write_zoom(tmp_path / "slide.tiff", tmp_path / "zoom", tile_px=side)

    about = json.loads((tmp_path / "zoom" / "slide.json").read_text())
    assert about == {"width": width, "height": height, "tile_px": side, "mpp": 0.5}
    last = 10  # 2**10 is the first power of two that holds 520
    tiles = tmp_path / "zoom" / "tiles"
    assert {int(folder.name) for folder in tiles.iterdir()} == set(range(last + 1))
    whole = np.zeros_like(pixels)
    for row in range(3):
        for column in range(5):
            tile = np.asarray(Image.open(tiles / str(last) / f"{column}_{row}.jpg"))
            top, left = row * side, column * side
            whole[top : top + tile.shape[0], left : left + tile.shape[1]] = tile
    assert np.abs(whole.astype(int) - pixels).mean() < 2, "JPEG loses little of a smooth picture"
    assert [path.name for path in (tiles / "0").iterdir()] == ["0_0.jpg"]
    assert Image.open(still).size == (width, height)


def test_frames_are_listed_in_order_and_come_back(tmp_path: Path) -> None:
    frames = {f"N = {n}": np.full((4, 6, 3), n, np.uint8) for n in (40, 5, 10)}
    listed = json.loads(write_frames(tmp_path / "frames", frames).read_text())
    assert [frame["label"] for frame in listed] == list(frames)
    for frame, pixels in zip(listed, frames.values(), strict=True):
        kept = np.asarray(Image.open(tmp_path / "frames" / frame["file"]))
        np.testing.assert_array_equal(kept, pixels)
