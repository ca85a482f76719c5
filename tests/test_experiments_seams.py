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
    config = replace(PROFILES["smoke"], guided=(0, 3, 6), real=8)
    result = complete(run("relaxation", "smoke", lab, config=config, out=tmp_path))
    for kind in ("generated", "real"):
        errors = [row["guide_error"] for row in result.rows if row["guide"] == kind]
        assert errors == sorted(errors, reverse=True)
        assert errors[-1] < errors[0]
    assert result.rows[0]["sigma_last"] is None
    assert result.rows[2]["sigma_free"] == 0
    assert result.image("guide").shape == result.image("guided_03").shape == (64, 64, 3)
