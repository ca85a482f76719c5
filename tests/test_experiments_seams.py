"""The experiments round grid-shift and guidance, in seconds, with a model nobody trained."""

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
