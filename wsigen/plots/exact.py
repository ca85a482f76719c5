"""Figures of exact diffusion: curves, paths of the flow, and histograms of numbers made from noise."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from wsigen.plots import REAL, SYNTHETIC

# Okabe and Ito (2008), each with a line style of its own
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
DASHES: tuple[Any, ...] = ("-", "--", "-.", ":", (0, (5, 1)), (0, (1, 1)), (0, (3, 1, 1, 1)))


def curves(
    x: ArrayLike,
    lines: Mapping[str, ArrayLike],
    *,
    xlabel: str,
    ylabel: str,
    log: str = "",
    markers: bool = False,
) -> Figure:
    """Lines over one axis.

    Args:
        x: shape (n,).
        lines: by label, each (n,).
        xlabel, ylabel: of the axes.
        log: which axes are logarithmic: "", "x", "y" or "xy".
        markers: show the points.
    """
    figure = Figure(figsize=(6.5, 3.8), layout="constrained")
    axes = figure.subplots()
    for (label, y), colour, dash in zip(lines.items(), COLOURS, DASHES, strict=False):
        axes.plot(x, y, color=colour, linestyle=dash, marker="o" if markers else None, label=label)
    axes.set(xlabel=xlabel, ylabel=ylabel)
    axes.set_xscale("log" if "x" in log else "linear")
    axes.set_yscale("log" if "y" in log else "linear")
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    return figure


def student_borders(rows: Sequence[Mapping[str, Any]]) -> Figure:
    """What the best student leaves at borders: over the margin by steps, and from pixel to pixel with two steps.

    Args:
        rows: of the experiment "best_student", of one correlation length.
    """
    figure = Figure(figsize=(9, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    for steps, colour, dash in zip(
        dict.fromkeys(row["num_steps"] for row in rows), COLOURS, DASHES, strict=False
    ):
        line = [row for row in rows if row["num_steps"] == steps]
        margins, seams = ([row[name] for row in line] for name in ("margin_px", "last_border"))
        label = f"{steps} evaluation{'s' if steps > 1 else ''}"
        left.plot(margins, np.abs(seams), color=colour, linestyle=dash, marker="o", label=label)
    left.set(
        xlabel="margin, px",
        ylabel="squared step at the last grid,\n|made / true - 1|",
        yscale="log",
    )
    two = [row for row in rows if row["num_steps"] == 2]
    for row, colour, dash in zip(two, COLOURS, DASHES, strict=False):
        reach = len(row["profile"]) // 2
        right.plot(
            np.arange(-reach, reach + 1), row["profile"], color=colour, linestyle=dash,
            label=f"margin {row['margin_px']} px",
        )  # fmt: skip
    right.set(
        xlabel="px from a border of the last of two grids", ylabel="squared step, made / true"
    )
    for axes in (left, right):
        axes.grid(alpha=0.3)
        axes.legend(frameon=False, fontsize=8)
    return figure


def paths(sigmas: Sequence[float], x: ArrayLike, ends: Sequence[float] = ()) -> Figure:
    """Many numbers on their way from noise to data.

    Args:
        sigmas: noise levels, falling, (levels,).
        x: shape (levels, numbers).
        ends: values of the data, drawn at the end.
    """
    figure = Figure(figsize=(6.5, 3.8), layout="constrained")
    axes = figure.subplots()
    axes.plot(sigmas, np.asarray(x), color=SYNTHETIC, linewidth=0.8, alpha=0.7)
    for end in ends:
        axes.plot(0, end, marker="o", color=REAL, clip_on=False, zorder=3)
    axes.invert_xaxis()
    axes.set(xlabel="noise level σ", ylabel="x")
    axes.grid(alpha=0.3)
    return figure


def histograms(made: Mapping[str, ArrayLike], density: Sequence[ArrayLike]) -> Figure:
    """What was made, each beside the density it should have.

    Args:
        made: numbers by label.
        density: places and density, (n,) each.
    """
    figure = Figure(figsize=(2.4 * len(made), 2.4), layout="constrained")
    panels = figure.subplots(1, len(made), sharey=True, squeeze=False)[0]
    places = np.asarray(density[0])
    bins = np.linspace(places.min(), places.max(), 60)
    for axes, (label, numbers) in zip(panels, made.items(), strict=True):
        axes.hist(np.ravel(numbers), bins=bins, density=True, color=SYNTHETIC, alpha=0.6)
        axes.plot(places, density[1], color=REAL)
        axes.set_title(label, fontsize=9)
    return figure
