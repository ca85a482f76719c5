"""Tissue, glass, and what is neither: black fill, black ground, dim glass, pen."""

import subprocess
import sys

import numpy as np
import pytest
from cohort_kit import section
from PIL import Image

from wsigen.cohorts.patches import PatchSampler, Source
from wsigen.slides.reader import ImageSlide
from wsigen.slides.tissue import BACKGROUND, Tissue, find_tissue, remark, tissue_mask


def source(pixels, mpp=1.0):
    return Source.of(ImageSlide(Image.fromarray(pixels), mpp), "case")


def filled(pixels, columns=75):
    pixels = pixels.copy()
    pixels[:, -columns:] = 0
    return pixels


def test_black_fill_is_neither_tissue_nor_glass():
    clean = find_tissue(section(300, 0), 1.0)
    seen = find_tissue(filled(section(300, 0)), 1.0)
    assert seen.count == pytest.approx(clean.count, rel=0.02)
    np.testing.assert_allclose(seen.white, clean.white, atol=1)
    assert seen.filled[:, -70:].all()
    assert not seen.filled[:, :220].any()
    assert "black fill on 2" in remark(seen)
    assert remark(clean) == ""


def test_patches_show_no_fill():
    sampler = PatchSampler([source(filled(section(300, 0)))], 32, (1.0, 8.0))
    darkest = min(sampler.patch(n)[0].max(axis=2).min() for n in range(150))
    assert darkest > 100


def test_a_window_on_fill_is_glass():
    window = source(filled(section(300, 0))).read(100, 240, 20, 60, 1.0)
    assert (window == BACKGROUND).all()


def test_a_picture_on_black_ground_has_no_tissue_and_says_so():
    pixels = section(300, 0)
    pixels[pixels.min(axis=2) > 200] = 0
    seen = find_tissue(pixels, 1.0)
    assert seen.count == 0
    assert "and no glass" in remark(seen)


def test_a_dim_scan_has_the_tissue_of_a_bright_one():
    bright = tissue_mask(section(300, 0))
    dim = find_tissue((section(300, 0) * 0.6).astype(np.uint8), 1.0)
    assert (dim.mask == bright).mean() > 0.98
    np.testing.assert_allclose(dim.white, 0.6 * 230, atol=3)


def test_dark_specks_and_nuclei_are_no_fill():
    pixels = section(300, 0)
    pixels[60:66, 60:66] = 5
    assert find_tissue(pixels, 1.0).filled is None


def test_pen_is_named():
    pixels = section(300, 0)
    pixels[200:220, 100:280] = (20, 60, 190)
    assert "pen on" in remark(find_tissue(pixels, 1.0))
    pixels[200:220, 100:280] = (20, 150, 60)
    assert "pen on" in remark(find_tissue(pixels, 1.0))


def test_packed_masks_come_back_and_spots_are_counted_along_the_rows():
    mask = np.random.default_rng(0).random((37, 29)) < 0.3
    tissue = Tissue.of(mask, 2.0, None)
    np.testing.assert_array_equal(tissue.mask, mask)
    spots = np.argwhere(mask)
    assert tissue.count == len(spots)
    for number in (0, 1, 57, len(spots) - 1):
        np.testing.assert_array_equal(tissue.spot(number), spots[number])


def test_many_threads_may_be_the_first_to_look():
    code = (
        "import numpy as np\n"
        "from concurrent.futures import ThreadPoolExecutor\n"
        "from wsigen.slides.tissue import find_tissue\n"
        "pixels = np.full((64, 64, 3), 240, np.uint8)\n"
        "with ThreadPoolExecutor(8) as pool:\n"
        "    print(len(list(pool.map(lambda _: find_tissue(pixels, 1.0), range(16)))))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert done.stdout.strip() == "16", done.stderr
