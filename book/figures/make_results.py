"""Draw the plots of the chapters, each in place of a table, from saved experiments.

    python book/figures/make_results.py

writes the PNG files beside this script, and make_results.json, which says what made them. Nothing is measured here.
"""

from collections.abc import Callable
from typing import Any

from matplotlib.figure import Figure
from saving import save

from wsigen.experiments.result import load_result
from wsigen.plots.ablations import ablations
from wsigen.plots.exact import student_borders
from wsigen.plots.fewer_evaluations import pareto
from wsigen.plots.guided import inherited, plan_textures, ways_to_relax
from wsigen.plots.quality import (
    colour_drift,
    held_out_scores,
    known_distances,
    resolution_scores,
    solver_curves,
)
from wsigen.plots.seams import (
    exact_distances,
    null_test,
    relaxation_curves,
    rival_scores,
    step_effects,
)
from wsigen.plots.whole_slide import nearest_distances

VARIANTS = {
    "reference": "the network as small was begun",
    "group norm": "normalised over the patch",
    "no attention": "without attention",
    "not told mpp": "not told the scale",
    "fold 1": "no pixels folded",
    "detail": "with detail at full size",
    "averages": "told averages",
}


def rows(name: str) -> list[dict[str, Any]]:
    """The table of a saved experiment."""
    return load_result(name).rows


def textures() -> Figure:
    """Chapter 5: plans of a guided stage."""
    plans = {
        "paper, guided to 0.3": "Heun, N = 40 (the paper)",
        "heun 12, guided to 0.3": "Heun, N = 12",
        "euler 20, guided to 0.3": "Euler, N = 20",
    }
    stages = [row for row in rows("textures") if row["what"] == "stage"]
    return plan_textures(stages, plans)


def cascade() -> Figure:
    """Chapter 6: letting go sooner, over all stages."""
    found = rows("textures")
    (floor,) = (row["distance_of_patients"] for row in found if row["what"] == "patients")
    return inherited([row for row in found if row["what"] == "slide"], floor, "her2st-C")


def telling() -> Figure:
    """Chapter 6: a guide that is enforced, and one that is told."""
    return ways_to_relax([row for row in rows("telling") if row["mpp"] == 2.8])


def held_out() -> Figure:
    """Chapters 4 and 9: patients that the model has not seen."""
    return held_out_scores({"small-3": rows("heldout")})


def known_changes() -> Figure:
    """Chapter 9: how far a distance is."""
    made = [*rows("sections_fine_most"), *rows("sections_many")]
    return known_distances(rows("known_changes"), made)


def main() -> None:
    """Draw all."""
    figures: dict[str, Callable[[], Figure]] = {
        "ablations": lambda: ablations(rows("ablations"), VARIANTS),
        "solvers": lambda: solver_curves(rows("solvers")),
        "textures": textures,
        "relaxation": lambda: relaxation_curves(rows("relaxation")),
        "cascade": cascade,
        "telling": telling,
        "best_student": lambda: student_borders(
            [row for row in rows("best_student") if row["length_px"] == 3.5]
        ),
        "exact_schemes": lambda: exact_distances(rows("exact_field")),
        "rivals": lambda: rival_scores(rows("rivals")),
        "step_seams": lambda: step_effects(rows("step_seams")),
        "drift": lambda: colour_drift(rows("colour")),
        "neighbours": lambda: nearest_distances(rows("zoom_neighbours")),
        "held_out": held_out,
        "known_changes": known_changes,
        "null_test": lambda: null_test(rows("null_seams")),
        "table_1": lambda: resolution_scores(rows("resolution")),
        "pareto": lambda: pareto(rows("fewer_evaluations")),
    }
    save(__file__, figures, dpi=96, results="results/classroom")


if __name__ == "__main__":
    main()
