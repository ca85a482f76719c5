"""The experiment behind Fig. 6, on a model nobody trained."""

import numpy as np
import pytest

from wsigen.experiments import slide_level, whole_slide
from wsigen.metrics.stages import average
from wsigen.plots.whole_slide import film_strip, magnifications, nearest_distances

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


def test_the_neighbour_of_a_training_patch_is_itself(lab, monkeypatch):
    copies = lab.real_patches(6, 2.0, "train", "reference")
    monkeypatch.setattr(whole_slide, "patches", lambda *_: copies[2:5])
    made, found, distances = whole_slide.neighbours(3, 1, CONFIG, lab)
    np.testing.assert_array_equal(made, found)
    np.testing.assert_array_equal(distances, 0)


def test_the_figures_show_every_stage_patch_and_neighbour(row, lab):
    film = whole_slide.film(3, CONFIG, lab)
    assert len(film_strip(film, ["8", "4", "2"]).axes) == 3
    made, found, distances = whole_slide.neighbours(3, 1, CONFIG, lab)
    line = {"mpp": 2.0, "patches": made, "distances": distances, "neighbours": found}
    figure = magnifications([line, line | {"neighbours": None}])
    assert sum(len(axes.images) for axes in figure.axes) == 9
    drawn = nearest_distances([{"mpp": 4.0, **row.values}]).axes[0]
    assert len(drawn.collections) == 4
