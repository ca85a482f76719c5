"""Figures of whole slides: their stages, their patches at each magnification, and how near training patches lie."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from wsigen.plots import REAL, SYNTHETIC

Pixels = NDArray[np.uint8]
PANEL = 1.35  # side of a small picture, in inches


def film_strip(stages: Sequence[Pixels], labels: Sequence[str]) -> Figure:
    """The stages of a slide side by side, all at one size, each under what it is.

    Args:
        stages: pictures (height, width, 3), from the overview on.
        labels: one per stage, such as "48 um/px".
    """
    figure = Figure(figsize=(1.9 * len(stages), 2.2), layout="constrained")
    for axes, pixels, label in zip(
        np.atleast_1d(figure.subplots(1, len(stages))), stages, labels, strict=True
    ):
        _show(axes, pixels, label)
    return figure


def magnifications(rows: Sequence[Mapping[str, Any]]) -> Figure:
    """Fig. 6: patches of a slide at each magnification, below each patch its nearest training patch, if given.

    Args:
        rows: each with ``mpp``, ``patches`` (n, height, width, 3), ``distances`` (n,) or None, and ``neighbours``,
            as the patches or None.
    """
    lines = sum(1 if row["neighbours"] is None else 2 for row in rows)
    columns = max(len(row["patches"]) for row in rows)
    figure = Figure(figsize=(PANEL * columns + 0.5, (PANEL + 0.2) * lines), layout="constrained")
    grid = figure.subplots(lines, columns, squeeze=False)
    for axes in grid.flat:
        axes.axis("off")
    line = 0
    for row in rows:
        titles = [""] * columns
        if row["distances"] is not None:
            titles = [f"{distance:.1f}" for distance in row["distances"]]
        for axes, pixels, title in zip(grid[line], row["patches"], titles, strict=False):
            _show(axes, pixels, title)
        _name(grid[line, 0], f"{row['mpp']:g} µm/px")
        line += 1
        if row["neighbours"] is not None:
            for axes, pixels in zip(grid[line], row["neighbours"], strict=False):
                _show(axes, pixels, "")
            _name(grid[line, 0], "nearest")
            line += 1
    return figure


def nearest_distances(rows: Sequence[Mapping[str, Any]]) -> Figure:
    """How far the nearest training patch is, for generated and for other real patches, over magnification.

    Args:
        rows: of the experiment ``whole_slide`` or ``zoom_neighbours``; those without distances are left out.
    """
    rows = [row for row in rows if row["nearest"] is not None]
    figure = Figure(figsize=(5.2, 3.4), layout="constrained")
    axes = figure.subplots()
    mpp = np.array([row["mpp"] for row in rows])
    for column, label, colour, marker, side in (
        ("nearest_real", "other real patches of the same slides", REAL, "o", 0.97),
        ("nearest", "generated", SYNTHETIC, "^", 1.03),
    ):
        middle = np.array([row[column] for row in rows])
        least = np.array([row[f"{column}_least"] for row in rows])
        axes.vlines(mpp * side, least, middle, color=colour, linewidth=1)
        axes.scatter(mpp * side, middle, color=colour, marker=marker, label=label)
    axes.set_xscale("log", base=2)
    axes.set_xticks(sorted(set(mpp)), [f"{scale:g}" for scale in sorted(set(mpp))])
    axes.minorticks_off()
    axes.set_ylim(0, None)
    axes.set_xlabel("µm per pixel")
    axes.set_ylabel("distance to the nearest\ntraining patch (median, least)")
    axes.legend(frameon=False)
    return figure


def _show(axes: Axes, pixels: Pixels, title: str) -> None:
    axes.axis("on")
    axes.imshow(pixels, interpolation="nearest")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_title(title, fontsize=9)


def _name(axes: Axes, text: str) -> None:
    axes.set_ylabel(text, fontsize=9)
