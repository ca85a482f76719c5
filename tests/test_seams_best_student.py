"""What the best student leaves at borders, where it is known how much that is."""

import numpy as np
import pytest

from wsigen.coarse_to_fine import drain
from wsigen.errors import WsigenError
from wsigen.experiments.run import run
from wsigen.plots.exact import student_borders
from wsigen.seams.best_student import best_student

LINE = {"patch_px": 32, "length_px": 2.0}


@pytest.mark.parametrize("sigmas", [(), (0.3,), (0.9, 0.5, 0.3)])
def test_one_patch_as_long_as_the_line_has_the_true_law_whatever_the_steps(sigmas):
    found = best_student(sigmas, patches=1, **LINE)
    np.testing.assert_allclose(found.made, found.true, atol=1e-12)


def test_the_first_step_is_exact_within_a_patch_and_knows_its_neighbour_by_the_guide_alone():
    """Without noise in the guide neighbours share nothing but what their own averages say of each other."""
    found = best_student((), guide_sigma=1e-6, **LINE)
    one, other = slice(0, 32), slice(32, 64)
    np.testing.assert_allclose(found.made[one, one], found.true[one, one], atol=1e-12)
    average = np.kron(np.eye(16), [[0.5, 0.5]])
    true = found.true[one, one]
    gain = true @ average.T @ np.linalg.inv(average @ true @ average.T)
    between = gain @ average @ found.true[one, other] @ average.T @ gain.T
    np.testing.assert_allclose(found.made[one, other], between, atol=1e-8)


def test_the_second_step_moves_most_of_a_seam_half_a_patch_away_and_a_wide_margin_leaves_none():
    one, two = best_student((), **LINE), best_student((0.3,), **LINE)
    assert one.jump[31] > two.jump[31] > two.jump[15] > 1.05
    assert one.jump[15] == pytest.approx(1)
    wide = best_student((0.3,), patch_px=32 + 2 * 16, margin_px=16, length_px=2.0)
    np.testing.assert_allclose(wide.jump, 1, atol=0.02)
    np.testing.assert_allclose(wide.made, wide.true, atol=1e-3)


def test_a_margin_that_leaves_nothing_to_write_is_refused():
    with pytest.raises(WsigenError, match="margins of 16 px"):
        best_student(margin_px=16, **LINE)


def test_the_experiment_says_what_margins_leave_and_cost(lab):
    result = drain(run("best_student", "smoke", lab))
    one, one_margin, two, two_margin = result.rows
    assert one["last_border"] > two["last_border"] > 10 * abs(two_margin["last_border"])
    assert one["first_border"] is None
    assert two_margin["border_px"] > 100 * two["border_px"]
    assert two_margin["cost"] == 2 * (24 / 20) ** 2
    assert len(two["profile"]) == 25
    off = [abs(jump - 1) for jump in one_margin["profile"]]
    assert max(off) == pytest.approx(abs(one_margin["last_border"]), abs=1e-6)
    assert off[10] < abs(one_margin["last_border"])
    assert len(student_borders(result.rows).axes) == 2
