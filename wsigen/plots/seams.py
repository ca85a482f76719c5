"""Figures of seams and guidance: exact laws, grid-shift beside its rivals, Fig. 7, and super-resolution."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

from wsigen.plots import REAL, SYNTHETIC

Rows = Sequence[Mapping[str, Any]]


def jump_profiles(rows: Rows) -> Figure:
    """At each place of a line, the mean square step to the next pixel over the true one; 1 is no seam.

    Args:
        rows: of the experiment "exact_field"; its lines with the most common number of steps are shown.
    """
    steps = [row["num_steps"] for row in rows if row["part"] == "line"]
    most = max(set(steps), key=steps.count)
    lines = [row for row in rows if row["part"] == "line" and row["num_steps"] == most]
    figure = Figure(figsize=(9, 1.25 * -(-len(lines) // 2) + 0.6), layout="constrained")
    grid = figure.subplots(-(-len(lines) // 2), 2, sharex=True, sharey=True, squeeze=False)
    for axes, row in zip(grid.T.ravel(), lines, strict=False):
        axes.plot(np.arange(1, len(row["jump"]) + 1), row["jump"], color=SYNTHETIC, linewidth=1)
        axes.axhline(1, color=REAL, linewidth=0.8)
        axes.set_yscale("log")
        axes.set_title(row["scheme"], fontsize=9, loc="left")
    for axes in grid.T.ravel()[len(lines) :]:
        axes.axis("off")
    figure.supxlabel(f"place on the line, px (N = {most})", fontsize=10)
    figure.supylabel("squared step, made / true", fontsize=10)
    return figure


def exact_distances(rows: Rows) -> Figure:
    """How far the law of what is made is from the true one: per scheme, and of grid-shift over N.

    Args:
        rows: of the experiment "exact_field".
    """
    steps = [row["num_steps"] for row in rows if row["part"] == "line"]
    most = max(set(steps), key=steps.count)
    lines = [row for row in rows if row["part"] == "line" and row["num_steps"] == most]
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(3, 2))
    _dots(left, lines, "distance", f"distance from the true law, share of variance (N = {most})")
    shifts = sorted(
        (row for row in rows if row["part"] == "line" and row["scheme"] == "grid-shift"),
        key=lambda row: row["num_steps"],
    )
    x = [row["num_steps"] for row in shifts]
    for name, colour, marker, label in (
        ("distance", SYNTHETIC, "o", "distance"),
        ("jump_largest", "#009e73", "^", "largest jump - 1"),
    ):
        values = np.array([row[name] for row in shifts]) - (name == "jump_largest")
        right.plot(x, values, color=colour, marker=marker, label=label)
    right.set(xscale="log", yscale="log", xlabel="steps N of grid-shift")
    right.set_xticks(x, [str(n) for n in x])
    right.minorticks_off()
    right.grid(alpha=0.3)
    right.legend(frameon=False)
    return figure


def step_traces(rows: Rows) -> Figure:
    """What a border of each step of grid-shift leaves in the final image, over the noise level of the step.

    Args:
        rows: of the experiment "exact_field".
    """
    row = next(row for row in rows if row["part"] == "steps")
    figure = Figure(figsize=(6.5, 3.2), layout="constrained")
    axes = figure.subplots()
    axes.plot(row["sigmas"], row["traces"], color=SYNTHETIC, marker="o", markersize=4)
    axes.axhline(0, color=REAL, linewidth=0.8)
    axes.set(
        xscale="log",
        xlabel="noise level of the step",
        ylabel="squared step left / true",
    )
    axes.invert_xaxis()
    axes.grid(alpha=0.3)
    return figure


def rival_scores(rows: Rows) -> Figure:
    """Grid-shift and its rivals on the trained model: seams, detail, and what each costs.

    Args:
        rows: of the experiment "rivals".
    """
    figure = Figure(figsize=(11, 0.36 * len(rows) + 1.1), layout="constrained")
    columns = {
        "seam_effect": "seam: standard deviations\nabove other grids",
        "detail": "detail over\nthat of real tissue",
        "evaluations": "evaluations",
        "chain": "longest chain of\ndependent evaluations",
    }
    panels = figure.subplots(1, len(columns), sharey=True)
    for axes, (name, label) in zip(panels, columns.items(), strict=True):
        for place, row in enumerate(rows):
            if f"{name}_low" in row:
                ends = row[f"{name}_low"], row[f"{name}_high"]
                axes.plot(ends, (place, place), color="0.6", linewidth=1.5, zorder=1)
        _dots(axes, rows, name, label, log=name in ("evaluations", "chain"))
        if name in ("seam_effect", "detail"):
            axes.axvline(float(name == "detail"), color=REAL, linewidth=0.8)
    return figure


def step_effects(rows: Rows) -> Figure:
    """What the grid of each step leaves on the trained model, over the noise level of the step; a panel for each N.

    Args:
        rows: of the experiment "step_seams".
    """
    figure = Figure(figsize=(3.2 * len(rows) + 0.6, 3.2), layout="constrained")
    panels = figure.subplots(1, len(rows), sharex=True, sharey=True, squeeze=False)[0]
    for axes, row in zip(panels, rows, strict=True):
        effects, low, high = (np.array(row[f"effects{end}"]) for end in ("", "_low", "_high"))
        axes.errorbar(
            row["sigmas"], effects, yerr=[effects - low, high - effects], color=SYNTHETIC,
            marker="o", markersize=4, linewidth=1, elinewidth=1,
        )  # fmt: skip
        axes.axhline(0, color=REAL, linewidth=0.8)
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 5)))
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())  # whose labels would lie over each other
        axes.set_title(
            f"N = {row['num_steps']}{', teacher' if row['teacher'] else ''}", fontsize=10
        )
        axes.set_xlabel("noise level of the step")
        axes.grid(alpha=0.3)
    panels[0].invert_xaxis()
    panels[0].set_ylabel("seam along its grid:\nstandard deviations above other grids")
    return figure


def relaxation_curves(rows: Rows, marked: int | None = 28) -> Figure:
    """Fig. 7 as curves: guide consistency and detail over r, left, and over the first free noise level, right.

    Args:
        rows: of the experiment "relaxation".
        marked: the r of the paper, drawn where these rows have it.
    """
    figure = Figure(figsize=(9, 5.4), layout="constrained")
    grid = figure.subplots(2, 2, sharey="row", sharex="col")
    styles = {"generated": (SYNTHETIC, "o"), "real": (REAL, "s")}
    for line, (name, label) in zip(
        grid,
        {"guide_error": "|A z - y|, grey levels", "detail": "detail over real tissue's"}.items(),
        strict=True,
    ):
        for axes, over in zip(line, ("guided_steps", "sigma_free"), strict=True):
            for kind in dict.fromkeys(row["guide"] for row in rows):
                points = [row for row in rows if row["guide"] == kind and row[over] is not None]
                if over == "sigma_free":  # a logarithm has no 0: there the guide binds to the end
                    points = [row for row in points if row[over] > 0]
                x, y = ([row[column] for row in points] for column in (over, name))
                colour, marker = styles[kind]
                axes.plot(x, y, color=colour, marker=marker, label=f"{kind} guide")
            here = [row[over] for row in rows if row["guided_steps"] == marked]
            if here:
                axes.axvline(here[0], color="0.4", linestyle=":", label="the paper's r")
            axes.grid(alpha=0.3)
        line[0].set_ylabel(label)
    grid[1, 0].set_yscale("log")  # shared with its neighbour
    grid[1, 0].yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    grid[1, 0].yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    grid[1, 0].yaxis.set_minor_formatter(NullFormatter())
    grid[1, 1].set_xscale("log")
    grid[1, 1].invert_xaxis()
    grid[1, 0].set_xlabel(f"guided steps r of {rows[0]['num_steps']}")
    grid[1, 1].set_xlabel("noise level at which the guide is let go")
    handles, names = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper center", ncols=3, frameon=False)
    return figure


def distortion_and_likeness(rows: Rows) -> Figure:
    """Super-resolution: nearness to the true patch (PSNR) against likeness to tissue (KID).

    Args:
        rows: of the experiment "super_resolution".
    """
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    for row in rows:
        if row["psnr"] is None:
            axes.axhline(row["kid"], color=REAL, label=row["method"])
            continue
        generated = row["method"].startswith("diffusion")
        axes.plot(row["psnr"], row["kid"], marker="o" if generated else "s", linestyle="",
                  color=SYNTHETIC if generated else "0.4")  # fmt: skip
        axes.annotate(
            row["method"], (row["psnr"], row["kid"]), (5, 4), textcoords="offset points", fontsize=8
        )
    axes.set(xlabel="PSNR, dB: nearer to the true patch →", ylabel="KID: ← more like tissue")
    axes.margins(0.2)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    return figure


def null_test(rows: Rows) -> Figure:
    """The seam test on real slides: false alarms where nothing was planted, and what is found of planted steps.

    Args:
        rows: of the experiment ``null_seams``: ``source``, ``below_5_percent``, ``found`` by grey levels.
    """
    figure = Figure(figsize=(8.4, 3.0), layout="constrained")
    alarms, found = figure.subplots(1, 2)
    for place, (row, marker) in enumerate(zip(rows, "os^D", strict=False)):
        alarms.plot(100 * row["below_5_percent"], place, marker, color=SYNTHETIC)
        shares = [100 * share for share in row["found"].values()]
        found.plot(list(row["found"]), shares, marker=marker, label=row["source"])
    alarms.axvline(5, color="0.4", linestyle=":")
    alarms.set(xlabel="false alarms, % of fields (aim: 5)", xlim=(0, 15))
    alarms.set_yticks(range(len(rows)), [row["source"] for row in rows])
    alarms.invert_yaxis()
    found.set(xlabel="planted step, grey levels", ylabel="found, % of large fields")
    found.legend(frameon=False, fontsize=8)
    for axes in (alarms, found):
        axes.grid(alpha=0.3)
    return figure


def _dots(axes: Axes, rows: Rows, name: str, label: str, log: bool = True) -> None:
    """One dot per scheme, from top to bottom; grid-shift in a colour of its own."""
    for place, row in enumerate(rows):
        own = row["scheme"] == "grid-shift"
        axes.plot(row[name], place, marker="o", color=SYNTHETIC if own else "0.35")
    axes.set_yticks(range(len(rows)), [row["scheme"] for row in rows])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xlabel(label, fontsize=9)
    if log:
        axes.set_xscale("log")
        values = [row[name] for row in rows]
        wide = min(values) * 30 < max(values)  # over many decades labels of 2 and 5 would overlap
        axes.xaxis.set_major_locator(LogLocator(subs=(1,) if wide else (1, 2, 5)))
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.tick_params(axis="x", labelsize=8)
    axes.grid(alpha=0.3)
