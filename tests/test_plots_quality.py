"""Figures of quality show the numbers of their rows."""

import numpy as np
import pytest

from wsigen.plots import REAL
from wsigen.plots.quality import (
    colour_drift,
    held_out_distance,
    held_out_scores,
    known_distances,
    loss_curve,
    resolution_scores,
    sheets,
    solver_curves,
)


def scored(value, **others):
    names = ("precision", "recall", "kid")
    scores = {name: value for name in names}
    scores |= {f"{name}_low": value - 0.1 for name in names}
    scores |= {f"{name}_high": value + 0.2 for name in names}
    return {**others, **scores}


def points(axes, label):
    """Places and heights of the points of an error bar plot."""
    bars = next(c for c in axes.containers if c.get_label() == label)
    return np.array(bars.lines[0].get_xydata())


def test_fig_5_shows_each_solver_over_steps_and_over_evaluations():
    rows = [scored(0.8, solver="real", num_steps=None, evaluations=None)]
    rows += [scored(0.1 * n, solver="heun", num_steps=n, evaluations=2 * n - 1) for n in (2, 4)] + [
        scored(0.05 * n, solver="euler", num_steps=n, evaluations=n) for n in (2, 4)
    ]
    steps, evaluations, *_ = solver_curves(rows).axes
    np.testing.assert_allclose(points(steps, "heun"), [[2, 0.2], [4, 0.4]])
    np.testing.assert_allclose(points(evaluations, "heun"), [[3, 0.2], [7, 0.4]])
    np.testing.assert_allclose(points(evaluations, "euler"), [[2, 0.1], [4, 0.2]])
    real = next(line for line in steps.lines if line.get_color() == REAL)
    assert set(real.get_ydata()) == {0.8}


def test_table_1_shows_the_papers_points_where_there_are_some():
    rows = [
        scored(0.5, scale=1.0, paper_precision=0.82, paper_recall=0.33),
        scored(0.6, scale="log", paper_precision=None, paper_recall=None),
    ]
    rows = [
        row | {f"real_{k}": v for k, v in row.items() if k.startswith(("prec", "rec"))}
        for row in rows
    ]
    rows.append({"scale": 150.0, "paper_precision": 0.84, "paper_recall": 0.36, "samples": 0})
    precision, recall = resolution_scores(rows).axes
    for axes, *values in ((precision, 0.82, 0.84), (recall, 0.33, 0.36)):
        told = next(line for line in axes.lines if "paper" in str(line.get_label()))
        assert told.get_xydata().tolist() == [[0, values[0]], [2, values[1]]]
        assert len(points(axes, "generated, ours")) == 2  # we have none at 150
    assert [tick.get_text() for tick in precision.get_xticklabels()] == ["1", "log", "150"]


def test_known_changes_are_drawn_beside_what_was_generated():
    names = ("kid", "recall")
    made = [{"mpp": 1.4} | {f"{n}{e}": 0.3 for n in names for e in ("", "_low", "_high")}]
    rows = [
        {"mpp": mpp, "change": change, "kid": 0.1, "recall": 0.2}
        for change in ("nothing", "JPEG")
        for mpp in (1.4, 2.8)
    ]
    left, right = known_distances(rows, made).axes
    assert points(left, "generated").tolist() == [[1.4, 0.3]]
    assert right.lines[1].get_xydata().tolist() == [[1.4, 0.2], [2.8, 0.2]]
    assert [line.get_label() for line in right.lines[:2]] == ["nothing", "JPEG"]


def test_scales_without_patches_are_left_out():
    row = {f"{p}kid{e}": 0.1 for p in ("", "floor_") for e in ("", "_low", "_high")}
    figure = held_out_distance([{"mpp": 1.0, "samples": 9, **row}, {"mpp": 2.0, "samples": 0}])
    assert points(figure.axes[0], "generated").tolist() == [[1.0, 0.1]]


def test_drift_is_drawn_from_the_first_stage_on():
    rows = [
        {"slide": 3, "place": place, "total_percent": [0.5, 0.8]} for place in ("tissue", "glass")
    ]
    (axes,) = colour_drift(rows).axes
    assert axes.lines[0].get_xydata().tolist() == [[1, 0.5], [2, 0.8]]
    assert [line.get_label() for line in axes.lines] == ["tissue", "glass", "aim, in glass"]


def test_drift_with_empty_glass_skipped_is_drawn_apart():
    rows = [
        {"slide": 3, "place": "glass", "skip_background": margin, "total_percent": [0.5]}
        for margin in (None, 0.5)
    ]
    (axes,) = colour_drift(rows).axes
    assert [line.get_linestyle() for line in axes.lines[:2]] == ["-", "--"]
    assert axes.lines[1].get_label() == "glass, empty glass skipped"


@pytest.mark.parametrize(("across", "down"), [(1, 5), (2, 3)])
def test_sheets_leave_no_empty_frame(across, down):
    pictures = [np.full((4, 8, 3), 40 * i, np.uint8) for i in range(5)]
    figure = sheets(pictures, list("abcde"), across)
    assert len(figure.axes) == across * down
    assert [axes.get_title() for axes in figure.axes if axes.images] == list("abcde")
    assert not any(axes.axison for axes in figure.axes)


def test_the_loss_is_drawn_on_logarithmic_axes():
    (axes,) = loss_curve([10, 100], [1.0, 0.5]).axes
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")


def test_held_out_scores_have_a_line_for_each_way_and_one_band_of_real_patches():
    ends = ("", "_low", "_high")
    row = {f"{p}{s}{e}": 0.2 for p in ("", "floor_") for s in ("kid", "recall") for e in ends}
    rows = [{"mpp": mpp, "samples": 9, **row} for mpp in (1.0, 2.0)]
    guided = [{**rows[0], "kid": 0.1}, {**rows[1], "samples": 0}]
    kid, recall = held_out_scores({"alone": rows, "guided": guided}).axes
    assert points(kid, "alone").tolist() == [[1.0, 0.2], [2.0, 0.2]]
    assert points(kid, "guided").tolist() == [[1.0, 0.1]]
    for axes in (kid, recall):
        assert next(band.get_label() for band in axes.collections) == "real training patches"
