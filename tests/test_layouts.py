"""Pixel layouts of TIFFs: read right by every reader of ours, or refused in one line; memory whatever the area."""

import subprocess
import sys

import numpy as np
import openslide
import pytest
import tifffile
from click.testing import CliRunner
from PIL import Image, ImageCms

from wsigen.cli.main import wsigen
from wsigen.errors import WsigenError
from wsigen.slides import open_slide, write_pyramid
from wsigen.slides.slide import whole_downsamples

ROWS, COLUMNS = np.mgrid[:96, :128]
PIXELS = np.stack([ROWS * 2, COLUMNS, (ROWS + COLUMNS) // 2], -1).astype(np.uint8)
SCALE = {"resolution": (20000, 20000), "resolutionunit": "CENTIMETER"}


def tiff(path, pixels, tile=(32, 32), photometric="rgb", metadata=None, **more):
    tifffile.imwrite(
        path, pixels, tile=tile, photometric=photometric, metadata=metadata, **SCALE, **more
    )
    return path


def whole(path):
    with open_slide(path) as slide:
        return slide.read(0, 0, slide.height, slide.width)


def converted(path):
    out = path.with_name("converted.tiff")
    words = ["convert", str(path), str(out), "--quality", "100", "--overwrite"]
    result = CliRunner().invoke(wsigen, words)
    if result.exception:
        raise result.exception
    return whole(out)


@pytest.mark.parametrize("tile", [(32, 32), None])
@pytest.mark.parametrize(
    ("pixels", "options", "expected"),
    [
        (PIXELS, {}, PIXELS),
        (np.moveaxis(PIXELS, -1, 0), {"planarconfig": "separate"}, PIXELS),
        (PIXELS.astype(np.uint16) * 257, {}, PIXELS),
        (PIXELS[..., 0], {"photometric": "minisblack"}, PIXELS[..., [0, 0, 0]]),
        (PIXELS[..., 0], {"photometric": "miniswhite"}, 255 - PIXELS[..., [0, 0, 0]]),
        (
            PIXELS[..., 0].astype(np.uint16) * 257,
            {"photometric": "minisblack"},
            PIXELS[..., [0, 0, 0]],
        ),
    ],
    ids=["rgb", "planes", "deep rgb", "grey", "white is 0", "deep grey"],
)
def test_what_has_one_reading_is_read_so_by_every_verb(tmp_path, pixels, options, expected, tile):
    path = tiff(tmp_path / "a.tif", np.ascontiguousarray(pixels), tile, **options)
    np.testing.assert_array_equal(whole(path), expected)
    assert np.abs(converted(path).astype(int) - expected).max() <= 4


def channels(kind):
    if kind == "H&E in planes":
        return np.ascontiguousarray(np.moveaxis(PIXELS, -1, 0))
    deep = np.moveaxis(PIXELS, -1, 0).astype(np.uint16)
    return np.concatenate([deep * 100, deep[:1] * 7]) if kind == "fluorescence" else deep[:3]


@pytest.mark.parametrize("kind", ["H&E in planes", "fluorescence", "fluorescence like it"])
@pytest.mark.parametrize("tile", [(32, 32), None])
def test_channels_in_pages_are_refused_by_every_verb(tmp_path, kind, tile):
    path = tiff(
        tmp_path / "a.ome.tif",
        channels(kind),
        tile,
        "minisblack",
        {"axes": "CYX", "PhysicalSizeX": 0.5, "PhysicalSizeXUnit": "\u00b5m"},
        ome=True,
    )
    for read in (whole, converted):
        with pytest.raises(WsigenError, match=r"channels in pages \(axes CYX\); expected one"):
            read(path)


@pytest.mark.parametrize("tile", [(32, 32), None])
@pytest.mark.parametrize(
    ("pixels", "options", "said"),
    [
        (np.stack([PIXELS] * 3), {}, "3 images of one size"),
        (PIXELS[..., [0, 1, 2, 0]], {"photometric": "separated"}, "CMYK|SEPARATED"),
        (PIXELS[..., 0].astype(np.float32), {"photometric": "minisblack"}, "float32|are F"),
        (PIXELS[..., [0, 1, 2, 0, 1]], {"extrasamples": (0, 0)}, "5 samples a pixel"),
    ],
    ids=["stack", "ink", "float", "five samples"],
)
def test_what_has_no_one_reading_is_refused_by_every_verb(tmp_path, pixels, options, said, tile):
    path = tiff(tmp_path / "a.tif", np.ascontiguousarray(pixels), tile, **options)
    for read in (whole, converted):
        with pytest.raises(WsigenError, match=said):
            read(path)


def test_a_jpeg_in_ink_colours_is_refused_by_every_verb(tmp_path):
    Image.fromarray(PIXELS).convert("CMYK").save(tmp_path / "a.jpg", dpi=(50800, 50800))
    for read in (whole, converted):
        with pytest.raises(WsigenError, match="its pixels are CMYK, expected RGB"):
            read(tmp_path / "a.jpg")


TURNED = {
    1: PIXELS,
    2: PIXELS[:, ::-1],
    3: PIXELS[::-1, ::-1],
    4: PIXELS[::-1],
    5: PIXELS.swapaxes(0, 1),
    6: np.rot90(PIXELS, -1),
    7: PIXELS[::-1, ::-1].swapaxes(0, 1),
    8: np.rot90(PIXELS),
}


@pytest.mark.parametrize("orientation", sorted(TURNED))
@pytest.mark.parametrize("kind", ["tiled", "plain", "png"])
def test_images_are_seen_upright(tmp_path, orientation, kind):
    if kind == "png":
        exif = Image.Exif()
        exif[274] = orientation
        path = tmp_path / "a.png"
        Image.fromarray(PIXELS).save(path, exif=exif, dpi=(50800, 50800))
    else:
        tile = (32, 32) if kind == "tiled" else None
        tag = [(274, "H", 1, orientation, True)]
        path = tiff(tmp_path / "a.tif", PIXELS, tile, extratags=tag)
    expected = TURNED[orientation]
    np.testing.assert_array_equal(whole(path), expected)
    assert np.abs(converted(path).astype(int) - expected).max() <= 4


def nested(path, side, tile, levels=3):
    """As QuPath and Bio-Formats write: coarser levels as SubIFDs of the first page."""
    about = {"axes": "YXS", "PhysicalSizeX": 0.5, "PhysicalSizeXUnit": "\u00b5m"}
    about |= {"PhysicalSizeY": 0.5, "PhysicalSizeYUnit": "\u00b5m"}
    options = {"dtype": np.uint8, "tile": tile.shape[:2], "photometric": "rgb"}
    options |= {"compression": "zlib"}

    def tiles(length):
        return (tile for _ in range((-(-length // len(tile))) ** 2))

    with tifffile.TiffWriter(path, ome=True) as writer:
        shape = (side, side, 3)
        writer.write(tiles(side), shape=shape, subifds=levels, metadata=about, **options)
        for k in range(1, levels + 1):
            shape = (side >> k, side >> k, 3)
            writer.write(tiles(side >> k), shape=shape, subfiletype=1, **options)
    return path


def test_levels_that_hang_on_a_page_are_used(tmp_path):
    tile = np.full((64, 64, 3), (190, 110, 165), np.uint8)
    path = nested(tmp_path / "a.ome.tif", 515, tile)
    with openslide.OpenSlide(path) as seen:
        assert seen.level_count == 1
    with open_slide(path) as slide:
        assert slide.mpp == pytest.approx(0.5)
        assert slide.levels == [(515, 515), (257, 257), (128, 128), (64, 64)]
        asked = []
        region = slide._region
        slide._region = lambda level, *window: asked.append(level) or region(level, *window)
        window = slide.read(10, 10, 20, 20, 4.0)
        assert asked == [3]
        assert (window == (190, 110, 165)).all()
        beyond = slide.read(-4, 120, 8, 20)
        assert (beyond[:4] == 255).all()


def peak_mb(path):
    code = (
        "import sys\n"
        "from wsigen.cli.main import wsigen\n"
        "wsigen.main(['info', sys.argv[1]], standalone_mode=False)\n"
        # getrusage would begin with the memory of the process that this one was forked from
        "lines = open('/proc/self/status').read().splitlines()\n"
        "print(next(int(line.split()[1]) for line in lines if line.startswith('VmHWM')) / 1024)"
    )
    command = [sys.executable, "-c", code, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    return float(done.stdout.splitlines()[-1])


def test_memory_does_not_grow_with_the_area_of_a_slide_without_levels(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))  # nothing was seen before
    tile = np.full((512, 512, 3), 243, np.uint8)
    tile[100:400, 100:400] = (190, 110, 165)
    peaks = []
    for side in (4096, 8192):
        path = tmp_path / f"{side}.tif"
        tiles = (tile for _ in range((side // 512) ** 2))
        shape = {"shape": (side, side, 3), "dtype": np.uint8}
        tiff(path, tiles, (512, 512), compression="zlib", **shape)
        peaks.append(peak_mb(path))
    assert max(peaks) < 300
    assert peaks[1] < 1.2 * peaks[0]


def test_a_colour_profile_is_kept_where_it_is_one_of_rgb(tmp_path):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    tiff(tmp_path / "tiled.tif", PIXELS, iccprofile=profile)
    Image.fromarray(PIXELS).save(tmp_path / "b.png", icc_profile=profile, dpi=(50800, 50800))
    for name in ("tiled.tif", "b.png"):
        converted(tmp_path / name)
        with tifffile.TiffFile(tmp_path / "converted.tiff") as out:
            assert out.pages[0].tags[34675].value == profile
    grey = profile[:16] + b"GRAY" + profile[20:]
    write_pyramid(tmp_path / "c.tiff", PIXELS, 0.5, icc_profile=grey)
    with tifffile.TiffFile(tmp_path / "c.tiff") as out:
        assert 34675 not in out.pages[0].tags


def test_a_slide_that_was_halved_has_whole_downsamples():
    assert whole_downsamples([(1501, 777), (750, 388), (375, 194), (187, 97)]) == [1, 2, 4, 8]
    assert whole_downsamples([(32914, 46000), (8228, 11500), (2057, 2875)]) == [1, 4, 16]
    assert whole_downsamples([(17, 3000), (8, 1500), (4, 750), (2, 375), (1, 187)]) == [
        1,
        2,
        4,
        8,
        16,
    ]
    assert whole_downsamples([(1000, 1000), (700, 700)]) is None


@pytest.mark.parametrize("zoom", [1, 2.5, 8, 17])
def test_the_centre_of_a_square_lies_where_it_lies_on_level_0_at_every_zoom(tmp_path, zoom):
    side, top, left, size = 2047, 1700, 1800, 160
    pixels = np.full((side, side, 3), 240, np.uint8)
    pixels[top : top + size, left : left + size] = 20
    write_pyramid(tmp_path / "a.tiff", pixels, 0.5, quality=95)
    with open_slide(tmp_path / "a.tiff") as slide:
        if zoom == 17:
            assert len(slide.levels) == 4
        length = int(side / zoom)
        seen = slide.read(0, 0, length, length, 0.5 * zoom)
    dark = 240.0 - seen.mean(axis=2)
    dark[dark < 20] = 0
    places = (np.arange(length) + 0.5) * zoom
    assert (dark.sum(1) @ places) / dark.sum() == pytest.approx(top + size / 2, abs=1)
    assert (dark.sum(0) @ places) / dark.sum() == pytest.approx(left + size / 2, abs=1)
