"""Slides in the browser: a page asks for many tiles at once, and each is the slide's own."""

import io
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import numpy as np
import pytest
from PIL import Image
from server_kit import PATIENCE_S, Direct, error_page

from wsigen.errors import WsigenError
from wsigen.slides import open_slide, write_pyramid
from wsigen.slides.tiles import Tiles, last_level
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
    with open_slide(path, 1.0) as slide:
        height, width = slide.height, slide.width
    tiles = {}
    for halvings in (1, 0):
        level, side = last_level(height, width) - halvings, 256 << halvings
        places = [(c, r) for c in range(-(-width // side)) for r in range(-(-height // side))]
        for column, row in places[:AT_ONCE]:
            tile = Tiles(lambda name: path).tile("slide", address := f"{level}/{column}_{row}.jpg")
            assert tile is not None, address
            tiles[address] = np.asarray(Image.open(io.BytesIO(tile)))
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


@pytest.mark.parametrize("name", ["a.png", "a.tiff"])
def test_the_far_end_of_a_long_low_slide_stays_where_it_is_at_every_level(tmp_path, name):
    """OpenSlide 4.0.1 counts a level of 15 px, of 255 halved, as 17 times smaller, and the end moves (findings/)."""
    pixels = np.full((255, 16384, 3), 250, np.uint8)
    pixels[:, 16000:16064] = 0
    path = tmp_path / name
    if path.suffix == ".png":
        Image.fromarray(pixels).save(path)
    else:
        write_pyramid(path, pixels, 0.5)
    tiles = Tiles(lambda name: path)
    for halvings in range(6):
        level, columns = 14 - halvings, -(-(16384 >> halvings) // 256)
        row = [tiles.tile("slide", f"{level}/{column}_0.jpg") for column in range(columns)]
        assert tiles.tile("slide", f"{level}/{columns}_0.jpg") is None
        shown = np.concatenate(
            [np.asarray(Image.open(io.BytesIO(tile)))[0, :, 0] for tile in row if tile], axis=0
        )
        assert len(shown) == 16384 >> halvings
        dark = np.flatnonzero(shown < 125)
        assert (dark.mean() + 0.5) * 2**halvings == pytest.approx(16032, abs=2**halvings)
    assert tiles.tile("slide", "15/0_0.jpg") is None
    whole = tiles.tile("slide", "0/0_0.jpg")
    assert whole is not None
    assert Image.open(io.BytesIO(whole)).size == (1, 1)


def test_an_image_that_is_not_whole_is_refused_before_it_is_served(tmp_path):
    data = plain(tmp_path / "whole.png").read_bytes()
    (tmp_path / "half.png").write_bytes(data[: len(data) // 2])
    with pytest.raises(WsigenError, match="cannot be read as a slide"):
        view_app([tmp_path / "half.png"])


def test_a_head_is_that_of_the_page_or_tile(tmp_path):
    client = Direct(view_app([plain(tmp_path / "a.png")]))
    found = re.search(r"/tiles/[^/]+/", client.get("/").text)
    assert found is not None
    for path in ("/", f"{found[0]}0/0_0.jpg"):
        assert client.head(path).status_code == client.get(path).status_code == 200
        assert client.head(path).headers == client.get(path).headers


def test_an_error_page_names_the_viewer(tmp_path):
    assert error_page(view_app([plain(tmp_path / "a.png")])) == "wsigen view"
