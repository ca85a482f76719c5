"""The experiments on what slides cost, in seconds, with a model nobody trained."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from wsigen.coarse_to_fine import drain
from wsigen.experiments.fewer_evaluations import (
    BASE,
    SWITCHES,
    Config,
    cells,
    crops,
    evaluations_of,
    points_of,
)
from wsigen.experiments.one_patch import BY_COST, PLACES, magnified
from wsigen.experiments.run import run
from wsigen.experiments.zoom_path import PROFILES
from wsigen.plan import PAPER, StagePlan
from wsigen.plots.fewer_evaluations import pareto, switches, zoom_cost
from wsigen.plots.zoom import zoom_path


def test_a_zoom_path_shows_every_scale_and_grows_with_the_stages_only(lab, tmp_path):
    config = replace(PROFILES["smoke"], sizes=(256, 65_536, 131_072), shown=(256,), view_px=64)
    result = drain(run("zoom_path", "smoke", lab, config=config, out=tmp_path))
    shown, large, larger = result.rows
    images = [result.image(f"256_{stage:02d}") for stage in range(shown["stages"])]
    assert images[-1].shape == (64, 64, 3)
    assert shown["patches"][-1] <= shown["patches_of_whole"][-1]
    assert larger["evaluations_of_whole"] > 3.9 * large["evaluations_of_whole"]
    assert np.diff(larger["patches"][-4:]).max() < 60
    assert larger["patches"][-1] == pytest.approx(large["patches"][-1], rel=0.5)
    assert len(zoom_path(images, shown["mpps"], shown["boxes"]).axes) >= len(images)
    assert len(zoom_cost(result.rows).axes[0].lines) == 2


SHORT = StagePlan(3, 2, "2m", sigma_start=3.0, sigma_min=0.02)
SWITCHED = (
    ("never guided", replace(SHORT, guided_steps=0)),
    ("longer", replace(SHORT, first_steps=(4,))),
)


def test_plans_are_compared_on_slides_from_the_same_overviews(lab, tmp_path):
    config = Config(
        (("2m", 3, 3.0), ("heun", 2, 3.0), ("2m", 2, 0.7)), SWITCHED, slides=1, real=16, margins=(None, 0.0),
        skip_px=64, skip_mpp=8.0, mpp=2.0, patches=(("short", SHORT),),
    )  # fmt: skip
    result = drain(run("fewer_evaluations", "smoke", lab, config=config, out=tmp_path))
    one, heun, _, held, longer = result.rows[1:6]
    assert [row["evaluations"] for row in result.rows[1:6]] == [3, 3, 2, 3, 3.2]
    assert longer["difference"] == 0  # the one with most evaluations is the reference
    assert heun["difference"] > 0
    assert held["difference"] != one["difference"]
    assert one["crops"] == 9
    assert result.rows[6]["evaluations"] == 3
    assert result.image("patch_short").shape == (PLACES * lab.patch_px, lab.patch_px, 3)
    spent = [row["evaluations"] for row in result.rows[-2:]]
    assert result.rows[-2]["skipped"] == 0
    assert spent[1] <= spent[0]
    assert len(pareto(result.rows).axes) == 4
    assert len(switches([held, longer], one).axes) == 5


def test_one_patch_is_shown_at_rising_cost_up_to_the_paper_s() -> None:
    assert [plan.evaluations for _, plan in BY_COST] == [1, 2, 4, 6, 10, 79]


def test_a_patch_whose_guide_binds_to_the_end_keeps_the_averages_of_its_guide(lab):
    """Exact super-resolution, whatever the network says; half a grey level is lost by rounding at most."""
    side = lab.patch_px // 2
    guides = [torch.full((3, side, side), grey) for grey in (-0.2, 0.1)]
    bound = replace(
        SHORT, guided_steps=3, sigma_start=0.2
    )  # so that nothing is cut at black or white
    made = magnified(guides, bound, 2.0, lab)
    averages = made.reshape(2, side, 2, side, 2, 3).mean((2, 4))
    assert made.std(axis=(1, 2, 3)).min() > 1
    np.testing.assert_allclose(averages[0], 0.8 * 127.5, atol=0.51)
    np.testing.assert_allclose(averages[1], 1.1 * 127.5, atol=0.51)


def test_the_points_of_the_table_are_plans_of_their_own():
    points = [tuple(cell.values()) for cell in cells(Config())]
    assert len(points) == len(set(points))
    assert len({repr(plan) for _, plan in points_of(Config())}) > len(Config().plans) + 8


def test_a_switch_changes_the_evaluations_of_its_stages_only():
    assert evaluations_of(BASE, 2) == 8
    assert evaluations_of(dict(SWITCHES)["first stage with 14 steps"], 2) == (4 * 14 + 16 * 8) / 20
    assert evaluations_of(PAPER, 2) == 79


def test_crops_lie_across_the_borders_of_the_base_grid():
    slides = np.zeros((2, 256, 256, 3), np.uint8)
    slides[:, 64::64] = 1
    found = crops(slides, 64)
    assert found.shape == (2 * 9, 64, 64, 3)
    assert all(crop[32].all() and crop.sum() == crop[32].sum() for crop in found)
