"""Draw the tissue that opens the chapters, from saved experiments: generated, and broken in the way a chapter is about.

    python book/figures/make_tissue.py

writes the JPEG files beside this script, and make_tissue.json, which says what made them. Nothing is sampled here; what
has to be is in make_samples.py.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from PIL import Image
from saving import save

from wsigen.experiments.result import Result, load_result
from wsigen.plots.tissue import Panel, Pixels, cut, joined, side_by_side, strips

PATCH = 64  # px, of the models that ship
SECTION = Path(__file__).with_name("section")  # of the first page, by make_section.py


def one_slide() -> Figure:
    """Chapter 1: patches that know nothing of each other, and as large a part of one slide."""
    patches = cut(load_result("heldout").image("generated_1.5"), PATCH)
    with Image.open(SECTION / "still.jpg") as still:
        afar = _square(np.asarray(still), still.width)
    return side_by_side(
        [
            Panel(joined(patches, 4), "broken: 16 patches, drawn one by one", "broken"),
            Panel(_near("12/3_2", 4 * PATCH), "one slide, as large a part of it"),
            Panel(afar, "the same slide from afar"),
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
            Panel(shown.image("guided_40"), "held to the end,\nr = 40"),
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


def failures() -> Figure:
    """Chapter 12: what the model that ships cannot do."""
    sections = load_result("sections")
    rim, even = sections.image("student_2")[:, 128:], sections.image("student_3")[80:272, 170:362]
    return side_by_side(
        [
            Panel(rim, "broken: from afar,\ncut straight at its rim", "broken"),
            Panel(even, "broken: 0.75 mm of one texture,\nno lobules, no ducts", "broken"),
            Panel(
                _near("12/2_1", 180, 320),
                "broken: where it is dense,\nnuclei are smeared",
                "broken",
            ),
        ]
    )


def _near(tile: str, side: int, top: int = 0) -> Pixels:
    """A square at the left edge of a tile of the section."""
    with Image.open(SECTION / "tiles" / f"{tile}.jpg") as opened:
        return np.asarray(opened)[top : top + side, :side]


def finest(path: Result) -> Pixels:
    """The last picture of a zoom path."""
    row = next(row for row in path.rows if row["boxes"])
    return path.image(f"{row['size']}_{row['stages'] - 1:02d}")


def _square(pixels: Pixels, side: int) -> Pixels:
    """The picture in the middle of a square of glass."""
    glass = np.full((side, side, 3), 245, np.uint8)
    height, width = pixels.shape[:2]
    top, left = (side - height) // 2, (side - width) // 2
    glass[top : top + height, left : left + width] = pixels
    return glass


def main() -> None:
    """Draw all."""
    figures: dict[str, Callable[[], Figure]] = {
        "one_slide": one_slide, "trainings": trainings, "held_guide": held_guide, "scores_differ": scores_differ,
        "two_hands": two_hands, "failures": failures,
    }  # fmt: skip
    save(__file__, figures, dpi=96, tissue=True, results="results/classroom")


if __name__ == "__main__":
    main()
