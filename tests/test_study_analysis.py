"""The statistics of the reader study, on simulated readers whose skill is known."""

import csv
import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from wsigen.errors import WsigenError
from wsigen.plots import reader_ratings
from wsigen.study import analysis
from wsigen.study.design import CONFIG, KEY, RATINGS, Study
from wsigen.study.ratings import Ratings, final_ratings, rating_matrix
from wsigen.study.report import analyse, describe, write_report
from wsigen.study.simulate import simulate_ratings, sit_study
from wsigen.study.store import Store

LABELS = np.repeat([False, True], 20)  # 20 real, 20 synthetic
TRIALS = 300


def test_auc_is_that_of_scikit_learn_ties_and_all() -> None:
    ratings = np.random.default_rng(0).integers(0, 12, (5, 40)).astype(float)
    expected = [roc_auc_score(LABELS, row) for row in ratings]
    np.testing.assert_allclose(analysis.auc(ratings, LABELS), expected)


def test_simulated_readers_have_the_skill_they_were_given() -> None:
    labels = np.repeat([False, True], 2000)
    skills = [0.5, 0.65, 0.8, 0.95]
    found = analysis.auc(simulate_ratings(skills, labels, seed=1), labels)
    np.testing.assert_allclose(found, skills, atol=0.02)


def test_delong_covariance_is_the_spread_of_aucs_over_repeated_studies() -> None:
    ratings = [
        simulate_ratings([0.7, 0.7], LABELS, shared=0.5, seed=seed) for seed in range(TRIALS)
    ]
    areas = np.array([analysis.auc(each, LABELS) for each in ratings])
    estimated = np.mean([analysis.delong_covariance(each, LABELS) for each in ratings], axis=0)
    np.testing.assert_allclose(
        estimated, np.cov(areas.T), atol=0.0016
    )  # the variances are about 0.0065


@pytest.mark.parametrize("skill", [0.5, 0.75, 0.92])
def test_a_readers_interval_holds_the_true_auc_in_95_of_100_studies(skill: float) -> None:
    held = 0
    for seed in range(TRIALS):
        found = analysis.auc_interval(
            float(analysis.auc(simulate_ratings([skill], LABELS, seed=seed), LABELS)[0]), 20, 20
        )
        held += found.lower <= skill <= found.upper
    assert 0.92 <= held / TRIALS <= 0.99


def test_a_perfect_reader_has_an_interval_of_some_width() -> None:
    found = analysis.auc_interval(1.0, 20, 20)
    assert 0.8 < found.lower < 0.95
    assert found.upper == 1
    mirrored = analysis.auc_interval(0.0, 20, 20)
    assert (mirrored.lower, mirrored.upper) == (0, pytest.approx(1 - found.lower))


def test_the_interval_leaves_out_chance_exactly_where_mann_whitney_finds_a_difference() -> None:
    for seed in range(60):
        row = np.random.default_rng(seed).normal(0.35 * LABELS)  # no ties
        found = analysis.auc_interval(float(analysis.auc(row[None], LABELS)[0]), 20, 20)
        test = stats.mannwhitneyu(
            row[LABELS], row[~LABELS], method="asymptotic", use_continuity=False
        )
        assert (test.pvalue < 0.05) == (not found.lower <= 0.5 <= found.upper)


def test_20_against_20_needs_an_auc_above_0_68() -> None:
    limit = analysis.smallest_significant_auc(20, 20)
    assert limit == pytest.approx(0.68, abs=0.005)
    assert (
        analysis.auc_interval(limit + 1e-6, 20, 20).lower
        > 0.5
        > analysis.auc_interval(limit - 1e-6, 20, 20).lower
    )
    assert analysis.smallest_significant_auc(200, 200) < 0.56


def test_power_is_the_share_of_studies_that_find_a_difference() -> None:
    limit = analysis.smallest_significant_auc(20, 20)
    for skill in (0.5, 0.65, 0.75):
        areas = analysis.auc(simulate_ratings([skill] * 2000, LABELS, shared=0, seed=3), LABELS)
        found = np.mean(np.abs(areas - 0.5) > limit - 0.5)
        assert analysis.power(skill, 20, 20) == pytest.approx(found, abs=0.04)
    assert analysis.power(analysis.detectable_auc(20, 20), 20, 20) == pytest.approx(0.8)


def test_the_mean_over_readers_holds_the_true_mean_when_both_vary() -> None:
    held, bias = 0, 0.0
    for seed in range(TRIALS):
        # Readers are drawn too: their skills vary around the mean of the population they come from.
        skills = stats.norm.cdf(np.random.default_rng(seed).normal(0.5, 0.25, 6))
        mean = analysis.mean_auc(simulate_ratings(skills, LABELS, shared=0.4, seed=seed), LABELS)
        truth = stats.norm.cdf(0.5 / np.sqrt(1 + 0.25**2))
        held += mean.lower <= truth <= mean.upper
        bias += (mean.value - truth) / TRIALS
    assert abs(bias) < 0.01
    assert 0.92 <= held / TRIALS <= 0.99


def test_readers_who_share_their_mistakes_do_not_count_as_many() -> None:
    alone = analysis.mean_auc(simulate_ratings([0.7] * 12, LABELS, shared=0.05, seed=4), LABELS)
    alike = analysis.mean_auc(simulate_ratings([0.7] * 12, LABELS, shared=0.9, seed=4), LABELS)
    assert alike.standard_error > 2 * alone.standard_error


def test_one_reader_and_perfect_readers_have_a_mean_too() -> None:
    one = simulate_ratings([0.7], LABELS, seed=5)
    assert analysis.mean_auc(one, LABELS).standard_error ** 2 == pytest.approx(
        analysis.delong_covariance(one, LABELS)[0, 0]
    )
    perfect = analysis.mean_auc(np.where(LABELS, 90.0, 10.0) * np.ones((3, 1)), LABELS)
    assert perfect.value == 1
    assert perfect.lower < 0.95


def test_equivalence_is_shown_for_readers_at_chance_and_not_for_skilled_ones() -> None:
    many = np.repeat([False, True], 150)
    chance = analysis.mean_auc(simulate_ratings([0.5] * 8, many, seed=0), many)
    skilled = analysis.mean_auc(simulate_ratings([0.65] * 8, many, seed=0), many)
    assert analysis.equivalence_p(chance) < 0.01
    assert analysis.equivalence_p(skilled) > 0.5


def test_equivalence_is_claimed_wrongly_in_5_of_100_studies_at_the_margin() -> None:
    claimed = 0
    for seed in range(TRIALS):
        ratings = simulate_ratings([0.6] * 6, np.repeat([False, True], 100), shared=0, seed=seed)
        claimed += (
            analysis.equivalence_p(analysis.mean_auc(ratings, np.repeat([False, True], 100))) < 0.05
        )
    assert claimed / TRIALS < 0.09


def test_equivalence_agrees_with_the_90_percent_interval() -> None:
    for seed in range(20):
        ratings = simulate_ratings([0.55] * 5, LABELS, seed=seed)
        narrow = analysis.mean_auc(ratings, LABELS, confidence=0.9)
        within = narrow.lower > 0.4 and narrow.upper < 0.6
        assert (analysis.equivalence_p(narrow, 0.1) < 0.05) == within


def test_the_error_rate_counts_the_wrong_side_and_half_of_50() -> None:
    ratings = np.array([10.0, 60.0, 50.0, 90.0, 20.0, 50.0])
    labels = np.array([False, False, False, True, True, True])
    found = analysis.error_rate(ratings, labels)
    assert found.value == pytest.approx(3 / 6)
    exact = stats.binomtest(3, 6).proportion_ci(method="wilson")
    assert (found.lower, found.upper) == pytest.approx((exact.low, exact.high))


def test_agreement_is_1_for_equal_readers_near_0_for_unrelated_ones_and_survives_gaps() -> None:
    random = np.random.default_rng(0)
    same = random.integers(0, 101, 40) * np.ones((3, 1))
    unrelated = random.integers(0, 11, (4, 2000)).astype(float)
    assert analysis.agreement(same).value == pytest.approx(1)
    assert abs(analysis.agreement(unrelated, resamples=2).value) < 0.03
    gappy = simulate_ratings([0.8] * 3, LABELS, shared=0.8)
    whole = analysis.agreement(gappy)
    gappy[0, :5] = np.nan
    assert analysis.agreement(gappy).value == pytest.approx(whole.value, abs=0.1)
    assert whole.lower < whole.value < whole.upper
    assert np.isnan(analysis.agreement(same[:1]).value)


def test_agreement_of_correlated_readers_is_the_intraclass_correlation() -> None:
    labels = np.zeros(2000, bool)  # one class: what readers share is the slides' own part
    feelings = stats.norm.ppf(
        np.clip(simulate_ratings([0.5] * 5, labels, shared=0.6), 0.5, 99.5) / 100
    )
    assert analysis.agreement(feelings, resamples=2).value == pytest.approx(0.6, abs=0.03)


def ratings_of(skills: list[float], seed: int = 0) -> Ratings:
    names = tuple(f"reader {index}" for index in range(len(skills)))
    values = simulate_ratings(skills, LABELS, seed=seed)
    return Ratings(values, LABELS, names, tuple(map(str, range(40))))


def test_the_report_recovers_the_skill_of_simulated_readers() -> None:
    skills = [0.5, 0.7, 0.9]
    report = analyse(ratings_of(skills))
    for reader, skill in zip(report.readers, skills, strict=True):
        assert reader.auc is not None
        assert reader.auc.lower < skill < reader.auc.upper
    assert report.mean is not None
    assert report.mean.lower < 0.7 < report.mean.upper
    text = describe(report)
    assert "must exceed 0.68 to differ" in text
    assert "TOST" in text
    assert "reader 2" in text


def sat_study(folder: Path, skills: list[float], n: int) -> Study:
    """A study folder without pictures, rated through the store by simulated readers."""
    random = np.random.default_rng(sum(map(ord, folder.name)))
    names = [random.bytes(8).hex() for _ in range(2 * n + 2)]
    labels = ["real"] * (n + 1) + ["synthetic"] * (n + 1)
    parts = ["practice", *["rated"] * n] * 2
    study = Study(0, n, 64, 64, 1.0, 64, 90, (names[0], names[n + 1]),
                  tuple(sorted(name for name, part in zip(names, parts, strict=True) if part == "rated")))  # fmt: skip
    folder.mkdir()
    (folder / CONFIG).write_text(json.dumps(asdict(study)))
    sources = [f"{index:03d}.tiff" for index in range(n + 1)] * 2
    with (folder / KEY).open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("slide", "label", "part", "source"))
        rows.writerows(zip(names, labels, parts, sources, strict=True))
    rated = [name for name, part in zip(names, parts, strict=True) if part == "rated"]
    store = Store(folder / RATINGS, create=True)
    values = simulate_ratings(skills, np.repeat([False, True], n))
    for index, row in enumerate(values):
        sit_study(study, store, f"reader {index}", dict(zip(rated, row, strict=True)))
    store.close()
    return study


def test_the_report_of_a_sat_study_recovers_the_readers_skill(tmp_path: Path) -> None:
    skills = [0.5, 0.7, 0.9]
    study = sat_study(tmp_path / "study", skills, n=30)
    steps = Store(tmp_path / "study" / RATINGS).steps()
    assert len(steps) == len(skills) * (1 + 2 * (len(study.practice) + len(study.slides)))
    write_report(tmp_path / "study", tmp_path / "report")
    report = json.loads((tmp_path / "report" / "report.json").read_text())
    drawn = analysis.auc(
        simulate_ratings(skills, np.repeat([False, True], 30)), np.repeat([False, True], 30)
    )
    for reader, skill, area in zip(report["readers"], skills, drawn, strict=True):
        assert reader["rated"] == 60
        assert reader["auc"]["value"] == pytest.approx(area)
        assert reader["auc"]["lower"] < skill < reader["auc"]["upper"]


def test_the_same_study_under_other_random_names_gives_the_same_report(tmp_path: Path) -> None:
    texts = []
    for name in ("one", "other"):
        sat_study(tmp_path / name, [0.6, 0.8], n=6)
        write_report(tmp_path / name, tmp_path / "report")
        texts.append((tmp_path / "report" / "report.json").read_text())
    assert texts[0] == texts[1]


def test_the_report_leaves_unfinished_readers_out_of_the_mean_only() -> None:
    ratings = ratings_of([0.8, 0.8])
    ratings.values[1, :39] = np.nan  # one synthetic slide rated, no real one
    report = analyse(ratings)
    assert report.complete == 1
    assert report.readers[1].rated == 1
    assert report.readers[1].auc is None
    assert "| reader 1 | 1 | – |" in describe(report)
    ratings.values[0, 0] = np.nan
    assert "no common estimate" in describe(analyse(ratings))


def test_a_study_too_small_for_any_claim_says_so() -> None:
    labels = np.array([False, True])
    report = analyse(Ratings(np.array([[0.0, 100.0]]), labels, ("a",), ("x", "y")))
    assert "too few to tell" in describe(report)


def test_figure_8_shows_every_rating_beside_its_class() -> None:
    ratings = ratings_of([0.6, 0.9])
    ratings.values[0, 3] = np.nan
    figure = reader_ratings(ratings.values, LABELS, ratings.readers)
    axes = figure.axes[0]
    points = np.concatenate([np.asarray(c.get_offsets())[:, 1] for c in axes.collections])
    assert sorted(points) == sorted(ratings.values[~np.isnan(ratings.values)])
    assert [tick.get_text() for tick in axes.get_xticklabels()] == list(ratings.readers)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["real", "synthetic"]


def test_final_ratings_are_submitted_ones_of_slides_that_count() -> None:
    key = {
        "a": {"label": "real", "part": "rated", "source": "a.svs"},
        "b": {"label": "synthetic", "part": "rated", "source": "b.tiff"},
        "p": {"label": "real", "part": "practice", "source": "p.svs"},
    }
    common = {"reader": "anna", "time": "", "dwell_ms": 1, "mpp_min": 1.0, "mpp_max": 2.0}
    steps = [
        common | {"kind": "consent", "slide": None, "rating": None},
        common | {"kind": "submit", "slide": "p", "rating": 1},
        common | {"kind": "change", "slide": "b", "rating": 70},
        common | {"kind": "change", "slide": "b", "rating": 80},
        common | {"kind": "submit", "slide": "b", "rating": 80},
        common | {"kind": "change", "slide": "a", "rating": 5},
    ]
    rows = final_ratings(steps, key)
    assert [(row["slide"], row["rating"], row["changes"]) for row in rows] == [("b", 80, 2)]
    matrix = rating_matrix(rows, key)
    np.testing.assert_equal(matrix.values, [[np.nan, 80.0]])
    with pytest.raises(WsigenError, match="is it the key of this study"):
        final_ratings(steps, {"other": key["a"]})
    with pytest.raises(WsigenError, match="no ratings yet"):
        rating_matrix([], key)
