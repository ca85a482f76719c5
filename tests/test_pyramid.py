"""The pyramid writer: what goes in comes out of three readers, and nothing is left of what failed."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import openslide
import pytest
import pyvips
import tifffile
from scipy.ndimage import gaussian_filter

from wsigen.errors import WsigenError
from wsigen.slides.pyramid import check_output, opens_as_slide, read_description, write_pyramid

SIZES = [(1001, 777), (777, 1001), (512, 1024), (100, 60), (1, 1), (17, 3000)]


def picture(height, width, seed=0):
    """Smooth colours, as JPEG likes them."""
    noise = np.random.default_rng(seed).standard_normal((height, width, 3))
    return np.clip(180 + 600 * gaussian_filter(noise, (6, 6, 0)), 0, 255).astype(np.uint8)


def expected_levels(height, width, tile_px=256):
    sizes = [(height, width)]
    while max(sizes[-1]) > tile_px:
        sizes.append((max(1, sizes[-1][0] // 2), max(1, sizes[-1][1] // 2)))
    return sizes


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_openslide_finds_scale_levels_and_pixels(tmp_path, height, width):
    pixels = picture(height, width)
    write_pyramid(tmp_path / "slide.tiff", pixels, 0.686)
    with openslide.OpenSlide(tmp_path / "slide.tiff") as slide:
        assert float(slide.properties["openslide.mpp-x"]) == pytest.approx(0.686, rel=1e-5)
        assert float(slide.properties["openslide.mpp-y"]) == pytest.approx(0.686, rel=1e-5)
        levels = [(rows, columns) for columns, rows in slide.level_dimensions]
        assert levels == expected_levels(height, width)
        read = np.asarray(slide.read_region((0, 0), 0, (width, height)).convert("RGB"))
        assert np.abs(read.astype(int) - pixels).mean() < 2
        columns, rows = slide.level_dimensions[-1]
        last = np.asarray(slide.read_region((0, 0), len(levels) - 1, (columns, rows)))[..., :3]
        assert np.abs(last.mean((0, 1)) - pixels.mean((0, 1))).max() < 5


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_tifffile_and_libvips_read_the_same_pixels(tmp_path, height, width):
    pixels = picture(height, width)
    write_pyramid(tmp_path / "slide.tiff", pixels, 0.5)
    by_vips = pyvips.Image.new_from_file(tmp_path / "slide.tiff")
    assert (by_vips.height, by_vips.width) == (height, width)
    assert 1000 / by_vips.xres == pytest.approx(0.5, rel=1e-5)
    by_tifffile = tifffile.imread(tmp_path / "slide.tiff")
    assert by_tifffile.shape == pixels.shape
    assert np.abs(by_tifffile.astype(int) - by_vips.numpy()).max() <= 2
    assert np.abs(by_tifffile.astype(int) - pixels).mean() < 2


def test_the_file_is_a_tiled_bigtiff_in_centimetres(tmp_path):
    write_pyramid(tmp_path / "slide.tiff", picture(600, 500), 0.25, tile_px=128)
    with tifffile.TiffFile(tmp_path / "slide.tiff") as tiff:
        assert tiff.is_bigtiff
        assert [page.shape[:2] for page in tiff.pages] == expected_levels(600, 500, 128)
        for page in tiff.pages:
            assert (page.tilewidth, page.tilelength) == (128, 128)
            assert page.compression.name == "JPEG"
        assert tiff.pages[0].tags["ResolutionUnit"].value.name == "CENTIMETER"
        dots, centimetres = tiff.pages[0].tags["XResolution"].value
        assert dots / centimetres == pytest.approx(40000)


@pytest.mark.parametrize(("quality", "subsampled"), [(80, True), (90, False)])
def test_colour_keeps_its_resolution_from_quality_90_on(tmp_path, quality, subsampled):
    stripes = np.full((256, 256, 3), 180, np.uint8)
    stripes[:, ::2] = (230, 120, 190)
    write_pyramid(tmp_path / "slide.tiff", stripes, 0.5, quality=quality)
    read = tifffile.imread(tmp_path / "slide.tiff").astype(int)
    assert (np.abs(read - stripes).mean() > 10) == subsampled


@pytest.mark.parametrize("rows", [1, 7, 256, 5000])
def test_strips_of_any_height_give_the_same_file_as_the_array(tmp_path, rows):
    pixels = picture(701, 300)
    strips = (pixels[top : top + rows] for top in range(0, 701, rows))
    write_pyramid(tmp_path / "strips.tiff", strips, 1.0, height=701, width=300)
    write_pyramid(tmp_path / "array.tiff", pixels, 1.0)
    assert (tmp_path / "strips.tiff").read_bytes() == (tmp_path / "array.tiff").read_bytes()


def test_the_maker_of_strips_may_reuse_its_buffer(tmp_path):
    pixels = picture(2048, 512)
    buffer = np.empty((64, 512, 3), np.uint8)

    def strips():
        for top in range(0, 2048, 64):
            buffer[:] = pixels[top : top + 64]
            yield buffer

    write_pyramid(tmp_path / "strips.tiff", strips(), 1.0, height=2048, width=512)
    write_pyramid(tmp_path / "array.tiff", pixels, 1.0)
    assert (tmp_path / "strips.tiff").read_bytes() == (tmp_path / "array.tiff").read_bytes()


def test_a_memmap_and_a_strided_view_are_written_like_an_array(tmp_path):
    pixels = picture(300, 400)
    mapped = np.memmap(tmp_path / "pixels", np.uint8, "w+", shape=pixels.shape)
    mapped[:] = pixels
    write_pyramid(tmp_path / "mapped.tiff", mapped, 1.0)
    write_pyramid(tmp_path / "view.tiff", np.repeat(pixels, 2, axis=1)[:, ::2], 1.0)
    write_pyramid(tmp_path / "array.tiff", pixels, 1.0)
    assert (tmp_path / "mapped.tiff").read_bytes() == (tmp_path / "array.tiff").read_bytes()
    assert (tmp_path / "view.tiff").read_bytes() == (tmp_path / "array.tiff").read_bytes()


def test_a_description_comes_back_as_it_went_in(tmp_path):
    description = {"SYNTHETIC": True, "seed": 3, "plan": {"r": [28, 40]}, "by": "Müller <&>"}
    write_pyramid(tmp_path / "slide.tiff", picture(300, 300), 1.0, description=description)
    assert read_description(tmp_path / "slide.tiff") == description
    assert opens_as_slide(tmp_path / "slide.tiff")


def test_a_slide_without_json_has_no_description(tmp_path):
    write_pyramid(tmp_path / "slide.tiff", picture(300, 300), 1.0)
    assert read_description(tmp_path / "slide.tiff") is None


def test_a_file_that_is_no_slide_has_no_description_to_read(tmp_path):
    (tmp_path / "note.txt").write_text("hello")
    assert not opens_as_slide(tmp_path / "note.txt")
    assert not opens_as_slide(tmp_path / "nothing.tiff")
    with pytest.raises(WsigenError, match="OpenSlide can read"):
        read_description(tmp_path / "note.txt")


def test_memory_does_not_grow_with_the_image(tmp_path):
    """The peak of a process that writes 300 MB of rows lies far below 300 MB above its start."""
    code = """
import resource, sys
import numpy as np
from wsigen.slides.pyramid import write_pyramid
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
strip = np.full((256, 4096, 3), 200, np.uint8)
write_pyramid(sys.argv[1] + "/warm.tiff", strip, 1.0)
before = peak()
strips = (strip for _ in range(96))
write_pyramid(sys.argv[1] + "/slide.tiff", strips, 1.0, height=256 * 96, width=4096)
print(peak() - before)
"""
    command = [sys.executable, "-c", code, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert float(done.stdout) < 100


@pytest.mark.parametrize(
    ("strips", "message"),
    [
        ([(100, 50)], "expected 200 rows, found 100"),
        ([(100, 50), (101, 50)], "expected 200 rows, found at least 201"),
        ([(100, 50), (100, 49)], r"expected uint8 strips \(rows, 50, 3\).*at row 100"),
    ],
)
def test_strips_that_do_not_fit_are_an_error_and_leave_nothing(tmp_path, strips, message):
    pixels = (np.zeros((rows, columns, 3), np.uint8) for rows, columns in strips)
    with pytest.raises(WsigenError, match=message):
        write_pyramid(tmp_path / "slide.tiff", pixels, 1.0, height=200, width=50)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError, WsigenError])
def test_an_interrupted_stream_leaves_nothing_and_keeps_its_error(tmp_path, error):
    def strips():
        yield picture(600, 500)
        raise error("enough")

    with pytest.raises(error, match="enough"):
        write_pyramid(tmp_path / "slide.tiff", strips(), 1.0, height=4000, width=500)
    assert list(tmp_path.iterdir()) == []


def test_an_existing_file_is_kept_unless_told_otherwise(tmp_path):
    path = tmp_path / "slide.tiff"
    path.write_text("precious")
    with pytest.raises(WsigenError, match="--overwrite"):
        write_pyramid(path, picture(50, 50), 1.0)
    with pytest.raises(WsigenError, match="--overwrite"):
        check_output(path)
    with pytest.raises(WsigenError, match="expected 60 rows"):
        write_pyramid(path, [picture(50, 50)], 1.0, height=60, width=50, overwrite=True)
    assert path.read_text() == "precious"
    write_pyramid(path, picture(50, 50), 1.0, overwrite=True)
    assert opens_as_slide(path)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("pixels", "options", "message"),
    [
        (np.zeros((5, 5), np.uint8), {}, "height, width, 3"),
        (np.zeros((5, 5, 3), np.float32), {}, "uint8"),
        (np.zeros((5, 5, 3), np.uint8), {"height": 6}, "height, width, 3"),
        (np.zeros((0, 5, 3), np.uint8), {}, "at least one pixel"),
        ([np.zeros((5, 5, 3), np.uint8)], {}, "give height and width"),
        (np.zeros((5, 5, 3), np.uint8), {"tile_px": 100}, "multiple of 16"),
        (np.zeros((5, 5, 3), np.uint8), {"quality": 0}, "quality 1 to 100"),
        (np.zeros((5, 5, 3), np.uint8), {"mpp": -1}, "mpp is a positive"),
        (np.zeros((5, 5, 3), np.uint8), {"mpp": float("nan")}, "mpp is a positive"),
    ],
)
def test_impossible_arguments_are_refused(tmp_path, pixels, options, message):
    with pytest.raises(WsigenError, match=message):
        write_pyramid(tmp_path / "slide.tiff", pixels, **({"mpp": 1.0} | options))
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder_and_a_folder_as_output_are_refused(tmp_path):
    with pytest.raises(WsigenError, match="does not exist"):
        write_pyramid(tmp_path / "no" / "slide.tiff", picture(50, 50), 1.0)
    with pytest.raises(WsigenError, match="is a folder"):
        write_pyramid(tmp_path, picture(50, 50), 1.0, overwrite=True)


def full_disk(monkeypatch):
    """A disk that takes 100 kB and no more, as libvips tells of it."""

    def tiffsave(image, name, **options):
        Path(name).write_bytes(bytes(100_000))
        image.crop(0, 0, image.width, image.height // 2).avg()
        reason = (
            f"{name}: write error\nsystem error: {os.strerror(28)}\nwbuffer_write: write failed"
        )
        raise pyvips.Error("unable to call tiffsave", reason)

    monkeypatch.setattr(pyvips.Image, "tiffsave", tiffsave, raising=False)


def test_a_full_disk_says_what_is_needed_and_leaves_nothing(tmp_path, monkeypatch):
    full_disk(monkeypatch)
    with pytest.raises(
        WsigenError, match=r"disk is full: .* needs at least about .* MB, and .* MB in"
    ):
        write_pyramid(tmp_path / "slide.tiff", picture(3000, 500), 1.0)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("height", "width"), [(1001, 777), (512, 1024)])
def test_each_page_carries_its_own_resolution(tmp_path, height, width):
    write_pyramid(tmp_path / "slide.tiff", picture(height, width), 0.686)
    with tifffile.TiffFile(tmp_path / "slide.tiff") as tiff:
        for level, page in enumerate(tiff.pages):
            for name in ("XResolution", "YResolution"):
                dots, centimetres = page.tags[name].value
                assert 10000 * centimetres / dots == pytest.approx(0.686 * 2**level, rel=1e-5)


def test_tiffslide_and_zarr_read_scale_levels_and_pixels(tmp_path):
    import tiffslide
    import zarr

    pixels = picture(1001, 777)
    write_pyramid(tmp_path / "slide.tiff", pixels, 0.686)
    with tiffslide.TiffSlide(tmp_path / "slide.tiff") as slide:
        assert slide.properties["tiffslide.mpp-x"] == pytest.approx(0.686, rel=1e-5)
        assert [size[::-1] for size in slide.level_dimensions] == expected_levels(1001, 777)
        window = np.asarray(slide.read_region((100, 200), 0, (50, 60)))
    assert np.abs(window[..., :3].astype(int) - pixels[200:260, 100:150]).mean() < 2
    store = tifffile.imread(tmp_path / "slide.tiff", aszarr=True, level=1)
    level = np.asarray(zarr.open(store, mode="r"))
    assert level.shape == (500, 388, 3)
    assert np.abs(level[100:130, 50:75].astype(int) - pixels[200:260:2, 100:150:2]).mean() < 8
