import shutil

import numpy as np
import pytest
from PIL import Image

from wsigen.errors import WsigenError
from wsigen.slides import open_slide, write_pyramid
from wsigen.slides.reader import ImageSlide
from wsigen.slides.tissue import BACKGROUND, tissue_mask, white_point, whiten


@pytest.fixture
def pixels():
    """Smooth colours, 300 x 500 px, that JPEG keeps."""
    rows, columns = np.mgrid[:300, :500]
    channels = [rows * 255 / 300, columns * 255 / 500, (rows + columns) % 256 * 0 + 128]
    return np.stack(channels, axis=-1).astype(np.uint8)


def block_means(pixels: np.ndarray, factor: int) -> np.ndarray:
    height, width = (side // factor * factor for side in pixels.shape[:2])
    blocks = pixels[:height, :width].reshape(height // factor, factor, width // factor, factor, 3)
    return blocks.mean(axis=(1, 3))


NOISE = np.random.default_rng(0).integers(0, 256, (300, 500, 3), np.uint8)


@pytest.mark.parametrize("factor", [1, 2, 4, 8])
def test_a_pixel_is_the_mean_of_the_tissue_under_it(factor):
    slide = ImageSlide(Image.fromarray(NOISE), mpp=0.5)
    window = slide.read(0, 0, 296 // factor, 496 // factor, 0.5 * factor)
    # a level is rounded to whole grey values before it is averaged again
    np.testing.assert_allclose(window, block_means(NOISE[:296, :496], factor), atol=2)


def test_between_levels_a_pixel_counts_by_the_part_of_it_that_lies_within():
    slide = ImageSlide(Image.fromarray(NOISE), mpp=0.5)
    window = slide.read(1.0, 0, 100, 200, 0.5 * 1.5)
    halves = NOISE.repeat(2, 0).repeat(2, 1)  # 1.5 pixels are 3 halves
    expected = block_means(halves[3 : 3 + 300, :600], 3)
    np.testing.assert_allclose(window, expected, atol=0.51)


def test_a_window_at_a_coarse_scale_lies_where_it_lies_at_a_fine_one(pixels):
    slide = ImageSlide(Image.fromarray(pixels), mpp=0.5)
    window = slide.read(10, 20, 30, 40, 1.3)
    rows = (10 + np.arange(30) + 0.5) * 2.6 * 255 / 300
    columns = (20 + np.arange(40) + 0.5) * 2.6 * 255 / 500
    np.testing.assert_allclose(window[:, 0, 0], rows, atol=2)
    np.testing.assert_allclose(window[0, :, 1], columns, atol=2)


@pytest.mark.parametrize("mpp", [0.5, 0.8, 2.0])
def test_openslide_and_plain_images_give_the_same_windows(tmp_path, pixels, mpp):
    write_pyramid(tmp_path / "slide.tiff", pixels, 0.5, quality=98)
    plain = ImageSlide(Image.fromarray(pixels), mpp=0.5)
    with open_slide(tmp_path / "slide.tiff") as slide:
        assert slide.mpp == pytest.approx(0.5, rel=1e-4)
        assert (slide.height, slide.width) == (300, 500)
        windows = [s.read(7, 11, 40, 50, mpp).astype(float) for s in (slide, plain)]
    assert np.abs(windows[0] - windows[1]).mean() < 2


def test_beyond_the_slide_it_is_white(pixels):
    slide = ImageSlide(Image.fromarray(pixels), mpp=0.5)
    window = slide.read(-10, -10, 20, 20)
    assert (window[:10] == 255).all()
    assert (window[:, :10] == 255).all()
    np.testing.assert_array_equal(window[10:, 10:], pixels[:10, :10])


def test_transparent_is_white(tmp_path):
    Image.new("RGBA", (64, 64), (200, 0, 0, 0)).save(tmp_path / "clear.png")
    assert (open_slide(tmp_path / "clear.png", 1.0).read(0, 0, 64, 64) == 255).all()


def test_a_finer_scale_than_the_slides_own_is_refused(pixels):
    slide = ImageSlide(Image.fromarray(pixels), mpp=0.5)
    with pytest.raises(WsigenError, match=r"asked for 0.25 um/px, but the slide has 0.5"):
        slide.read(0, 0, 10, 10, 0.25)


def test_a_slide_without_mpp_says_how_to_supply_it(tmp_path, pixels):
    Image.fromarray(pixels).save(tmp_path / "plain.png")
    with pytest.raises(WsigenError, match="give it with --mpp, or in the mpp column"):
        open_slide(tmp_path / "plain.png")


@pytest.mark.parametrize("kind", ["text", "empty", "truncated png", "truncated tiff"])
def test_what_is_no_slide_is_an_error_in_one_line(tmp_path, pixels, kind):
    path = tmp_path / "broken"
    if kind == "text":
        path.write_text("not a slide")
    elif kind == "empty":
        path.touch()
    elif kind == "truncated png":
        Image.fromarray(np.random.default_rng(0).integers(0, 256, (99, 99, 3), np.uint8)).save(
            tmp_path / "whole.png"
        )
        path = tmp_path / "broken.png"
        path.write_bytes((tmp_path / "whole.png").read_bytes()[:5000])
    else:
        write_pyramid(tmp_path / "whole.tiff", pixels, 0.5)
        shutil.copy(tmp_path / "whole.tiff", tmp_path / "broken.tiff")
        path = tmp_path / "broken.tiff"
        with path.open("r+b") as file:
            file.truncate(path.stat().st_size // 2)
    with pytest.raises(WsigenError) as error:
        open_slide(path, 0.5).read(0, 0, 64, 64)
    assert "\n" not in str(error.value)
    assert str(path) in str(error.value)
    with pytest.raises(WsigenError, match="no such file"):
        open_slide(tmp_path / "missing.svs")


def glass_with_tissue(white: int = 230) -> np.ndarray:
    image = np.full((200, 200, 3), white, np.uint8)
    image[60:140, 50:150] = (150, 90, 160)
    noise = np.random.default_rng(0).integers(-3, 4, image.shape)
    return (image + noise).clip(0, 255).astype(np.uint8)


def test_tissue_is_found_on_any_white():
    truth = np.zeros((200, 200), bool)
    truth[60:140, 50:150] = True
    for white in (205, 230, 250):
        mask = tissue_mask(glass_with_tissue(white))
        assert (mask == truth).mean() > 0.97


def test_whitening_brings_the_empty_slide_to_one_grey():
    image = glass_with_tissue(222)
    white = white_point(image)
    assert np.abs(white - 222).max() <= 1
    assert np.median(whiten(image, white)[:40]) == pytest.approx(BACKGROUND, abs=1)


def test_an_image_that_is_all_tissue_has_no_white_point_and_keeps_its_colours():
    field = np.random.default_rng(0).integers(60, 200, (100, 100, 3), np.uint8)
    assert white_point(field) is None
    assert whiten(field, None) is field


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.tif", "grey.jpg"])
def test_the_overview_of_a_large_image_passes_by_and_is_that_of_the_image_in_memory(
    tmp_path, monkeypatch, name
):
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (1301, 2003, 3), np.uint8))
    image = image.convert("L") if name == "grey.jpg" else image
    image.save(tmp_path / name)
    whole = ImageSlide(Image.open(tmp_path / name), 0.5)
    monkeypatch.setattr("wsigen.slides.reader.LARGE_PX", 1 << 20)
    for longest in (150, 333, 900):
        with open_slide(tmp_path / name, 0.5) as slide:
            pixels, mpp = slide.overview(longest)
            assert not slide.loaded
        expected, expected_mpp = whole.overview(longest)
        assert mpp == expected_mpp
        np.testing.assert_array_equal(pixels, expected)
