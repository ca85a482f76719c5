"""The exact law of what schemes make of a Gaussian line, against dense matrices written down another way."""

import itertools

import numpy as np
import pytest

from wsigen.coarse_to_fine import drain
from wsigen.errors import WsigenError
from wsigen.experiments.run import run
from wsigen.runs.stage import StageRun
from wsigen.schedule import karras_sigmas
from wsigen.seams.exact import STD, Law, border_traces, law
from wsigen.seams.gaussian_field import GaussianField
from wsigen.seams.grid_shift import FixedGrid, GridShift, WholeImage
from wsigen.seams.mask_shift import MaskShift
from wsigen.seams.multidiffusion import MultiDiffusion

LINE = {"length": 24, "patch_px": 8, "length_px": 2.0}


def covariance(length: int) -> np.ndarray:
    field = GaussianField(48, 24, 2.0, dimensions=1)
    return STD**2 * field.covariance(1, 24)[:length, :length]


def heun(x, estimate, num_steps):
    """Heun's solver for anything that can be added, from the highest noise level to 0."""
    sigmas = karras_sigmas(num_steps).tolist()
    for sigma, after in itertools.pairwise(sigmas):
        first = (x - estimate(x, sigma)) / sigma
        euler = x + (after - sigma) * first
        second = (euler - estimate(euler, after)) / after if after else first
        x = x + (after - sigma) * (first + second) / 2
    return x


def filter_of(patch: np.ndarray, sigma: float) -> np.ndarray:
    return patch @ np.linalg.inv(patch + sigma**2 * np.eye(len(patch)))


def test_the_law_of_a_fixed_grid_is_that_of_patches_on_their_own():
    patch = covariance(8)
    response = heun(80 * np.eye(8), lambda x, sigma: filter_of(patch, sigma) @ x, 6)
    expected = np.kron(np.eye(3), response @ response.T)
    made = law(FixedGrid(), num_steps=6, **LINE)
    np.testing.assert_allclose(made.made, expected, atol=1e-5)
    np.testing.assert_allclose(made.true, covariance(24))
    assert made.jump[[7, 15]].min() > 3 * np.delete(made.jump, [7, 15]).max()


def test_the_law_of_mask_shift_is_that_of_patches_continued_one_by_one():
    """Each patch, as a linear map from the noise of all: where finished, its estimate is what is there."""
    patch, starts = covariance(8), [0, 4, 8, 12, 16]
    line, done = np.zeros((24, 40)), np.zeros(24, bool)
    for number, start in enumerate(starts):
        place, known = slice(start, start + 8), done[start : start + 8]
        noise = np.zeros((8, 40))
        noise[:, number * 8 : number * 8 + 8] = np.eye(8)
        finished = line[place].copy()

        def estimate(x, sigma, finished=finished, known=known):
            return np.where(known[:, None], finished, filter_of(patch, sigma) @ x)

        line[place] = np.where(known[:, None], finished, heun(80 * noise, estimate, 6))
        done[place] = True
    made = law(MaskShift(), num_steps=6, **LINE)
    np.testing.assert_allclose(made.made, line @ line.T, atol=1e-5)


def test_averaging_overlapping_steps_has_the_law_of_averaged_matrices():
    patch, sigmas = covariance(8), karras_sigmas(6).tolist()
    total = 80 * np.eye(24)
    for sigma, after in itertools.pairwise(sigmas):
        one = np.eye(8) - (1 - after / sigma) * (np.eye(8) - filter_of(patch, sigma))
        if after:
            first = (np.eye(8) - filter_of(patch, sigma)) / sigma
            second = (np.eye(8) - filter_of(patch, after)) / after @ one
            one = np.eye(8) + (after - sigma) * (first + second) / 2
        step = np.zeros((24, 24))
        for start in range(0, 24, 4):
            places = np.arange(start, start + 8) % 24
            step[np.ix_(places, places)] += one / 2
        total = step @ total
    made = law(MultiDiffusion(), num_steps=6, **LINE)
    np.testing.assert_allclose(made.made, total @ total.T, atol=1e-5)


def test_whole_image_sampling_has_no_seams_and_is_right_but_for_the_solver():
    coarse, fine = (law(WholeImage(), num_steps=n, whole_image=True, **LINE) for n in (10, 60))
    assert fine.jump.std() < 1e-5
    assert fine.distance < 1e-4 < 4 * coarse.distance
    assert fine.variance == pytest.approx(np.ones(24), abs=0.02)


def test_grid_shift_leaves_less_of_a_seam_than_a_fixed_grid_and_less_with_more_steps():
    fixed = law(FixedGrid(), num_steps=20, **LINE)
    coarse, fine = (
        np.mean([law(GridShift(), num_steps=n, seed=s, **LINE).distance for s in range(4)])
        for n in (10, 40)
    )
    assert fine < 0.5 * coarse
    assert coarse < 0.9 * fixed.distance


def test_borders_of_the_middle_of_the_schedule_leave_traces_and_the_first_and_last_do_not():
    traces = border_traces(num_steps=12, draws=12, **LINE)
    sigmas = karras_sigmas(12).tolist()[:-1]
    assert 0.05 < sigmas[int(traces.argmax())] < 3
    assert np.abs(traces[[0, 1, -1]]).max() < 0.1 * traces.max()


def test_the_distance_of_independent_pixels_is_that_of_their_standard_deviations():
    true, made = np.array([1.0, 4.0, 9.0]), np.array([4.0, 4.0, 1.0])
    found = Law(np.diag(made), np.diag(true)).distance
    assert found == pytest.approx(((np.sqrt(true) - np.sqrt(made)) ** 2).sum() / true.sum())
    assert Law(np.diag(true), np.diag(true)).distance == pytest.approx(0, abs=1e-12)


def test_a_scheme_that_is_not_linear_is_refused(monkeypatch):
    monkeypatch.setattr("wsigen.seams.exact.Unclipped", StageRun)
    with pytest.raises(WsigenError, match="no linear image of its noise"):
        law(WholeImage(), num_steps=6, whole_image=True, **LINE)


def test_the_experiment_ranks_grid_shift_between_fixed_grid_and_whole_image(lab, tmp_path):
    result = drain(run("exact_field", "smoke", lab, out=tmp_path))
    line = {r["scheme"]: r for r in result.rows if r["part"] == "line" and r["num_steps"] == 20}
    assert (
        line["whole image"]["distance"]
        < line["grid-shift"]["distance"]
        < line["fixed grid"]["distance"]
    )
    for guided in (False, True):
        image = {
            r["scheme"]: r for r in result.rows if r["part"] == "image" and r["guided"] == guided
        }
        assert image["whole image"]["from_whole"] == 0
        assert 0 < image["grid-shift"]["from_whole"] < image["fixed grid"]["from_whole"]
        assert image["fixed grid"]["evaluations_per_patch"] == 9
    assert result.image("grid-shift_guided").shape == (64, 64, 3)
