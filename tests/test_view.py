"""Slides in the browser: a page asks for many tiles at once, and each is the slide's own."""

import io
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import numpy as np
import openslide
import pytest
from openslide.deepzoom import DeepZoomGenerator
from PIL import Image
from server_kit import PATIENCE_S, error_page

from wsigen.errors import WsigenError
from wsigen.slides import write_pyramid
from wsigen.slides.tiles import Tiles
from wsigen.study.view import view_app

AT_ONCE = 16  # requests of one browser


def noisy(height: int = 700, width: int = 900) -> np.ndarray:
    """Pixels of which no two tiles look alike."""
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def plain(path: Path) -> Path:
    Image.fromarray(noisy()).save(path)
    return path


def tiled(path: Path) -> Path:
    write_pyramid(path, noisy(), 0.5, overwrite=True)
    return path


def one_by_one(path: Path) -> dict[str, np.ndarray]:
    """The tiles of the two finest levels, each read by a slide opened for it alone."""
    with openslide.open_slide(path) as slide:
        deep = DeepZoomGenerator(slide, 256, 0)
        counts = {level: deep.level_tiles[level] for level in range(deep.level_count)[-2:]}
    tiles = {}
    for level, (columns, rows) in counts.items():
        for column, row in [(c, r) for c in range(columns) for r in range(rows)][:AT_ONCE]:
            with openslide.open_slide(path) as slide:
                tile = DeepZoomGenerator(slide, 256, 0).get_tile(level, (column, row))
            written = io.BytesIO()
            tile.save(written, "JPEG", quality=85, subsampling=0)
            tiles[f"{level}/{column}_{row}.jpg"] = np.asarray(Image.open(written))
    return tiles


def all_at_once(path: Path, addresses: list[str]) -> dict[str, np.ndarray]:
    """Tiles that 16 threads, as many as serve requests, ask for together before anything was read."""
    tiles, together = Tiles(lambda name: path), Barrier(AT_ONCE)

    def ask(address: str) -> np.ndarray:
        if address in addresses[:AT_ONCE]:
            together.wait(PATIENCE_S)
        found = tiles.tile("slide", address)
        assert found is not None, address
        return np.asarray(Image.open(io.BytesIO(found)))

    with ThreadPoolExecutor(AT_ONCE) as threads:
        return dict(zip(addresses, threads.map(ask, addresses), strict=True))


def check(path: Path) -> None:
    wanted = one_by_one(path)
    assert len(wanted) >= AT_ONCE
    found = all_at_once(path, list(wanted))
    for address, tile in wanted.items():
        np.testing.assert_array_equal(found[address], tile, err_msg=address)


@pytest.mark.parametrize(
    ("make", "name"),
    [(plain, "a.png"), (plain, "a.jpg"), (plain, "a.tiff"), (tiled, "tiled.tiff")],
    ids=["PNG", "JPEG", "plain TIFF", "tiled TIFF"],
)
def test_sixteen_tiles_asked_for_at_once_are_those_asked_for_one_by_one(tmp_path, make, name):
    for _ in range(3):  # a race need not be lost at once
        check(make(tmp_path / name))


@pytest.mark.real
def test_sixteen_tiles_of_a_dicom_slide_asked_for_at_once_are_those_asked_for_one_by_one(
    real_cohort,
):
    check(real_cohort.parent / "camelyon" / "multi_frame_jpeg_camelyon_challenge_image.dcm")


def test_an_image_that_is_not_whole_is_refused_before_it_is_served(tmp_path):
    data = plain(tmp_path / "whole.png").read_bytes()
    (tmp_path / "half.png").write_bytes(data[: len(data) // 2])
    with pytest.raises(WsigenError, match="cannot be read as a slide"):
        view_app([tmp_path / "half.png"])


def test_an_error_page_names_the_viewer(tmp_path):
    assert error_page(view_app([plain(tmp_path / "a.png")])) == "wsigen view"
