"""Plots that stand for the tables of plans, cascades and ablations: every value at its place."""

from wsigen.plots import REAL
from wsigen.plots.ablations import ablations
from wsigen.plots.guided import inherited, plan_textures, ways_to_relax


def test_textures_stand_over_their_scales_and_the_cost_is_named() -> None:
    rows = [
        {"plan": "b", "mpp": 2.8, "spectrum": 0.2, "evaluations": 20},
        {"plan": "b", "mpp": 0.7, "spectrum": 0.3, "evaluations": 20},
        {"plan": "a", "mpp": 0.7, "spectrum": 0.4, "evaluations": 79},
        {"plan": "not asked for", "mpp": 0.7, "spectrum": 9.0, "evaluations": 1},
    ]
    (axes,) = plan_textures(rows, {"a": "the paper's", "b": "ours"}).axes
    assert [line.get_label() for line in axes.lines] == [
        "the paper's: 79 evaluations",
        "ours: 20 evaluations",
    ]
    assert axes.lines[1].get_xydata().tolist() == [[0.7, 0.3], [2.8, 0.2]]


def test_what_is_inherited_has_a_line_for_each_slide_and_one_for_two_patients() -> None:
    rows = [
        {"guided_steps": steps, "seed": seed, "distance": {"A": steps + seed, "B": 0}}
        for steps in (4, 2)
        for seed in (0, 1)
    ]
    (axes,) = inherited(rows, 0.35, "A").axes
    first, second, floor = axes.lines
    assert first.get_xydata().tolist() == [[2, 2], [4, 4]]
    assert second.get_xydata().tolist() == [[2, 3], [4, 5]]
    assert set(floor.get_ydata()) == {0.35}


def test_ablations_are_compared_with_the_first() -> None:
    rows = [
        {"variant": name, "mean_loss_unseen": loss, "gap_shade": [gap, 1.0]}
        for name, loss, gap in (("other", 0.6, 1e-3), ("own", 0.7, 1e-4), ("not shown", 9, 9))
    ]
    loss, gap = ablations(rows, {"own": "ours", "other": "another"}).axes
    assert [tick.get_text() for tick in loss.get_yticklabels()] == ["ours", "another"]
    for axes, values in ((loss, [0.7, 0.6]), (gap, [1e-4, 1e-3])):
        dots = [line for line in axes.lines if len(line.get_xdata()) == 1]
        assert [line.get_xdata()[0] for line in dots] == values
        rule = next(line for line in axes.lines if len(line.get_xdata()) == 2)
        assert (rule.get_color(), set(rule.get_xdata())) == (REAL, {values[0]})


def test_ways_to_relax_are_two_lines_over_the_levels_without_rows_of_strength() -> None:
    rows = [
        {"way": way, "level": level, "strength": strength, "guide_error": level + off,
         "kid": off, "kid_low": off - 1, "kid_high": off + 1}
        for way, off in (("projected", 1), ("told", 2))
        for level, strength in ((0.3, 0.0), (0.1, 0.0), (0.1, 0.5))
    ]  # fmt: skip
    agreement, distance = ways_to_relax(rows).axes
    assert [line.get_xydata().tolist() for line in agreement.lines] == [
        [[0.1, 1.1], [0.3, 1.3]],
        [[0.1, 2.1], [0.3, 2.3]],
    ]
    assert [set(line.get_ydata()) for line in distance.lines] == [{1}, {2}]
