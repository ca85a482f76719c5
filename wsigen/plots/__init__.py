"""One function per figure: data in, a matplotlib Figure out. Figures of one topic share a file here."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

REAL, SYNTHETIC = (
    "#0072b2",
    "#d55e00",
)  # blue and vermilion: told apart by every kind of colour vision


def reader_ratings(
    ratings: NDArray[np.float64], synthetic: NDArray[np.bool_], readers: Sequence[str]
) -> Figure:
    """Fig. 8: each reader's ratings, those of real slides beside those of synthetic ones, over a box plot of each.

    Args:
        ratings: (readers, slides), 0 real to 100 synthetic, NaN where not rated.
        synthetic: (slides,), which of them are synthetic.
        readers: names for the axis.
    """
    figure = Figure(figsize=(1.6 + 1.5 * len(readers), 4), layout="constrained")
    axes = figure.subplots()
    for side, (label, colour, marker, chosen) in enumerate(
        [("real", REAL, "o", ~synthetic), ("synthetic", SYNTHETIC, "^", synthetic)]
    ):
        places = np.arange(len(readers)) + (-0.19, 0.19)[side]
        columns = [row[chosen][~np.isnan(row[chosen])] for row in ratings]
        boxes = axes.boxplot(
            columns, positions=places, widths=0.3, showfliers=False, manage_ticks=False
        )
        for name in ("boxes", "whiskers", "caps", "medians"):
            for line in boxes[name]:
                line.set(color=colour, linewidth=2 if name == "medians" else 1)
        for place, column in zip(places, columns, strict=True):
            # Points of one value stand side by side: spread in order, not at random.
            spread = (
                np.linspace(-0.11, 0.11, len(column)) if len(column) > 1 else np.zeros(len(column))
            )
            axes.scatter(
                place + spread, column, s=18, color=colour, marker=marker, alpha=0.6, linewidths=0,
                label=label if place == places[0] else None,
            )  # fmt: skip
    axes.set_xticks(range(len(readers)), readers)
    axes.set_xlim(-0.5, len(readers) - 0.5)
    axes.set_ylim(-3, 103)
    axes.set_ylabel("rating: 0 real … 100 synthetic")
    axes.axhline(50, color="0.6", linewidth=0.8, linestyle=":", zorder=0)
    figure.legend(loc="outside upper center", ncols=2, frameon=False)
    return figure
