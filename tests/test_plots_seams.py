"""Figures of seams and guidance show the rows they are given."""

import numpy as np

from wsigen.plots.exact import curves, histograms, paths
from wsigen.plots.seams import (
    distortion_and_likeness,
    exact_distances,
    jump_profiles,
    null_test,
    relaxation_curves,
    rival_scores,
    step_effects,
    step_traces,
)

LINES = [
    {"part": "line", "scheme": name, "num_steps": n, "distance": 0.1 / n, "jump_largest": 1 + 1 / n,
     "jump": [1.0, 2.0, 1.0]}
    for name, n in (("whole image", 20), ("grid-shift", 20), ("grid-shift", 40))
]  # fmt: skip
STEPS = {"part": "steps", "sigmas": [3.0, 1.0, 0.1], "traces": [0.0, 0.5, 0.1]}


def test_profiles_show_one_line_for_each_scheme_at_the_most_common_number_of_steps():
    figure = jump_profiles([*LINES, STEPS])
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["whole image", "grid-shift"]
    assert figure.axes[1].lines[0].get_ydata().tolist() == [1, 2, 1]


def test_distances_have_a_panel_of_schemes_and_one_of_steps():
    left, right = exact_distances([*LINES, STEPS]).axes
    assert [label.get_text() for label in left.get_yticklabels()] == ["whole image", "grid-shift"]
    assert right.lines[0].get_xdata().tolist() == [20, 40]
    np.testing.assert_allclose(right.lines[1].get_ydata(), [1 / 20, 1 / 40])


def test_traces_are_over_the_noise_level():
    line = step_traces([*LINES, STEPS]).axes[0].lines[0]
    assert line.get_xdata().tolist() == STEPS["sigmas"]


def test_effects_of_steps_have_a_panel_for_each_n():
    row = {"sigmas": [3.0, 0.1], "effects": [0.0, 2.0], "effects_low": [-1.0, 1.5]}
    row["effects_high"] = [1.0, 2.5]
    figure = step_effects([{"teacher": False, "num_steps": n, **row} for n in (10, 20)])
    assert [axes.get_title() for axes in figure.axes] == ["N = 10", "N = 20"]
    (bars,) = figure.axes[1].containers
    assert bars.lines[0].get_ydata().tolist() == [0, 2]
    ends = bars.lines[2][0].get_segments()
    np.testing.assert_allclose(ends[1][:, 1], (1.5, 2.5))


def test_rivals_have_a_dot_in_each_panel():
    rows = [
        {"scheme": name, "seam_effect": 1.0, "seam_effect_low": 0.5, "seam_effect_high": 1.5,
         "detail": 0.9, "evaluations": 100, "chain": 10}
        for name in ("grid-shift", "fixed grid")
    ]  # fmt: skip
    figure = rival_scores(rows)
    assert [list(line.get_xdata()) for line in figure.axes[0].lines[:2]] == [[0.5, 1.5]] * 2
    assert len(figure.axes) == 4
    assert [line.get_ydata()[0] for line in figure.axes[2].lines] == [0, 1]


def test_fig_7_has_both_axes_and_leaves_out_a_noise_level_of_zero():
    rows = [
        {"guide": "generated", "guided_steps": r, "num_steps": 40, "sigma_free": sigma,
         "guide_error": 40.0 - r, "detail": 1.0}
        for r, sigma in ((0, 80.0), (28, 0.26), (40, 0.0))
    ]  # fmt: skip
    over_r, over_sigma, *_ = relaxation_curves(rows).axes
    assert over_r.lines[0].get_xdata().tolist() == [0, 28, 40]
    assert over_sigma.lines[0].get_xdata().tolist() == [80.0, 0.26]
    assert over_r.lines[1].get_xdata() == [28, 28]  # the paper's r


def test_the_true_patches_are_a_line_and_each_method_a_point():
    rows = [
        {"method": "true", "psnr": None, "kid": 0.0},
        {"method": "bicubic", "psnr": 30.0, "kid": 0.2},
        {"method": "diffusion, exact", "psnr": 25.0, "kid": 0.1},
    ]
    axes = distortion_and_likeness(rows).axes[0]
    assert [text.get_text() for text in axes.texts] == ["bicubic", "diffusion, exact"]
    assert len(axes.lines) == 3


def test_curves_paths_and_histograms_show_what_they_are_given():
    x = np.arange(1, 5)
    axes = curves(x, {"a": x**2}, xlabel="x", ylabel="y", log="xy").axes[0]
    assert axes.get_xscale() == axes.get_yscale() == "log"
    assert len(paths([2.0, 1.0, 0.0], np.zeros((3, 7)), [0.5]).axes[0].lines) == 8
    assert len(histograms({"N = 3": x, "N = 6": x}, (x, x)).axes) == 2


def test_the_null_test_shows_false_alarms_and_what_is_found():
    rows = [{"source": "A", "below_5_percent": 0.04, "found": {"0": 0.0, "1": 0.8, "2": 1.0}}]
    alarms, found = null_test(rows).axes
    assert alarms.lines[0].get_xydata().tolist() == [[4.0, 0.0]]
    assert list(found.lines[0].get_ydata()) == [0.0, 80.0, 100.0]
    assert [tick.get_text() for tick in alarms.get_yticklabels()] == ["A"]
