"""Table 1, colour, memorisation and whole slides, on what is known: drawn slides and generators that cheat."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from wsigen.coarse_to_fine import drain
from wsigen.experiments import (
    colour,
    known_changes,
    memorisation,
    memorisation_overviews,
    overviews,
    resolution,
    sections,
    slide_level,
)
from wsigen.experiments.run import run
from wsigen.grid import Window
from wsigen.pixels import to_pixels
from wsigen.plan import Stage
from wsigen.training.config import TOLD
from wsigen.training.run import drawn_patches
from wsigen.zoom.path import View


def test_table_1_has_the_papers_row_beside_ours():
    assert (
        resolution.cells(resolution.PROFILES["classroom"])[:7]
        == resolution.cells(resolution.PROFILES["paper"])[:7]
    )
    rows = {cell["scale"]: cell for cell in resolution.cells(resolution.PROFILES["paper"])}
    precision = [rows[scale]["paper_precision"] for scale in (0.3, 1, 25, 50, 100, 150, "uniform")]
    recall = [rows[scale]["paper_recall"] for scale in (0.3, 1, 25, 50, 100, 150, "uniform")]
    assert precision == [0.81, 0.82, 0.82, 0.85, 0.82, 0.84, 0.86]
    assert recall == [0.32, 0.33, 0.36, 0.38, 0.37, 0.36, 0.34]
    assert rows["log"]["paper_recall"] is None


def test_a_scale_that_nobody_can_show_keeps_the_papers_values(lab):
    config = resolution.Config(samples=8, scales=(150.0,), mixtures=())
    (row,) = drain(run("resolution", "smoke", lab, config=config)).rows
    assert (row["paper_precision"], row["paper_recall"]) == (0.84, 0.36)
    assert row["samples"] == 0
    assert "precision" not in row


def test_other_real_patches_score_as_the_table_says_a_perfect_generator_would(lab, monkeypatch):
    config = replace(resolution.PROFILES["smoke"], samples=16, mpp_range=(1.0, 8.0))
    monkeypatch.setattr(
        lab, "generated_patches",
        lambda number, mpp, **_: lab.draw(number, (1.0, 8.0), "train", "other real").pixels,
    )  # fmt: skip
    row = resolution.measure({"scale": "log"}, config, lab).values
    for name in ("precision", "recall", "kid"):
        assert row[name] == row[f"real_{name}"]


def test_known_changes_grow_and_nothing_changes_nothing(lab):
    config = known_changes.PROFILES["smoke"]
    rows = {
        cell["change"]: known_changes.measure(cell, config, lab).values
        for cell in known_changes.cells(config)
    }
    assert rows["nothing"]["changed"] == 0
    grown = [rows[f"JPEG, quality {quality}"]["changed"] for quality in (90, 75, 40)]
    assert 0 < grown[0] < grown[1] < grown[2]
    assert rows["halved, enlarged"]["kid"] > rows["nothing"]["kid"]


def test_a_half_blur_is_halfway_to_the_filter():
    x = torch.zeros(1, 3, 5, 5)
    x[..., 2, 2] = 1
    blurred = known_changes.half_blurred(x)
    assert blurred[0, 0, 2].tolist() == [0, 1 / 16, 5 / 8, 1 / 16, 0]
    assert blurred.sum() == pytest.approx(3)


def test_a_uniform_mixture_has_few_fine_patches(lab):
    mpp = lab.draw(30, (1.0, 11.0), spread="uniform").mpp
    assert np.histogram(mpp, bins=[1, 2, 6, 11])[0].tolist() == [3, 12, 15]


def test_a_generator_that_hands_out_training_patches_is_found_to_copy(lab, monkeypatch):
    config = memorisation.Config(samples=12, reference=24)
    monkeypatch.setattr(
        lab, "generated_patches",
        lambda number, mpp, **_: lab.real_patches(24, mpp, "train", "reference")[:number],
    )  # fmt: skip
    row = memorisation.measure({"mpp": 2.0}, config, lab).values
    assert row["ratio"] == pytest.approx(0, abs=1e-6)
    assert row["near_share"] == 1
    assert row["nearest_held_out"] > 0


def test_distances_to_the_training_patches_are_kept_in_order(lab):
    config = memorisation.Config(samples=8, reference=16, scales=(2.0,), num_steps=2)
    row = drain(run("memorisation", "smoke", lab, config=config)).rows[0]
    assert row["nearest"] > 0
    assert row["distances"] == sorted(row["distances"])


def test_patches_as_trained_are_those_of_the_training_at_one_scale(lab):
    config = replace(TOLD, patch_px=32, mpp_min=0.25, mpp_max=40.0, seed=lab.seed)
    drawer = drawn_patches(config, lab.entries, "cpu")
    found, scales, cases = lab.as_trained("train", 2.0).draw(6, 12.0)
    numbers = np.arange(4096)
    places = drawer.placing.places(numbers)
    near = numbers[np.abs(np.log(places.mpp / 12.0)) <= np.log(1.1)][:6]
    np.testing.assert_array_equal(scales, places.mpp[near])
    assert places.overview[near].any()
    torch.testing.assert_close(found, drawer.draw(near).clean)
    train = [entry.case for entry in lab.entries if entry.split == "train"]
    assert cases.tolist() == [train[i] for i in places.source[near]]


def test_overviews_handed_out_of_the_training_are_found_to_copy(lab, monkeypatch):
    config = memorisation_overviews.Config(samples=12, reference=24, scales=(12.0,))
    copies = to_pixels(lab.as_trained("train", 12.0).draw(24, 12.0)[0])
    monkeypatch.setattr(lab, "generated_patches", lambda number, mpp, **_: copies[:number])
    row = memorisation_overviews.measure({"mpp": 12.0}, config, lab)
    assert row.values["ratio"] == pytest.approx(0, abs=1e-6)
    assert row.values["near_share"] == 1
    assert row.values["nearest_same_slides"] > 0
    assert (row.values["train_patients"], row.values["held_out_patients"]) == (2, 1)
    assert row.images["overviews_12"].shape == (32, 8 * 32, 3)


def test_an_overview_scale_that_model_or_slides_lack_is_said(lab):
    config = memorisation_overviews.Config(samples=4, reference=8, scales=(39.0, 80.0))
    beyond, unknown = (
        memorisation_overviews.measure({"mpp": mpp}, config, lab).values for mpp in (39.0, 80.0)
    )
    assert beyond["note"] == "no slide of the split train shows this scale"
    assert unknown["note"] == "the model does not know this scale"


def view(index, window, grey, plane=64):
    image = torch.full((3, window.height, window.width), grey / 127.5 - 1)
    return View(Stage(index, plane, plane, 8.0), window, image)


def test_drift_is_the_change_of_the_mean_over_what_both_views_show():
    before = view(0, Window(0, 0, 32, 32), 100.0, 32)
    before.image[:, :8] = 1.0  # rows the next view does not show
    after = view(1, Window(20, 20, 16, 16), 103.0)
    np.testing.assert_allclose(colour.drift(before, after), [3, 3, 3], atol=1e-4)
    after.image[0] += 2 / 127.5
    np.testing.assert_allclose(colour.drift(before, after), [5, 3, 3], atol=1e-4)


def test_the_deepest_place_is_farthest_from_the_other_kind():
    image = np.full((20, 20, 3), 245, np.uint8)
    image[:, :12] = (180, 120, 160)
    row, column = colour.deepest(image, "tissue")
    assert 5 <= column <= 6
    assert 5 <= row <= 13
    assert colour.deepest(image, "glass")[1] in (15, 16)


def test_colour_is_followed_through_the_stages(lab, tmp_path):
    config = colour.Config((0,), stages=2, mpp=8.0, view_px=16)
    result = drain(run("colour", "smoke", lab, config=config, out=tmp_path))
    assert [row["place"] for row in result.rows] == ["tissue", "glass"] * 2
    assert [row["skip_background"] for row in result.rows] == [None, None, 0.5, 0.5]
    for row in result.rows:
        assert row["mpp"] == [32, 16, 8]
        drift = np.array(row["drift"])
        assert drift.shape == (2, 3)
        assert row["total_percent_end"] == pytest.approx(np.abs(drift.sum(axis=0)).max() / 2.55)


def test_real_slides_handed_in_as_generated_are_near_real_ones(lab, monkeypatch):
    config = replace(slide_level.PROFILES["smoke"], size=256, levels=(0, 1), crops=12, windows=6)
    source = lab.sources("train")[0].slide
    real = source.read(128, 128, 256, 256)
    monkeypatch.setattr(slide_level, "generated", lambda seed, config, lab: real)
    crops, _, tissue, nuclei = drain(run("slide_level", "smoke", lab, config=config)).rows
    assert crops["kid"] < 3 * crops["floor_kid_high"]
    assert tissue["generated_median"] > 0
    assert len(nuclei["real"]) == config.fields
    assert nuclei["generated_median"] > 0


def test_patches_are_kept_under_the_last_noise_level_too(lab):
    common, early, again = (
        lab.generated_patches(2, 2.0, num_steps=3, sigma_min=sigma) for sigma in (0.002, 0.2, 0.002)
    )
    assert (common != early).any()
    np.testing.assert_array_equal(common, again)
    np.testing.assert_array_equal(common, lab.generated_patches(2, 2.0, num_steps=3))


def test_pieces_of_tissue_are_counted_and_an_edge_that_is_touched_is_seen():
    image = np.full((40, 60, 3), 245, np.uint8)
    image[5:15, 5:20] = 150
    image[20:39, 30:50] = 120
    share, pieces, touching = overviews.tissue_of(image)
    assert (share, pieces, touching) == (pytest.approx((150 + 380) / 2400), 2, False)
    image[39, 30] = 120
    assert overviews.tissue_of(image)[1:] == (2, True)


def test_a_crumb_is_no_piece():
    image = np.full((40, 60, 3), 245, np.uint8)
    image[5:7, 5:7] = 150
    assert overviews.tissue_of(image)[1] == 0


def test_sections_are_cut_and_compared_at_each_level(lab):
    config = replace(sections.PROFILES["smoke"], sections=1, levels=(0, 1))
    rows = [sections.measure(cell, config, lab) for cell in sections.cells(config)]
    assert [row.values["seeds"] for row in rows] == [rows[0].values["seeds"]] * 2
    assert all(share >= 0 for share in rows[0].values["tissue"])
    assert rows[0].images
    assert not rows[1].images
    again = sections.sections(config, lab, "preview")[0][1]
    assert np.array_equal(again, sections.sections(config, lab, "preview")[0][1])
