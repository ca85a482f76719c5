"""How large a pixel is: read wherever it stands, doubted where no microscope can have said it."""

import numpy as np
import pytest
import tifffile
from PIL import Image

from wsigen.errors import WsigenError
from wsigen.slides import open_slide, write_pyramid
from wsigen.slides.scale import Stated, doubt
from wsigen.slides.tiff import um_of_unit

PIXELS = np.full((64, 64, 3), 200, np.uint8)


def tiff(path, resolution=None, unit=None, tile=(32, 32), **more):
    tifffile.imwrite(
        path,
        PIXELS,
        tile=tile,
        photometric="rgb",
        resolution=resolution,
        resolutionunit=unit,
        metadata=more.pop("metadata", None),
        **more,
    )
    return path


def svs(path, tail):
    head = "Aperio Image Library v11.2.1\r\n64x64 [0,0 64x64] (32x32) JPEG/RGB Q=70"
    return tiff(path, description=head + tail, software=False)


def mpp(path):
    with open_slide(path) as slide:
        return slide.mpp


def refusal(path):
    with pytest.raises(WsigenError) as error:
        open_slide(path)
    return str(error.value)


@pytest.mark.parametrize(
    ("size", "unit"), [(0.25, "\u00b5m"), (0.25, "\u03bcm"), (250, "nm"), (2.5e-4, "mm")]
)
def test_a_length_in_ome_xml_is_a_scale_whatever_its_unit(tmp_path, size, unit):
    about = {"axes": "YXS", "PhysicalSizeX": size, "PhysicalSizeXUnit": unit}
    about |= {"PhysicalSizeY": size, "PhysicalSizeYUnit": unit}
    for tile in ((32, 32), None):  # as OpenSlide opens it, and as a plain image
        path = tiff(tmp_path / "a.ome.tif", metadata=about, ome=True, tile=tile)
        assert mpp(path) == pytest.approx(0.25)


@pytest.mark.parametrize("unit", ["pixel", None])
def test_a_size_in_pixels_or_without_a_unit_is_no_scale_and_is_named(tmp_path, unit):
    about = {"axes": "YXS", "PhysicalSizeX": 1.5, "PhysicalSizeY": 1.5}
    about |= {"PhysicalSizeXUnit": unit, "PhysicalSizeYUnit": unit} if unit else {}
    said = refusal(tiff(tmp_path / "a.ome.tif", metadata=about, ome=True))
    assert f"1.5 {unit or 'without a unit'} (OME-XML), which is not believed" in said


def test_resolution_tags_stand_in_where_the_ome_xml_gives_no_length(tmp_path):
    about = {"axes": "YXS", "PhysicalSizeX": 1, "PhysicalSizeXUnit": "pixel"}
    about |= {"PhysicalSizeY": 1, "PhysicalSizeYUnit": "pixel"}
    path = tiff(tmp_path / "a.ome.tif", (20000, 20000), "CENTIMETER", metadata=about, ome=True)
    assert mpp(path) == pytest.approx(0.5)


@pytest.mark.parametrize(("unit", "expected"), [("um", 0.5), ("micron", 0.5), ("\\u00B5m", 0.5)])
def test_imagej_says_pixels_per_unit(tmp_path, unit, expected):
    tifffile.imwrite(
        tmp_path / "a.tif",
        PIXELS,
        imagej=True,
        resolution=(2, 2),
        metadata={"unit": unit, "axes": "YXS"},
    )
    assert mpp(tmp_path / "a.tif") == pytest.approx(expected)


@pytest.mark.parametrize("tile", [(32, 32), None])
@pytest.mark.parametrize(("unit", "dots"), [("CENTIMETER", 20000), ("INCH", 50800)])
def test_resolution_tags_are_read_from_tiled_and_plain_tiffs(tmp_path, tile, unit, dots):
    assert mpp(tiff(tmp_path / "a.tif", (dots, dots), unit, tile)) == pytest.approx(0.5)


def test_png_and_jpeg_say_their_resolution_or_nothing(tmp_path):
    image = Image.fromarray(PIXELS)
    image.save(tmp_path / "fine.png", dpi=(50800, 50800))
    assert mpp(tmp_path / "fine.png") == pytest.approx(0.5, rel=1e-4)
    image.save(tmp_path / "fine.jpg", dpi=(50800, 50800))
    assert mpp(tmp_path / "fine.jpg") == pytest.approx(0.5, rel=1e-4)
    image.save(tmp_path / "print.jpg", dpi=(72, 72))
    assert "352.778 um/px (72 dpi of the image)" in refusal(tmp_path / "print.jpg")
    for name in ("none.png", "none.jpg"):  # Pillow itself would say 72 dpi of the JPEG
        image.save(tmp_path / name)
        assert "the file does not say its micrometres per pixel" in refusal(tmp_path / name)


@pytest.mark.parametrize(
    ("resolution", "unit", "named"),
    [
        ((72, 72), "INCH", "352.778 um/px"),
        (((4294967295, 1),) * 2, "CENTIMETER", "2.32831e-06 um/px"),
        (((1, 1),) * 2, "CENTIMETER", "10000 um/px"),
        ((40000, 20000), "CENTIMETER", "0.25 across and 0.5 down um/px"),
        (((0, 1),) * 2, "CENTIMETER", "inf um/px"),
    ],
)
def test_what_no_microscope_says_is_named_and_not_believed(tmp_path, resolution, unit, named):
    for tile in ((32, 32), None):
        said = refusal(tiff(tmp_path / "a.tif", resolution, unit, tile))
        assert f"it says {named} (TIFF resolution), which is not believed" in said
        assert "give it with --mpp" in said
        assert open_slide(tmp_path / "a.tif", 0.5).mpp == 0.5


def test_scanners_that_measure_both_sides_are_believed(tmp_path):
    path = tiff(tmp_path / "a.tif", (41231.2, 41212.1), "CENTIMETER")
    assert mpp(path) == pytest.approx(0.24259, abs=1e-5)


@pytest.mark.parametrize("number", ["0", "-1"])
def test_an_svs_of_zero_or_less_has_no_scale(tmp_path, number):
    said = refusal(svs(tmp_path / "a.svs", f"|AppMag = 20|MPP = {number}"))
    assert f"{number} um/px (as aperio writes it), which is not believed" in said


def test_a_magnification_alone_hints_at_the_usual_scale(tmp_path):
    said = refusal(svs(tmp_path / "a.svs", "|AppMag = 40"))
    assert "does not say its micrometres per pixel; its magnification is 40x" in said
    assert "0.25 um/px is usual; give it with --mpp (such as --mpp 0.25)" in said


def test_a_slide_longer_than_glass_is_not_believed():
    assert doubt(Stated(0.5, 0.5, ""), 100_000, 400_000) == ""
    assert "that makes it 250 mm long" in doubt(Stated(0.5, 0.5, ""), 500_000, 100)


def test_an_overview_that_wsigen_wrote_is_believed_by_its_own_word(tmp_path):
    write_pyramid(tmp_path / "overview.tiff", PIXELS, 150.0)
    assert mpp(tmp_path / "overview.tiff") == pytest.approx(150.0)
    write_pyramid(tmp_path / "told.tiff", PIXELS, 150.0, description={"mpp": 0.5})
    assert "150 um/px" in refusal(tmp_path / "told.tiff")  # the two do not agree


@pytest.mark.parametrize("given", [1e-9, 0, -0.5, float("nan"), float("inf"), 1e4])
def test_nobody_can_give_a_scale_that_no_file_can_keep(tmp_path, given):
    Image.fromarray(PIXELS).save(tmp_path / "a.png")
    with pytest.raises(WsigenError, match=r"from 0\.001 to 1000"):
        open_slide(tmp_path / "a.png", given)
    with pytest.raises(WsigenError, match=r"from 0\.001 to 1000"):
        write_pyramid(tmp_path / "a.tiff", PIXELS, given)


def test_units_of_length_are_known_by_many_spellings_and_pixels_are_none():
    assert um_of_unit(" \u00b5m ") == um_of_unit("UM") == um_of_unit("micron") == 1
    assert um_of_unit("nm") == pytest.approx(1e-3)
    assert um_of_unit("pixel") is None
    assert um_of_unit("") is None


def test_what_a_format_demands_may_be_coarser_than_a_scan():
    assert doubt(Stated(28.9, 28.9, "", confirmed=True), 1000, 1000) == ""
    assert "0.02 to 20 um/px" in doubt(Stated(28.9, 28.9, ""), 1000, 1000)
    assert doubt(Stated(0, 0, "", confirmed=True), 1000, 1000) != ""
