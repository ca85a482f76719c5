import subprocess
import sys
import textwrap
import zipfile
from pathlib import Path

import numpy as np
import pytest
from cohort_kit import section
from PIL import Image

from wsigen.cohorts.cohort import read_cohort
from wsigen.cohorts.cut import cut
from wsigen.cohorts.pack import write_pack
from wsigen.cohorts.packed import Pack
from wsigen.cohorts.patches import PatchSampler, open_sources
from wsigen.errors import WsigenError
from wsigen.slides import open_slide, write_pyramid

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """A JPEG, two transparent PNGs, a field, and a pyramid whose levels are no whole halves."""
    folder = tmp_path_factory.mktemp("cohort")
    Image.fromarray(section(700, 0)).save(folder / "a.jpg", quality=85)
    for seed, name in ((1, "b.png"), (4, "d.png")):
        Image.fromarray(section(300, seed)).convert("RGBA").save(folder / name)
    Image.fromarray(section(900, 2)[180:380, 180:380]).save(folder / "field.png")
    write_pyramid(folder / "c.tiff", section(1501, 3), 0.5)
    rows = [
        "a.jpg,p1,1.0,train,own,CC0-1.0",
        "b.png,p2,2.0,train,own,CC0-1.0",
        "field.png,p3,0.5,train,own,",
    ]
    rows += ["c.tiff,p4,,train,own,", "d.png,p5,2.0,test,own,"]
    (folder / "cohort.csv").write_text("\n".join(["path,case,mpp,split,cohort,licence", *rows]))
    return folder / "cohort.csv"


@pytest.fixture(scope="module")
def packed(table):
    out = table.parent.parent / f"{table.parent.name}.pack"
    steps = list(write_pack(read_cohort(table), out))
    assert [step.done for step in steps] == [1, 2, 3, 4, 5]
    return out


def patches(cohort, count=120):
    sampler = PatchSampler(open_sources(read_cohort(cohort)), 64, (0.5, 20.0))
    return sampler, [sampler.patch(n) for n in range(count)]


def test_patches_from_the_pack_are_those_from_the_slides_to_the_last_bit(table, packed):
    sampler, expected = patches(table)
    levels = {source.slide.path.name: len(source.slide.levels) for source in sampler.sources}
    assert levels["c.tiff"] > 2
    repacked, found = patches(packed)
    assert repacked.mpp_range == sampler.mpp_range
    for (a, mpp_a), (b, mpp_b) in zip(expected, found, strict=True):
        assert mpp_a == mpp_b
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("mpp", [0.5, 1.1, 2.3, 7.0])
def test_every_window_is_the_same_also_across_the_edges_of_a_slide(table, packed, mpp):
    slides = [read_cohort(source)[3].open() for source in (table, packed)]
    for top, left in ((-50, -20), (3.3, 250.7), (1501 * 0.5 / mpp - 60, 100), (130, 2000)):
        one, two = (slide.read(top, left, 90, 110, mpp) for slide in slides)
        np.testing.assert_array_equal(one, two)


def test_a_pack_keeps_what_the_cohort_says_and_where_tissue_lies(table, packed):
    before, after = read_cohort(table), read_cohort(packed, exclude=["case-002"])
    assert [e.case for e in after] == ["case-001", "case-003", "case-004", "case-005"]
    assert [e.split for e in after] == ["train", "train", "train", "test"]
    assert (after[0].licence, after[0].cohort, after[2].mpp) == (
        "CC0-1.0",
        "own",
        pytest.approx(0.5),
    )
    for one, two in zip(open_sources(before), open_sources(read_cohort(packed)), strict=True):
        np.testing.assert_array_equal(one.mask, two.mask)
        assert one.mask_mpp == two.mask_mpp
        assert (one.white is None) == (two.white is None)
        assert one.white is None or (one.white == two.white).all()


def test_the_same_cohort_gives_the_same_bytes(table, packed, tmp_path):
    list(write_pack(read_cohort(table), tmp_path / "again.pack"))
    assert (tmp_path / "again.pack").read_bytes() == packed.read_bytes()


def test_a_lossy_pack_is_smaller_close_in_tissue_and_flat_glass_elsewhere(table, packed, tmp_path):
    out = tmp_path / "lossy.pack"
    entries = [entry for entry in read_cohort(table) if entry.case == "p4"]
    list(write_pack(entries, out, quality=90))
    assert out.stat().st_size < 0.25 * len(b"".join(section(1501, 3)))
    slide, lossy = entries[0].open(), read_cohort(out)[0].open()
    one, two = (s.read(300, 300, 300, 300).astype(float) for s in (slide, lossy))
    assert not np.array_equal(one, two)
    assert np.abs(one - two).mean() < 6  # of noise with a standard deviation of 5.5
    far = lossy.read(1300, 1300, 100, 100)
    assert (far == lossy.tissue.white.round()).all()
    assert np.abs(far - slide.read(1300, 1300, 100, 100).mean((0, 1))).max() < 4
    assert (lossy.read(1490, 0, 20, 20)[11:] == 255).all()  # beyond the slide


def test_a_cut_pack_keeps_of_each_slide_few_pixels_and_all_scales(table, tmp_path):
    entries = read_cohort(table)
    list(write_pack(entries, tmp_path / "cut.pack", quality=90, cut_px=200, mpp_min=0.6))
    parts = read_cohort(tmp_path / "cut.pack")
    for number, entry in enumerate(entries):
        slide = entry.open()
        mine = [part.open() for part in parts if part.path.stem == f"{number:03d}"]
        side = np.sqrt(slide.height * slide.width) * slide.mpp / max(slide.mpp, 0.6)
        kept = sum(part.height * part.width for part in mine)
        assert 0.9 * min(200 * side, side**2) < kept <= min(200 * side, side**2)
        assert len(mine) == (1 if side <= 200 else 2)
        own = max(slide.mpp, 0.6)
        assert min(part.mpp for part in mine) == pytest.approx(own)
        coarse = mine[0].read(0, 0, 20, 20, slide.height * slide.mpp / 20)
        expected = slide.read(0, 0, 20, 20, slide.height * slide.mpp / 20)
        assert np.abs(coarse.astype(float) - expected)[:19, :19].mean() < 4


def test_the_square_of_a_cut_slide_shows_tissue_where_its_mask_says_and_the_slides_glass(
    table, tmp_path
):
    entry = read_cohort(table)[3]
    list(write_pack([entry], tmp_path / "cut.pack", quality=95, cut_px=200))
    whole, square = (part.open() for part in read_cohort(tmp_path / "cut.pack"))
    slide = entry.open()
    assert square.mpp == slide.mpp
    assert (
        square.tissue.count / square.tissue.mask.size > whole.tissue.count / whole.tissue.mask.size
    )
    assert (square.tissue.white == slide.look().white).all()
    part = cut(slide, 0, 200)[1]
    expected = slide.read(part.top, part.left, part.height, part.width).astype(float)
    assert np.abs(square.read(0, 0, part.height, part.width) - expected).mean() < 5


def test_a_cut_pack_needs_a_quality(table, tmp_path):
    with pytest.raises(WsigenError, match="choose a quality"):
        next(write_pack(read_cohort(table), tmp_path / "cut.pack", cut_px=100))


def test_levels_that_training_does_not_touch_are_left_out_and_say_so(table, packed, tmp_path):
    out = tmp_path / "coarse.pack"
    entries = [entry for entry in read_cohort(table) if entry.case == "p4"]
    list(write_pack(entries, out, mpp_min=1.2))
    assert out.stat().st_size < 0.5 * packed.stat().st_size
    slide, coarse = entries[0].open(), read_cohort(out)[0].open()
    for mpp in (1.2, 3.0):
        np.testing.assert_array_equal(slide.read(9, 9, 64, 64, mpp), coarse.read(9, 9, 64, 64, mpp))
    with pytest.raises(WsigenError, match=r"packed for 1.2 um/px .* train with --mpp-min 1.2"):
        coarse.read(9, 9, 64, 64, 0.6)


def test_plain_images_are_decoded_when_first_read_or_loaded(packed):
    sampler = PatchSampler(open_sources(read_cohort(packed)), 64)
    image = sampler.sources[0].slide
    assert "_images" not in vars(image)
    sampler.load()
    assert "_images" in vars(image)


@pytest.mark.parametrize("kind", ["truncated", "damaged", "foreign", "other format"])
def test_a_file_that_is_no_whole_pack_is_a_clear_error(packed, tmp_path, kind):
    path = tmp_path / "broken.pack"
    content = bytearray(packed.read_bytes())
    if kind == "truncated":
        content = content[: len(content) // 2]
    elif kind == "damaged":
        content[200:5000] = bytes(4800)
    elif kind == "other format":
        content = content.replace(b"wsigen-pack-1", b"wsigen-pack-9")
    path.write_bytes(content)
    if kind == "foreign":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("holiday.jpg", b"")
    with pytest.raises(WsigenError, match=r"copy or pack it again|expected wsigen-pack-1"):
        Pack(path).open(0)


def test_a_pack_is_not_written_over_nor_from_a_pack_nor_half(table, packed, tmp_path):
    entries = read_cohort(table)
    with pytest.raises(WsigenError, match="use --overwrite"):
        next(write_pack(entries, packed))
    with pytest.raises(WsigenError, match="is a pack already"):
        next(write_pack(read_cohort(packed), tmp_path / "two.pack"))
    steps = write_pack(entries, tmp_path / "half.pack")
    next(steps)
    steps.close()
    assert list(tmp_path.iterdir()) == []


def test_training_from_a_pack_needs_no_openslide_libvips_or_scipy(packed, tmp_path):
    """As on a machine with numpy, Pillow, torch and safetensors: the whole command, with imports blocked."""
    script = textwrap.dedent(
        """
        import sys
        BLOCKED = ("openslide", "pyvips", "scipy", "skimage", "sklearn", "httpx")
        sys.modules.update(dict.fromkeys(BLOCKED))  # importing one of them is an ImportError
        from wsigen.cli.main import main
        main()
        """
    )
    options = ["--preset", "tiny", "--patch-px", "16", "--batch-size", "8", "--images", "32"]
    command = [sys.executable, "-c", script, "train", str(tmp_path / "run")]
    command += ["--cohort", str(packed), *options, "--workers", "1"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "run" / "model.safetensors").is_file()


def test_a_level_pixel_is_the_same_from_whichever_window_it_is_read(table):
    with open_slide(table.parent / "c.tiff") as slide:
        whole = np.asarray(slide._region(1, 0, 0, 500, 500))
        for top, left in ((1, 2), (100, 133), (250, 255)):
            part = np.asarray(slide._region(1, top, left, 60, 70))
            np.testing.assert_array_equal(part, whole[top : top + 60, left : left + 70])


def test_training_a_told_network_from_a_pack_needs_no_openslide_libvips_or_scipy(packed, tmp_path):
    script = textwrap.dedent(
        """
        import sys
        from pathlib import Path
        BLOCKED = ("openslide", "pyvips", "scipy", "skimage", "sklearn", "httpx", "matplotlib")
        sys.modules.update(dict.fromkeys(BLOCKED))
        from wsigen.cohorts.cohort import read_cohort
        from wsigen.training.config import preset
        from wsigen.training.run import drawn_patches
        drawer = drawn_patches(preset("told"), read_cohort(Path(sys.argv[1])), "cpu")
        assert drawer.draw(range(300)).clean.shape == (300, 3, 64, 64)
        """
    )
    command = [sys.executable, "-c", script, str(packed)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr


@pytest.mark.real
def test_small_files_of_the_real_cohort_give_the_same_patches_packed(real_cohort, tmp_path):
    every = sorted(read_cohort(real_cohort), key=lambda entry: entry.path.stat().st_size)
    entries = [
        next(entry for entry in every if entry.path.suffix == suffix and entry.split == "train")
        for suffix in (".jpg", ".png", ".dcm")
    ]
    list(write_pack(entries, tmp_path / "real.pack"))
    samplers = [
        PatchSampler(open_sources(cohort), 64)
        for cohort in (entries, read_cohort(tmp_path / "real.pack"))
    ]  # a camera image, an overview with transparency and a DICOM slide
    for number in range(40):
        one, two = (sampler.patch(number) for sampler in samplers)
        assert one[1] == two[1]
        np.testing.assert_array_equal(one[0], two[0])
