"""What was seen is remembered under the content's name, in a cache that is safe to share and to lose."""

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from cohort_kit import section
from PIL import Image

from wsigen.slides import open_slide
from wsigen.slides import slide as slide_module
from wsigen.slides.seen import content_name, keep_tissue, seen_tissue, sweep


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "wsigen"


@pytest.fixture
def image(tmp_path):
    pixels = section(300, 0)
    pixels[:, -40:] = 0
    Image.fromarray(pixels).save(tmp_path / "a.png")
    return tmp_path / "a.png"


def test_a_copy_of_a_slide_was_seen_and_is_not_decoded_again(image, monkeypatch):
    first = open_slide(image, 0.5).look()
    copy = image.with_name("b.png")
    copy.write_bytes(image.read_bytes())
    monkeypatch.setattr(slide_module, "find_tissue", None)  # would fail
    with open_slide(copy, 0.25) as slide:
        again = slide.look()
        assert not slide.loaded
    np.testing.assert_array_equal(again.mask, first.mask)
    np.testing.assert_array_equal(again.filled, first.filled)
    np.testing.assert_array_equal(again.white, first.white)
    assert (again.mpp, again.pen) == (first.mpp / 2, first.pen)  # the scale is the caller's


def test_other_content_was_not_seen(image):
    name = content_name(image)
    image.write_bytes(image.read_bytes() + b"x")
    assert content_name(image) != name


def test_looking_lets_go_of_the_pixels(image):
    with open_slide(image, 0.5) as slide:
        slide.look()
        assert not slide.loaded


@pytest.mark.parametrize("damage", [b"", b"{}\nx", b'{"planes": 1}\nx'])
def test_a_damaged_cache_counts_as_not_seen(image, cache, damage):
    first = open_slide(image, 0.5).look()
    (kept,) = cache.rglob("*.tissue")
    kept.write_bytes(damage)
    assert seen_tissue(content_name(image), 0.5) is None
    np.testing.assert_array_equal(open_slide(image, 0.5).look().mask, first.mask)


def test_a_cache_that_cannot_be_written_stops_nothing(image, cache):
    cache.parent.mkdir()
    cache.write_text("a file where the folder should be")
    assert open_slide(image, 0.5).look().count > 0


def test_many_may_write_at_once(image, cache):
    tissue = open_slide(image, 0.5).look()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: keep_tissue("same", tissue, 0.5), range(64)))
    np.testing.assert_array_equal(seen_tissue("same", 0.5).mask, tissue.mask)
    assert not list(cache.rglob(".*"))


def test_the_oldest_go_when_all_take_too_much(tmp_path):
    for number in range(10):
        path = tmp_path / str(number)
        path.write_bytes(bytes(100))
        os.utime(path, (number, number))
    sweep(tmp_path, 1000)
    assert len(list(tmp_path.iterdir())) == 10
    sweep(tmp_path, 900)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["4", "5", "6", "7", "8", "9"]
