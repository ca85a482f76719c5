"""Figures of what a slide costs: quality over evaluations, and a zoom path's share of its slide."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from wsigen.plots import REAL, SYNTHETIC

Rows = Sequence[Mapping[str, Any]]
GREEN = "#009e73"
PURPLE, ORANGE = "#cc79a7", "#e69f00"
STYLES = {
    "2m": ("o", SYNTHETIC),
    "euler": ("s", REAL),
    "heun": ("^", GREEN),
    "told": ("D", PURPLE),
    "student": ("P", ORANGE),
}


def pareto(rows: Rows, sigma_start: float = 3.0) -> Figure:
    """Quality over evaluations per patch: lines by solver from one start, or told; open marks start elsewhere.

    Args:
        rows: of the experiment ``fewer_evaluations``.
        sigma_start: the start that is joined by lines.
    """
    names = {"kid": "KID", "precision": "precision", "recall": "recall", "seam_effect": "seam (z)"}
    figure = Figure(figsize=(9, 5.6), layout="constrained")
    for axes, (name, label) in zip(figure.subplots(2, 2).flat, names.items(), strict=True):
        for solver, (marker, colour) in STYLES.items():
            chosen = [r for r in rows if r["solver"] == solver and not r.get("switch")]
            joined = [
                row
                for row in chosen
                if solver in ("told", "student") or row["sigma_start"] == sigma_start
            ]
            line = sorted(joined, key=lambda row: row["evaluations"])
            if line:
                _points(axes, line, name, marker, colour, solver)
            for row in (row for row in chosen if row not in joined):
                axes.plot(row["evaluations"], row[name], marker, mfc="white", mec=colour, ms=6)
                axes.annotate(
                    f"{row['sigma_start']:g}", (row["evaluations"], row[name]),
                    (4, 4), textcoords="offset points", fontsize=7,
                )  # fmt: skip
        for row in rows:
            if row.get("switch") == "the paper's plan":
                place = row["evaluations"], row[name]
                axes.plot(*place, "*", color="black", ms=9, label="the paper's plan")
            if row["solver"] == "real" and name in row:
                axes.axhline(row[name], color="0.5", linestyle=":", label="real, other real")
        plans = [row for row in rows if row["solver"] in STYLES]
        if name == "seam_effect":
            chance = [row["seam_chance"] for row in plans]
            axes.plot([row["evaluations"] for row in plans], chance, ".", color="0.5")
            label += ", dots: grids not used"
        axes.set_ylabel(label)
        axes.set_xlabel("evaluations per patch")
        axes.set_xscale("log")
        axes.set_xticks([1, 2, 5, 10, 20, 40, 80], ["1", "2", "5", "10", "20", "40", "80"])
        axes.minorticks_off()
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=4, frameon=False)
    return figure


def switches(rows: Rows, base: Mapping[str, Any]) -> Figure:
    """What each switch of a plan does: quality and seams beside those of the plan it is switched in.

    Args:
        rows: of the experiment ``fewer_evaluations``, those with a ``switch``.
        base: the row of that plan.
    """
    names = {
        "kid": "KID",
        "precision": "precision",
        "recall": "recall",
        "seam_effect": "seam (z)",
        "difference": "difference, grey levels",
    }
    figure = Figure(figsize=(11, 0.9 + 0.3 * len(rows)), layout="constrained")
    places = range(len(rows))
    for axes, (name, label) in zip(figure.subplots(1, 5, sharey=True), names.items(), strict=True):
        axes.axvline(base[name], color=REAL, linestyle=":")
        axes.plot([row[name] for row in rows], places, "o", color=SYNTHETIC, ms=5)
        if f"{name}_low" in base:
            axes.axvspan(base[f"{name}_low"], base[f"{name}_high"], color=REAL, alpha=0.12)
            lows, highs = ([row[f"{name}_{end}"] for row in rows] for end in ("low", "high"))
            axes.hlines(places, lows, highs, color=SYNTHETIC, linewidth=0.8)
        axes.set_xlabel(label)
    figure.axes[0].set_yticks(
        list(places), [f"{row['switch']} ({row['evaluations']:g})" for row in rows]
    )
    figure.axes[0].invert_yaxis()
    return figure


def zoom_cost(rows: Rows) -> Figure:
    """Evaluations for one place at every scale, beside those of the whole slide, over its side.

    Args:
        rows: of the experiment ``zoom_path``.
    """
    figure = Figure(figsize=(5, 3.4), layout="constrained")
    axes = figure.subplots()
    sides = [row["size"] for row in rows]
    axes.loglog(
        sides,
        [row["evaluations_of_whole"] for row in rows],
        "s--",
        color=REAL,
        label="the whole slide",
    )
    axes.loglog(
        sides,
        [row["evaluations"] for row in rows],
        "o-",
        color=SYNTHETIC,
        label="one place, every scale",
    )
    axes.set_xlabel("side of the slide, pixels")
    axes.set_ylabel("evaluations of the network")
    axes.legend(frameon=False)
    return figure


def _points(axes: Axes, line: Rows, name: str, marker: str, colour: str, label: str) -> None:
    """A line of points with their intervals, where they have any."""
    places, values = [row["evaluations"] for row in line], [row[name] for row in line]
    axes.plot(places, values, marker=marker, color=colour, label=label, ms=5)
    if line and f"{name}_low" in line[0]:
        lows, highs = ([row[f"{name}_{end}"] for row in line] for end in ("low", "high"))
        axes.vlines(places, lows, highs, color=colour, linewidth=0.8, alpha=0.6)
