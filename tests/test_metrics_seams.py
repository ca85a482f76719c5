"""Seam statistics: p-values are uniform without seams, and a seam of one grey level is found."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from scipy.stats import kstest

from wsigen.cohorts.cohort import read_cohort
from wsigen.cohorts.patches import Source
from wsigen.errors import WsigenError
from wsigen.metrics.intervals import Estimate
from wsigen.metrics.lattice import fold, lattice_test
from wsigen.metrics.seam_intervals import seam_size
from wsigen.metrics.seams import SeamPlanes, periodogram, seam_test, tile_mismatch
from wsigen.metrics.stages import average, stage_changes
from wsigen.phantom.slide import PhantomSlide
from wsigen.seeds import generator

PERIOD = 16
SIDE = 100
TRIALS = 300


@pytest.fixture(scope="module")
def slide():
    return PhantomSlide(5, height=2048, width=2048, mpp=0.5).render(1024, 1024, 512, 512)


def crops(image, count, side=SIDE):
    stream = generator(0, "crops")
    for _ in range(count):
        top, left = stream.integers(np.array(image.shape[:2]) - side)
        yield image[top : top + side, left : left + side]


def smooth(count, side=SIDE):
    stream = generator(0, "smooth")
    for _ in range(count):
        noise = stream.standard_normal((side + 20, side + 20, 3))
        yield 128 + 60 * gaussian_filter(noise, (2, 2, 0))[10:-10, 10:-10]


def with_seams(image, period, offset, patch_values):
    """Add a value of their own to the patches of a grid."""
    row, column = (
        (np.arange(length) - first) // period
        for length, first in zip(image.shape[:2], offset, strict=True)
    )
    values = patch_values(row[:, None], column[None, :])
    return np.clip(np.round(image + values[..., None]), 0, 255).astype(np.uint8)


def checkered(row, column):
    return (row + column) % 2 - 0.5  # a step of one grey level across every edge


@pytest.mark.parametrize("test", [seam_test, tile_mismatch])
def test_p_values_are_uniform_on_a_seamless_slide(slide, test):
    found = [test(crop, PERIOD).p_value for crop in crops(slide, TRIALS)]
    assert kstest(found, "uniform").pvalue > 0.01


@pytest.mark.parametrize("test", [seam_test, tile_mismatch])
def test_p_values_are_uniform_on_smooth_noise(test):
    found = [test(image, PERIOD).p_value for image in smooth(TRIALS)]
    assert kstest(found, "uniform").pvalue > 0.01


def test_over_all_offsets_of_one_image_every_p_value_comes_once(slide):
    crop = slide[:SIDE, :SIDE]
    found = [seam_test(crop, PERIOD, (3, left)).p_value for left in range(PERIOD)]
    assert len(set(found)) == PERIOD
    assert seam_test(crop, PERIOD).offsets == PERIOD**2


@pytest.mark.parametrize("offset", [(0, 0), (6, 20)])
def test_a_seam_of_one_grey_level_is_found_where_it_lies(slide, offset):
    seamed = with_seams(slide[:400, :400], 32, offset, checkered)
    found = seam_test(seamed, 32, offset)
    assert found.p_value == 1 / found.offsets
    assert found.effect > 5
    assert 0.6 < found.grey < 1.2
    elsewhere = seam_test(seamed, 32, (offset[0] + 9, offset[1] + 9))
    assert elsewhere.p_value > 0.01


def test_one_look_at_an_image_tests_every_grid(slide):
    image = slide[:120, :150]
    planes = SeamPlanes.of(image, PERIOD)
    for offset, align in (((0, 0), 1), ((6, 20), 2), ((3, 5), 4)):
        assert planes.at(offset, align=align) == seam_test(image, PERIOD, offset, align=align)


def uneven(row, column):
    return (7 * row + 3 * column) % 5 / 2 - 1  # steps of half a grey level to two


def test_the_interval_of_an_effect_holds_what_many_images_have_on_average(slide):
    for add in (lambda image: image, lambda image: with_seams(image, PERIOD, (0, 0), uneven)):
        found = [seam_size(add(crop), PERIOD, resamples=150).effect for crop in crops(slide, 60)]
        mean = np.mean([effect.value for effect in found])
        assert np.mean([effect.low <= mean <= effect.high for effect in found]) > 0.88
        spread = np.std([effect.value for effect in found])
        widths = [(effect.high - effect.low) / 2 / 1.96 for effect in found]
        assert 0.8 < np.mean(widths) / spread < 1.4


def test_the_interval_of_a_seam_is_that_of_its_own_grid_and_shrinks_with_the_image(slide):
    large = with_seams(slide[:320, :320], 32, (6, 20), uneven)
    found = seam_size(large, 32, (6, 20), align=2, resamples=200)
    tested = seam_test(large, 32, (6, 20), align=2)
    assert (found.effect.value, found.grey.value) == (tested.effect, tested.grey)
    assert found.effect.low > 3
    assert 0.5 < found.grey.low < tested.grey < found.grey.high < 2
    assert seam_size(large, 32, align=2, resamples=200).effect.low < 1  # no grid lies there
    small = seam_size(large[:160, :160], 32, (6, 20), align=2, resamples=200)
    assert small.grey.high - small.grey.low > found.grey.high - found.grey.low


def test_a_line_of_one_grey_level_is_found(slide):
    seamed = slide[:400, :400].astype(float)
    seamed[::32] += 1
    seamed[:, ::32] += 1
    assert seam_test(seamed, 32).p_value < 0.01
    assert seam_test(slide[:400, :400], 32).p_value > 0.01


def test_textures_that_do_not_continue_are_found_though_no_brightness_differs():
    noise = generator(0, "texture").standard_normal((8, 8, 48, 48, 3))
    patches = 128 + 60 * gaussian_filter(noise, (0, 0, 2, 2, 0))[:, :, 8:-8, 8:-8]
    patches -= patches.mean(axis=(2, 3), keepdims=True)
    image = patches.transpose(0, 2, 1, 3, 4).reshape(256, 256, 3)
    assert seam_test(image, 32).p_value == 1 / 32**2
    assert periodogram(image, 32).ratio > 5


def test_patches_that_fade_into_each_other_are_a_mismatch():
    stream = generator(0, "fade")
    offsets = np.kron(stream.normal(0, 8, (9, 9)), np.ones((32, 32)))[..., None]
    image = next(smooth(1, 288)) + gaussian_filter(offsets, (4, 4, 0))
    found = tile_mismatch(image, 32)
    assert found.p_value < 0.03
    assert found.grey > 2


def test_ties_make_the_p_value_large_never_small():
    flat = np.full((SIDE, SIDE, 3), 245, np.uint8)
    for test in (seam_test, tile_mismatch):
        found = test(flat, PERIOD)
        assert found.p_value == 1
        assert found.effect == found.grey == 0
    assert seam_size(flat, PERIOD).effect == Estimate(0, 0, 0)
    assert periodogram(flat, PERIOD).ratio == 1
    tied = np.zeros((4, 4))
    tied[:2, 0] = 1
    assert lattice_test([tied], tied, (0, 0)).p_value == 2 / 16


def test_blocks_of_a_jpeg_are_no_seam_where_offsets_are_aligned_with_them():
    fine = generator(0, "blocks").normal(0, 2, (32, 32, 3))
    image = next(smooth(1, 256)) + np.kron(fine, np.ones((8, 8, 1)))
    unaligned, aligned = (seam_test(image, 32, align=align) for align in (1, 8))
    assert unaligned.p_value < 0.05
    assert aligned.p_value > 0.05
    assert aligned.offsets == 16


def test_a_periodogram_shows_the_patch_period(slide):
    image = slide[:400, :400].astype(float)
    image[5::32] += 3
    image[:, 5::32] += 3
    found = periodogram(image, 32)
    assert found.ratio > 2
    assert found.frequency[found.power.argmax()] * 32 == pytest.approx(
        np.round(found.frequency[found.power.argmax()] * 32)
    )
    assert 0.5 < periodogram(slide[:400, :400], 32).ratio < 2


def test_folding_leaves_no_trace_of_a_slope():
    slope = np.add.outer(np.arange(96.0), 2 * np.arange(64.0))
    assert np.ptp(fold(slope[:, :48], 16)) < 0.1 * np.ptp(slope[:16, :16])
    np.testing.assert_allclose(fold(np.ones((48, 64)), 16), 1)


def test_an_exact_guide_is_met_exactly_and_a_drift_is_measured():
    stream = generator(0, "stages")
    fine = stream.uniform(0, 255, (32, 48, 3))
    coarse = average(fine, 2)
    overview = average(coarse, 2) - (1, 0, -2)
    first, second = stage_changes([overview, coarse, fine])
    np.testing.assert_allclose(first.drift, (1, 0, -2), atol=1e-9)
    assert first.mean_error == pytest.approx(1)
    assert first.largest_error == pytest.approx(2)
    assert first.rms_error == pytest.approx(np.sqrt(5 / 3))
    assert second.largest_error == pytest.approx(0, abs=1e-9)
    np.testing.assert_allclose(second.total_drift, (1, 0, -2), atol=1e-9)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: seam_test(np.zeros((60, 70, 3)), 16), "at least 64 px"),
        (lambda: tile_mismatch(np.zeros((90, 100, 3)), 16), "at least 96 px"),
        (lambda: seam_test(np.zeros((80, 80)), 16), "height, width, 3"),
        (lambda: seam_test(np.zeros((80, 80, 3)), 16, align=3), "align is 3"),
        (lambda: stage_changes([np.zeros((4, 4, 3)), np.zeros((8, 9, 3))]), "whole multiple"),
    ],
)
def test_what_cannot_be_measured_is_told(call, words):
    with pytest.raises(WsigenError, match=words):
        call()


def tissue(cohort, case, side, count):
    """Fields of ``side`` px at random places in the tissue of a real slide, at its own scale."""
    entry = next(entry for entry in read_cohort(cohort) if entry.case == case)
    source = Source.of(entry.open(), entry.case)
    stream = generator(0, "real")
    for _ in range(count):
        spot = source.spots[stream.integers(len(source.spots))] * source.mask_mpp
        top, left = (spot / source.slide.mpp).astype(int) + stream.integers(64, size=2)
        yield source.slide.read(top, left, side, side, source.slide.mpp)


@pytest.mark.real
@pytest.mark.parametrize("case", ["her2st-B", "CMU-1"])
def test_p_values_are_uniform_on_real_slides(real_cohort, case):
    fields = list(tissue(real_cohort, case, SIDE, 150))
    for test in (seam_test, tile_mismatch):
        found = [test(field, PERIOD).p_value for field in fields]
        assert kstest(found, "uniform").pvalue > 0.01


@pytest.mark.real
def test_a_seam_of_one_grey_level_is_found_on_real_slides(real_cohort):
    for field in tissue(real_cohort, "her2st-B", 1024, 3):
        seamed = with_seams(field, 64, (0, 0), checkered)
        assert seam_test(seamed, 64).p_value < 0.01
