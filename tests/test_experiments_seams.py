"""The experiments round grid-shift and guidance, in seconds, with a model nobody trained."""

from dataclasses import replace

from wsigen.experiments.relaxation import PROFILES
from wsigen.experiments.run import complete, run


def test_rivals_share_guide_and_noise_and_the_ledger_says_what_they_spend(lab, tmp_path):
    result = complete(run("rivals", "smoke", lab, out=tmp_path))
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
    assert result.image("grid-shift").shape == (128, 128, 3)


def test_the_longer_the_guide_binds_the_nearer_the_image_stays_to_it(lab, tmp_path):
    config = replace(PROFILES["smoke"], guided=(0, 5, 10), real=8)
    result = complete(run("relaxation", "smoke", lab, config=config, out=tmp_path))
    for kind in ("generated", "real"):
        errors = [row["guide_error"] for row in result.rows if row["guide"] == kind]
        assert errors == sorted(errors, reverse=True)
        assert errors[-1] < errors[0]
    assert result.rows[0]["sigma_last"] is None
    assert result.rows[2]["sigma_free"] == 0
    assert result.image("guide").shape == result.image("guided_05").shape == (64, 64, 3)


def test_super_resolution_compares_all_methods_with_the_true_patches(lab, tmp_path):
    result = complete(run("super_resolution", "smoke", lab, out=tmp_path))
    rows = {row["method"]: row for row in result.rows}
    assert rows["true"]["psnr"] is None
    assert rows["bicubic"]["psnr"] > 20 > 1 > rows["bicubic"]["ssim"] > 0.5
    assert rows["true"]["sharpness"] > rows["bicubic"]["sharpness"]
    assert {row["split"] for row in result.rows} == {"test"}
    assert not list(tmp_path.rglob("*.png"))  # of real tissue


def test_the_regressor_begins_as_repetition_and_learns(lab):
    import torch

    from wsigen.experiments.super_resolution import Config, Regressor, as_images, trained_regressor
    from wsigen.guidance import AveragePool

    config = Config(channels=8, blocks=1, steps=60, train_patches=16)
    true = as_images(lab.real_patches(16, config.mpp, "train"))
    guide = AveragePool(2)(true)
    before, after = Regressor(8, 1), trained_regressor(lab, config)
    torch.testing.assert_close(before(guide), AveragePool(2).pinv(guide))
    errors = [(network(guide) - true).square().mean().item() for network in (before, after)]
    assert errors[1] < 0.9 * errors[0]
