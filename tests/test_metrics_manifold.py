"""Precision, recall, density, coverage, KID, neighbours: exact cases, other implementations, bounded memory."""

import tracemalloc

import numpy as np
import pytest
from prdc import compute_prdc
from scipy.stats import ttest_1samp

from wsigen.errors import WsigenError
from wsigen.metrics import distance
from wsigen.metrics.distance import kid
from wsigen.metrics.intervals import bootstrap_mean
from wsigen.metrics.manifold import manifold_scores, radii
from wsigen.metrics.neighbours import memorisation, nearest
from wsigen.seeds import generator

SCORES = ("precision", "recall", "density", "coverage")


def normal(name, samples, dims, dtype=np.float64):
    return generator(0, name).standard_normal((samples, dims)).astype(dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("reals", "fakes", "dims", "k"), [(310, 240, 8, 3), (90, 400, 300, 5)])
def test_scores_equal_prdc_to_the_last_digit(reals, fakes, dims, k, dtype):
    for trial in range(4):
        real = normal(f"real {trial}", reals, dims, dtype)
        fake = dtype(0.9) * normal(f"fake {trial}", fakes, dims, dtype) + dtype(0.1)
        expected = compute_prdc(real, fake, k)
        found = manifold_scores(real, fake, k, strip_mib=1)
        for score in SCORES:
            assert getattr(found, score) == expected[score]


def test_identical_sets_give_1_and_disjoint_sets_0():
    real = normal("real", 200, 16)
    same = manifold_scores(real, real.copy())
    assert [getattr(same, score) for score in SCORES] == [1, 1, 1, 1]
    apart = manifold_scores(real, real + 100)
    assert [getattr(apart, score) for score in SCORES] == [0, 0, 0, 0]


def test_a_collapsed_generator_has_high_precision_and_low_recall():
    real = normal("real", 500, 4)
    collapsed = 0.05 * normal("fake", 500, 4)  # all near the middle of the real ones
    found = manifold_scores(real, collapsed)
    assert found.precision > 0.95
    assert found.recall < 0.05
    swapped = manifold_scores(collapsed, real)
    assert swapped.precision < 0.05
    assert swapped.recall > 0.95


def test_a_radius_reaches_to_the_kth_neighbour_without_the_sample_itself():
    line = np.array([[0.0], [1.0], [3.0], [7.0], [15.0]])
    np.testing.assert_allclose(radii(line, 2), [3, 2, 3, 6, 12], atol=1e-6)


def test_strips_change_nothing():
    real, fake = normal("real", 700, 32, np.float32), normal("fake", 600, 32, np.float32)
    narrow, wide = (manifold_scores(real, fake, strip_mib=mib) for mib in (1, 64))
    np.testing.assert_array_equal(narrow.balls, wide.balls)
    np.testing.assert_array_equal(narrow.recalled, wide.recalled)


def test_memory_is_that_of_one_strip_so_fifty_thousand_samples_fit_2_gib():
    samples, dims, strip_mib = 4000, 16, 2
    real, fake = (normal(name, samples, dims, np.float32) for name in ("real", "fake"))
    tracemalloc.start()
    manifold_scores(real, fake, strip_mib=strip_mib)
    peak = tracemalloc.get_traced_memory()[1] / 2**20
    tracemalloc.stop()
    assert samples**2 * 4 / 2**20 > 60  # what all distances would take
    # 10 MiB is the least that scikit-learn takes to work in, beside a tenth of features and strip
    assert peak < 2 * strip_mib + 10 + 4
    features_mib = 2 * 50_000 * 1280 * 4 / 2**20
    assert features_mib + 2 * 256 + (features_mib + 256) / 5 < 2048


def test_intervals_hold_the_score_and_shrink_with_the_samples():
    found = [
        manifold_scores(normal("real", n, 4), normal("fake", n, 4) + 1).intervals(resamples=300)
        for n in (100, 900)
    ]
    for score in SCORES:
        small, large = (scores[score] for scores in found)
        assert small.low < small.value < small.high
        assert large.high - large.low < small.high - small.low


def test_bootstrap_intervals_hold_the_truth_as_often_as_they_say():
    held = [
        interval.low <= 0 <= interval.high
        for trial in range(200)
        for interval in [bootstrap_mean(normal(f"trial {trial}", 60, 1)[:, 0], resamples=200)]
    ]
    assert 0.89 < np.mean(held) < 0.99


def test_patches_of_one_slide_count_as_one():
    per_slide = np.repeat(normal("slides", 10, 1)[:, 0], 50)
    plain = bootstrap_mean(per_slide)
    grouped = bootstrap_mean(per_slide, groups=np.repeat(np.arange(10), 50))
    assert grouped.value == plain.value
    assert grouped.high - grouped.low > 4 * (plain.high - plain.low)


def double_sum_mmd2(x, y):
    """The unbiased estimate, term by term."""

    def kernel(a, b):
        return (a @ b / len(a) + 1) ** 3

    within = [
        np.mean([kernel(s[i], s[j]) for i in range(len(s)) for j in range(len(s)) if i != j])
        for s in (x, y)
    ]
    return sum(within) - 2 * np.mean([kernel(a, b) for a in x for b in y])


def test_kid_equals_the_double_sum_whatever_the_tiles(monkeypatch):
    real, fake = normal("real", 41, 6), 1.2 * normal("fake", 30, 6) + 0.3
    expected = double_sum_mmd2(real, fake)
    assert kid(real, fake).value == pytest.approx(expected, rel=1e-10)
    monkeypatch.setattr(distance, "TILE", 7)
    assert kid(real, fake).value == pytest.approx(expected, rel=1e-10)


def test_kid_is_unbiased_and_its_interval_holds_zero():
    found = [kid(normal(f"real {i}", 60, 5), normal(f"fake {i}", 40, 5)) for i in range(300)]
    values = [estimate.value for estimate in found]
    assert ttest_1samp(values, 0).pvalue > 0.01
    assert min(values) < 0 < max(values)
    assert np.mean([estimate.low <= 0 <= estimate.high for estimate in found]) > 0.94


@pytest.fixture(scope="module")
def big():
    return kid(normal("many real", 6000, 4), normal("many fake", 6000, 4) + 0.5)


@pytest.mark.parametrize("interval", ["jackknife", "bootstrap"])
def test_the_interval_of_kid_holds_the_truth_where_sets_differ(interval, big):
    held = [
        found.low <= big.value <= found.high
        for i in range(150)
        for real, fake in [(normal(f"real {i}", 100, 4), normal(f"fake {i}", 100, 4) + 0.5)]
        for found in [kid(real, fake, interval=interval, resamples=300)]
    ]
    assert big.low > 0
    assert 0.88 < np.mean(held) <= 1


def test_the_bootstrap_of_kid_never_pairs_a_sample_with_its_copy():
    real, fake = normal("real", 40, 4), normal("fake", 40, 4)
    plain, drawn = (kid(real, fake, interval=name) for name in ("jackknife", "bootstrap"))
    assert drawn.value == plain.value
    assert drawn.low < 0 < drawn.high  # with copies the whole interval would lie above 0
    twice = {"real_groups": np.arange(40) % 3, "fake_groups": np.arange(40) % 3}
    assert np.isfinite(kid(real, fake, interval="bootstrap", **twice).high)


def test_kid_keeps_the_samples_of_a_slide_in_one_subset():
    slides = np.arange(12).repeat(20)
    real, fake = (
        normal(name, 12, 3)[slides] + 0.1 * normal(f"{name} noise", 240, 3)
        for name in ("real", "fake")
    )
    plain = kid(real, fake)
    grouped = kid(real, fake, real_groups=slides, fake_groups=slides)
    assert grouped.value == pytest.approx(plain.value, rel=1e-9)
    assert grouped.high - grouped.low > 2 * (plain.high - plain.low)


def test_nearest_equals_an_exhaustive_search():
    query, reference = normal("query", 40, 7, np.float32), normal("reference", 90, 7, np.float32)
    distances, places = nearest(query, reference, 3)
    table = np.linalg.norm(query[:, None].astype(float) - reference, axis=2)
    np.testing.assert_array_equal(places, np.argsort(table, axis=1)[:, :3])
    np.testing.assert_allclose(distances, np.sort(table, axis=1)[:, :3], rtol=1e-6)


def test_copies_have_a_memorisation_ratio_of_0_and_new_samples_of_1():
    train, new, held_out = (normal(name, 300, 8) for name in ("train", "new", "held out"))
    copied = memorisation(train[:200], train, held_out, resamples=200)
    assert copied.ratio.value == copied.ratio.high == 0
    assert copied.near_share.value == 1
    honest = memorisation(new, train, held_out, resamples=200)
    assert honest.ratio.low < 1 < honest.ratio.high
    assert honest.near_share.low < 0.05 < honest.near_share.high


def test_a_few_copies_show_in_the_share_of_near_samples():
    train, new, held_out = (normal(name, 300, 8) for name in ("train", "new", "held out"))
    some = np.concatenate([new[:240], train[:60] + 1e-3])
    found = memorisation(some, train, held_out, resamples=200)
    assert found.ratio.value > 0.85
    assert found.near_share.low > 0.15


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda x: manifold_scores(x, x[:, :2]), "equal dims"),
        (lambda x: manifold_scores(x, x[:3]), "fewer than the samples"),
        (lambda x: kid(x, x[:, :2]), "equal dims"),
        (lambda x: kid(x, x, real_groups=np.zeros(20)), "3 groups"),
        (lambda x: kid(x, x, interval="guess"), "jackknife or bootstrap"),
        (lambda x: nearest(x, x, 21), "1 to 20"),
        (lambda x: memorisation(x, x, x), "other patients"),
        (lambda x: bootstrap_mean(x[:0, 0]), "no samples"),
        (lambda x: bootstrap_mean(x[:, 0], groups=[1, 2]), "one group per sample"),
    ],
)
def test_what_cannot_be_compared_is_told(call, words):
    with pytest.raises(WsigenError, match=words):
        call(normal("x", 20, 4))
