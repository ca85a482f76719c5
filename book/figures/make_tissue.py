"""Draw the tissue that opens the chapters, from saved experiments: generated, and broken in the way a chapter is about.

    python book/figures/make_tissue.py

writes the JPEG files beside this script, and make_tissue.json, which says what made them. Nothing is sampled here; what
has to be is in make_samples.py.
"""

from collections.abc import Callable

import numpy as np
from matplotlib.figure import Figure
from saving import save

from wsigen.experiments.result import Result, load_result
from wsigen.plots.tissue import Panel, Pixels, cut, joined, side_by_side, strips

PATCH = 64  # px, of the models that ship


def one_slide() -> Figure:
    """Chapter 1: patches that know nothing of each other, and as large a part of one slide."""
    patches = cut(load_result("heldout").image("generated_0.7"), PATCH)
    path = load_result("zoom_path")
    return side_by_side(
        [
            Panel(joined(patches, 4), "broken: 16 patches, drawn one by one", "broken"),
            Panel(finest(path), "one slide, as large a part of it"),
            Panel(path.image("65536_00"), "the same slide from afar"),
        ]
    )


def trainings() -> Figure:
    """Chapter 4: the same noise by three trainings, of which each went on from the one before."""
    made = (
        ("samples_small", "small (retired): few patients, briefly", "given"),
        ("samples_small-2", "small-2 (retired): the same, longer", "given"),
        ("samples", "small-3: eighty cases of many organs", "made"),
    )
    return strips(
        [
            Panel(joined(cut(load_result(name).image("mpp_1_5"), PATCH), 8, 2), title, kind)
            for name, title, kind in made
        ]
    )


def held_guide() -> Figure:
    """Chapter 6: a guide that is held as long as in the paper, too short, and to the end."""
    shown = load_result("relaxation")
    return side_by_side(
        [
            Panel(shown.image("guide"), "the guide", "given"),
            Panel(shown.image("guided_16"), "broken: let go too soon,\nr = 16", "broken"),
            Panel(shown.image("guided_28"), "let go in time,\nr = 28"),
            Panel(shown.image("guided_40"), "broken: held too long,\nr = 40", "broken"),
        ],
        inches=2.2,
    )


def scores_differ() -> Figure:
    """Chapter 9: patches that one score likes and another does not."""
    shown = load_result("solvers")
    rows = {(row["solver"], row["num_steps"]): row for row in shown.rows}
    panels = []
    for solver, steps, kind in (("euler", 4, "broken"), ("heun", 4, "broken"), ("2m", 8, "made")):
        row = rows[solver, steps]
        title = (
            f"{'broken' if kind == 'broken' else 'better'}: precision {row['precision']:.2f}, "
            f"recall {row['recall']:.2f}, KID {row['kid']:.2f}"
        )
        panels.append(Panel(shown.image(f"{solver}_{steps}"), title, kind))
    return strips(panels)


def two_hands() -> Figure:
    """Chapter 10: slides that a reader would be shown; which were drawn by a rule, which by the model?"""
    shown = load_result("reader_study")
    order = ("synthetic_1", "real_0", "real_2", "synthetic_0")
    titles = ("A", "B", "C", "D")
    return side_by_side(
        [
            Panel(shown.image(name), title, "given")
            for name, title in zip(order, titles, strict=True)
        ],
        inches=2.2,
    )


def plans() -> Figure:
    """Chapter 11: one place by plans that cost 79 to 5 evaluations a patch."""
    shown = load_result("fewer_evaluations")
    return side_by_side(
        [
            Panel(shown.image("the_paper_s_plan"), "79: Heun, N = 40\n(the paper's plan)"),
            Panel(shown.image("euler_10_3"), "10: Euler from σ = 3\n(fast)"),
            Panel(shown.image("2m_5_3"), "5: 2M from σ = 3\n "),
            Panel(shown.image("heun_3_3"), "broken: 5, Heun\nfrom σ = 3", "broken"),
        ],
        inches=2.2,
    )


def failures() -> Figure:
    """Chapter 12: what the model that ships cannot do."""
    alone, path = load_result("slide_level"), load_result("zoom_path")
    four = np.stack([_square(alone.image(f"slide_{number}")) for number in range(4)])
    return side_by_side(
        [
            Panel(path.image("65536_00"), "broken: pieces of many stains,\nand no organ", "broken"),
            Panel(
                joined(four, 2, 4),
                "broken: four slides, one kind\nof tissue, and one empty",
                "broken",
            ),
            Panel(finest(path), "broken: soft nuclei,\nno cell to name", "broken"),
        ]
    )


def finest(path: Result) -> Pixels:
    """The last picture of a zoom path."""
    row = next(row for row in path.rows if row["boxes"])
    return path.image(f"{row['size']}_{row['stages'] - 1:02d}")


def _square(pixels: Pixels, side: int = 192) -> Pixels:
    """The picture on a square of glass."""
    glass = np.full((side, side, 3), 245, np.uint8)
    height, width = (min(side, length) for length in pixels.shape[:2])
    glass[:height, :width] = pixels[:height, :width]
    return glass


def main() -> None:
    """Draw all."""
    figures: dict[str, Callable[[], Figure]] = {
        "one_slide": one_slide, "trainings": trainings, "held_guide": held_guide, "scores_differ": scores_differ,
        "two_hands": two_hands, "plans": plans, "failures": failures,
    }  # fmt: skip
    save(__file__, figures, dpi=96, tissue=True, results="results/classroom")


if __name__ == "__main__":
    main()
