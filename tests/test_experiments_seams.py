"""The experiments round grid-shift and guidance, in seconds, with a model nobody trained."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from wsigen.coarse_to_fine import drain
from wsigen.experiments import step_seams
from wsigen.experiments.relaxation import PROFILES
from wsigen.experiments.run import run
from wsigen.plan import FAST, Stage
from wsigen.runs.stage import StageRun


def test_rivals_share_guide_and_noise_and_the_ledger_says_what_they_spend(lab, tmp_path):
    result = drain(run("rivals", "smoke", lab, out=tmp_path))
    rows = {row["scheme"]: row for row in result.rows}
    assert rows["fixed grid"]["evaluations"] == 4 * 4 * 3
    assert rows["mask-shift"]["evaluations"] == 7 * 7 * 3
    assert rows["mask-shift"]["chain"] == (3 * 7 - 2) * 3
    assert rows["grid-shift"]["chain"] == 3
    assert 4 * 4 * 3 < rows["grid-shift"]["evaluations"] <= 5 * 5 * 3
    for row in result.rows:
        assert 0 < row["seam_p"] <= 1
        assert 0 < row["guide_error"] < 100  # of 255; the model knows nothing
        assert row["kid_low"] < row["kid"] < row["kid_high"]
        assert row["detail"] > 0
        assert row["periodogram"] > 0
        assert row["seam_effect_low"] < row["seam_effect"] < row["seam_effect_high"]
        assert row["step_effects"][-1] == row["last_seam_effect"]
        assert len(row["step_effects"]) == len(row["step_sigmas"]) == 3
    assert result.image("grid-shift").shape == (128, 128, 3)


def test_a_seam_that_one_step_left_is_seen_at_its_grid_only(lab, monkeypatch):
    config = replace(step_seams.PROFILES["smoke"], steps=(6,))
    stage = Stage(9, 4 * 32, 4 * 32, config.mpp)

    def torn(config, plan, lab, draw):
        """Smooth noise that jumps by ten grey levels along the grid of step 3."""
        noise = np.random.default_rng(draw).standard_normal((128, 128, 3))
        image = 128 + 60 * gaussian_filter(noise, (3, 3, 0))
        top, left = step_seams.corners_of_steps(stage, 32, plan, lab.seed + draw)[3]
        checks = np.add.outer((np.arange(128) - top) // 32, (np.arange(128) - left) // 32) % 2
        return (image + 10 * checks[..., None]).astype(np.uint8)

    monkeypatch.setattr(step_seams, "made", torn)
    row = step_seams.measure({"teacher": False, "num_steps": 6}, config, lab).values
    assert row["worst_step"] == 3
    assert row["worst_grey"] > 5
    assert row["p_values"][3] < 0.01
    assert all(row["effects"][i] < 0.5 * row["effects"][3] for i in (0, 1, 2, 4, 5))
    assert row["effects_low"][3] <= row["effects"][3] <= row["effects_high"][3]


@pytest.mark.parametrize("shifts", ["uniform", "low-discrepancy"])
def test_the_corners_of_steps_are_those_of_the_run(shifts, lab):
    plan = replace(FAST, shifts=shifts)
    stage = Stage(9, 128, 128, 1.4)
    guide = torch.zeros(3, 64, 64)
    run = StageRun(lab.denoiser.painter(plan, seed=5), stage, guide)
    corners = step_seams.corners_of_steps(stage, 32, plan, 5)
    for i, (top, left) in enumerate(corners):
        assert {window.top % 32 for window in run.grid(i)} == {top}
        assert {window.left % 32 for window in run.grid(i)} == {left}


def test_the_guide_is_let_go_at_one_noise_level_whatever_the_steps(lab):
    config = replace(step_seams.PROFILES["smoke"], steps=(2, 4, 10))
    rows = drain(run("step_seams", "smoke", lab, config=config)).rows
    let_go = config.plan.sigmas()[config.plan.guided_steps - 1]
    for row in rows:
        assert row["sigmas"][row["guided_steps"] - 1] >= let_go * 0.999
        assert row["sigmas"][row["guided_steps"]] < let_go * 0.999
    assert rows[-1]["guided_steps"] == config.plan.guided_steps == 2


def test_the_longer_the_guide_binds_the_nearer_the_image_stays_to_it(lab, tmp_path):
    config = replace(PROFILES["smoke"], guided=(0, 5, 10), real=8)
    result = drain(run("relaxation", "smoke", lab, config=config, out=tmp_path))
    for kind in ("generated", "real"):
        errors = [row["guide_error"] for row in result.rows if row["guide"] == kind]
        assert errors == sorted(errors, reverse=True)
        assert errors[-1] < errors[0]
    assert result.rows[0]["sigma_last"] is None
    assert result.rows[2]["sigma_free"] == 0
    assert result.image("guide").shape == result.image("guided_05").shape == (64, 64, 3)


def test_super_resolution_compares_all_methods_with_the_true_patches(lab, tmp_path):
    result = drain(run("super_resolution", "smoke", lab, out=tmp_path))
    rows = {row["method"]: row for row in result.rows}
    assert rows["true"]["psnr"] is None
    assert rows["bicubic"]["psnr"] > 20 > 1 > rows["bicubic"]["ssim"] > 0.5
    assert rows["true"]["sharpness"] > rows["bicubic"]["sharpness"]
    assert {row["split"] for row in result.rows} == {"test"}
    assert not list(tmp_path.rglob("*.jpg"))  # of real tissue


def test_the_regressor_begins_as_repetition_and_learns(lab):
    from wsigen.experiments.super_resolution import Config, Regressor, trained_regressor
    from wsigen.guidance import AveragePool
    from wsigen.pixels import to_images

    config = Config(channels=8, blocks=1, steps=60, train_patches=16)
    true = to_images(lab.real_patches(16, config.mpp, "train"))
    guide = AveragePool(2)(true)
    before, after = Regressor(8, 1), trained_regressor(lab, config)
    torch.testing.assert_close(before(guide), AveragePool(2).pinv(guide))
    errors = [(network(guide) - true).square().mean().item() for network in (before, after)]
    assert errors[1] < 0.9 * errors[0]
