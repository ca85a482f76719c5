"""One stage on real guides, projected or told."""

from dataclasses import replace

import pytest

from wsigen.errors import WsigenError
from wsigen.experiments import telling

CONFIG = replace(telling.PROFILES["smoke"], strengths=(0.5,))


def test_a_guide_projected_longer_is_held_more_firmly(told_lab):
    cells = [
        {"mpp": 2.0, "way": "projected", "level": level, "strength": 0.0} for level in (1e-6, 10.0)
    ]
    held, never = (telling.measure(cell, CONFIG, told_lab).values for cell in cells)
    assert held["guide_error"] < never["guide_error"] / 2


def test_every_way_is_measured_beside_the_real_patches(told_lab):
    cells = telling.cells(CONFIG)
    assert [c["way"] for c in cells] == ["projected"] * 2 + ["told"] * 3
    rows = [telling.measure(cell, CONFIG, told_lab).values for cell in cells[-2:]]
    assert len({row["sharpness_real"] for row in rows}) == 1
    assert all(row["kid_low"] <= row["kid"] <= row["kid_high"] for row in rows)


def test_a_model_that_is_not_told_cannot_be(lab):
    with pytest.raises(WsigenError, match="not trained to be told"):
        telling.measure(telling.cells(CONFIG)[-1], CONFIG, lab)
