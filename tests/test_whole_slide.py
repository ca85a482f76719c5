"""The experiments behind Fig. 6, on a model nobody trained."""

import numpy as np
import pytest

from wsigen.coarse_to_fine import drain
from wsigen.experiments import slide_level, whole_slide, zoom_neighbours
from wsigen.metrics.stages import average
from wsigen.plan import StagePlan, stages
from wsigen.plots.whole_slide import film_strip, magnifications, nearest_distances
from wsigen.zoom.cone import cones
from wsigen.zoom.path import pixels, zoom

CONFIG = whole_slide.Config(
    (3,), size=128, mpp=2.0, factors=(1, 2), patches=5, reference=6, shown=3
)


@pytest.fixture
def row(lab):
    return whole_slide.measure(whole_slide.cells(CONFIG)[1], CONFIG, lab)


def test_every_stage_of_a_slide_is_kept_and_drawn_once(lab, monkeypatch):
    film = whole_slide.film(3, CONFIG, lab)
    assert [pixels.shape[0] for pixels in film] == [32, 64, 128]
    monkeypatch.setattr(whole_slide, "run_stage", None)  # whoever calls it fails
    again = whole_slide.film(3, CONFIG, lab)
    for one, other in zip(film, again, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_slide_too_large_for_memory_is_made_in_files_and_is_the_same(lab, tmp_path, monkeypatch):
    plain = whole_slide.film(3, CONFIG, lab)
    small = whole_slide.thumbnail(plain[-1], 16)
    monkeypatch.setattr(
        whole_slide, "choose_storage", lambda path, device, canvases: ("files", False, "cpu", "")
    )
    lab.cache = tmp_path / "elsewhere"
    mapped = whole_slide.film(3, CONFIG, lab)
    for one, other in zip(plain, mapped, strict=True):
        np.testing.assert_array_equal(one, other)
    assert {file.suffix for file in lab.cache.rglob("*") if file.is_file()} == {".npy"}
    monkeypatch.setattr(whole_slide, "LARGE", 32)
    np.testing.assert_allclose(
        whole_slide.thumbnail(mapped[-1], 16).astype(int), small.astype(int), atol=1
    )


def test_a_large_slide_is_cut_from_its_pyramid(lab, monkeypatch):
    slide = whole_slide.film(3, CONFIG, lab)[-1]
    plain = slide_level.opened(slide, 2.0)
    monkeypatch.setattr(slide_level, "LARGE", 64)
    pyramid = slide_level.opened(slide, 2.0)
    again = slide_level.opened(slide, 2.0)  # written once
    assert pyramid.path == again.path != plain.path
    assert (pyramid.height, pyramid.width, pyramid.mpp) == (128, 128, 2.0)
    differences = pyramid.read(32, 32, 48, 48).astype(int) - plain.read(32, 32, 48, 48)
    assert np.abs(differences).mean() < 12  # what JPEG leaves of noise: nobody trained the model


def test_each_stage_is_compared_with_the_one_that_guided_it(lab):
    row = whole_slide.measure(whole_slide.cells(CONFIG)[0], CONFIG, lab).values
    coarse, fine = (pixels.astype(float) for pixels in whole_slide.film(3, CONFIG, lab)[1:])
    error = average(fine, 2) - coarse
    assert len(row["stage_errors"]) == 2
    assert row["stage_errors"][1] == pytest.approx(np.abs(error).mean())
    np.testing.assert_allclose(row["stage_drifts"][1], error.mean((0, 1)))


def test_patches_are_squares_of_the_slide_made_coarser(lab):
    slide = whole_slide.film(3, CONFIG, lab)[-1]
    coarse = np.round(average(slide, 2)).astype(np.uint8)
    squares = [coarse[y : y + 32, x : x + 32] for y in (0, 32) for x in (0, 32)]
    for patch in whole_slide.patches(3, 2, CONFIG, lab):
        assert any(np.array_equal(patch, square) for square in squares)


def test_no_picture_of_a_real_patch_is_kept(row, lab):
    made = whole_slide.patches(3, 2, CONFIG, lab)[:3]
    assert list(row.images) == ["patches_3_2"]
    np.testing.assert_array_equal(row.images["patches_3_2"], np.concatenate(list(made), axis=1))
    assert row.values["nearest"] >= row.values["nearest_least"] > 0


def test_the_neighbour_of_a_training_patch_is_itself(lab):
    copies = lab.real_patches(6, 2.0, "train", "reference")
    found, distances = whole_slide.nearest_training(copies[2:5], 2.0, 6, lab)
    np.testing.assert_array_equal(found, copies[2:5])
    np.testing.assert_array_equal(distances, 0)
    told = whole_slide.nearness(copies[2:5], 2.0, 6, 2, lab)
    assert told["nearest"] == told["nearest_least"] == 0 < told["nearest_real"]
    assert told["shown"] == [0, 0]


def test_squares_of_half_tissue_are_taken_and_where_there_are_none_those_with_most():
    stream = np.random.default_rng(0)
    assert sorted(whole_slide.half_tissue(np.array([0.5, 0.2, 0.9, 0.4]), stream)) == [0, 2]
    assert whole_slide.half_tissue(np.array([0.1, 0.0, 0.4]), stream) == [2, 0, 1]


SHORT = StagePlan(3, 1, "euler", 3.0, overview_steps=3)
ZOOMED = zoom_neighbours.Config(
    size=256, mpp=1.0, places=((0.4, 0.6), (0.62, 0.76)), view_px=64, plan=SHORT,
    factors=(1, 2, 8, 16), reference=6, shown=3,
)  # fmt: skip


def test_fig_6_is_made_of_what_a_zoom_shows_and_each_place_is_made_once(lab, monkeypatch):
    path = stages(256, 256, 1.0, patch_px=32)
    at = (0.4 * 256, 0.6 * 256)
    needed = cones(lab.painter(SHORT), path, at, view_px=64, margin_px=0)
    views = drain(zoom(needed))
    shots = zoom_neighbours.shots((0.4, 0.6), ZOOMED, lab)
    assert list(shots) == [8, 4, 2, 1]
    for view, (window, image) in zip(views, shots.values(), strict=True):
        assert window == view.window
        np.testing.assert_array_equal(image, pixels(view))
    monkeypatch.setattr(zoom_neighbours, "zoom", None)  # whoever calls it fails
    zoom_neighbours.shots((0.4, 0.6), ZOOMED, lab)


def test_squares_of_two_places_never_overlap(lab, monkeypatch):
    monkeypatch.setattr(zoom_neighbours, "tissue_mask", lambda _: np.ones(1))
    cut = {factor: zoom_neighbours.squares(factor, ZOOMED, lab) for factor in ZOOMED.factors}
    assert [len(patches) for patches in cut.values()] == [4 + 3, 4 + 0, 1 + 0, 0]
    first = zoom_neighbours.shots((0.4, 0.6), ZOOMED, lab)[1][1]
    known = [first[y : y + 32, x : x + 32].tobytes() for y in (0, 32) for x in (0, 32)]
    assert sum(patch.tobytes() in known for patch in cut[1]) == 4


def test_a_scale_that_few_slides_show_is_told_and_one_that_none_shows_has_no_distance(
    lab, monkeypatch
):
    cells = zoom_neighbours.cells(ZOOMED)
    assert [cell["mpp"] for cell in cells] == [1, 2, 8, 16]
    shown = zoom_neighbours.measure(cells[0], ZOOMED, lab)
    assert shown.values["slides"] == 2  # the third phantom is held out
    assert shown.values["nearest_least"] > 0
    assert shown.images["patches_1"].shape == (32, 96, 3)
    beyond = zoom_neighbours.measure(cells[3], ZOOMED, lab)  # the slide has no such stage
    assert beyond.values["patches"] == 0
    assert not beyond.images
    monkeypatch.setattr(lab, "slides_showing", lambda mpp: 0)
    unknown = zoom_neighbours.measure(cells[1], ZOOMED, lab)
    assert unknown.values["nearest"] is None
    rows = [cell | row.values for cell, row in zip(cells, (shown, unknown), strict=False)]
    assert len(nearest_distances(rows).axes[0].get_xticks()) == 1
    line = {"mpp": 2.0, "patches": zoom_neighbours.squares(2, ZOOMED, lab)[:3], "distances": None}
    drawn = magnifications([line | {"neighbours": None}])
    assert [axes.get_title() for axes in drawn.axes] == ["", "", ""]


def test_the_figures_show_every_stage_patch_and_neighbour(row, lab):
    film = whole_slide.film(3, CONFIG, lab)
    assert len(film_strip(film, ["8", "4", "2"]).axes) == 3
    made = whole_slide.patches(3, 1, CONFIG, lab)[:3]
    found, distances = whole_slide.nearest_training(made, 2.0, 6, lab)
    line = {"mpp": 2.0, "patches": made, "distances": distances, "neighbours": found}
    figure = magnifications([line, line | {"neighbours": None}])
    assert sum(len(axes.images) for axes in figure.axes) == 9
    drawn = nearest_distances([{"mpp": 4.0, **row.values}]).axes[0]
    assert len(drawn.collections) == 4
