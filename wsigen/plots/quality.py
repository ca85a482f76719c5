"""Figures of quality: Fig. 5 over steps and evaluations, Table 1, held-out patients, colours, and losses."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from wsigen.plots import REAL, SYNTHETIC

Pixels = NDArray[np.uint8]
Rows = Sequence[Mapping[str, Any]]

# colours of Okabe and Ito (2008), each with a marker of its own
STYLES = {"heun": ("#d55e00", "o"), "euler": ("#e69f00", "s"), "2m": ("#009e73", "^")}
PAPER = "0.35"


def solver_curves(rows: Rows) -> Figure:
    """Fig. 5: precision and recall over N, left, and over evaluations, right; the band is that of real patches.

    Args:
        rows: of the experiment "solvers".
    """
    figure = Figure(figsize=(9, 6), layout="constrained")
    grid = figure.subplots(2, 2, sharey="row", sharex="col")
    real = next((row for row in rows if row["solver"] == "real"), None)
    labels = {"num_steps": "steps N", "evaluations": "evaluations of the network per patch"}
    for line, score in zip(grid, ("precision", "recall"), strict=True):
        for axes, over in zip(line, labels, strict=True):
            for solver in dict.fromkeys(row["solver"] for row in rows if row["solver"] != "real"):
                points = [row for row in rows if row["solver"] == solver]
                colour, marker = STYLES.get(solver, ("0.2", "D"))
                _with_bars(axes, points, over, score, color=colour, marker=marker, label=solver)
            if real is not None:
                axes.axhspan(real[f"{score}_low"], real[f"{score}_high"], color=REAL, alpha=0.15)
                axes.axhline(real[score], color=REAL, label="other real patches")
            axes.set_xscale("log")
            ticks = sorted({row[over] for row in rows if row[over] is not None})
            axes.set_xticks(ticks, [str(tick) for tick in ticks], fontsize=8)
            axes.minorticks_off()
            axes.set_ylim(-0.03, 1.03)
            axes.grid(alpha=0.3)
        line[0].set_ylabel(f"improved {score}")
    for axes, label in zip(grid[1], labels.values(), strict=True):
        axes.set_xlabel(label)
    handles, names = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper center", ncols=4, frameon=False)
    return figure


def resolution_scores(rows: Rows) -> Figure:
    """Table 1: precision and recall per scale; generated, other real patches as a band, and the paper's row.

    Args:
        rows: of the experiment "resolution".
    """
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    places = np.arange(len(rows))
    for axes, score in zip(
        figure.subplots(1, 2, sharey=True), ("precision", "recall"), strict=True
    ):
        points = [
            {**row, "place": place}
            for place, row in zip(places, rows, strict=True)
            if row.get(score) is not None  # else the paper's value stands alone
        ]
        real, low, high = (
            np.array([point[f"real_{score}{end}"] for point in points])
            for end in ("", "_low", "_high")
        )
        x = [point["place"] for point in points]
        axes.bar(x, high - low, bottom=low, color=REAL, alpha=0.25, label="other real patches")
        axes.hlines(real, np.array(x) - 0.4, np.array(x) + 0.4, color=REAL, linewidth=1)
        _with_bars(
            axes, points, "place", score, color=SYNTHETIC, marker="o", label="generated, ours",
            linestyle="",
        )  # fmt: skip
        told = [(i, row[f"paper_{score}"]) for i, row in enumerate(rows)]
        told = [(place, value) for place, value in told if value is not None]
        if told:
            axes.plot(*zip(*told, strict=True), "x", color=PAPER, label="generated, the paper's")
        axes.set_xticks(places, [_scale(row["scale"]) for row in rows])
        axes.set_xlabel("micrometres per pixel")
        axes.set_ylabel(f"improved {score}")
        axes.set_ylim(-0.03, 1.03)
        axes.grid(alpha=0.3, axis="y")
    handles, names = axes.get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper center", ncols=3, frameon=False)
    return figure


def held_out_distance(rows: Rows) -> Figure:
    """KID to held-out patients over the scale, of generated and of real training patches.

    Args:
        rows: of `wsigen evaluate`, or of the experiment "heldout".
    """
    figure = Figure(figsize=(6, 3.6), layout="constrained")
    axes = figure.subplots()
    points = [row for row in rows if row["samples"]]
    _band(axes, points, "mpp", "floor_kid", "real training patches")
    _with_bars(axes, points, "mpp", "kid", color=SYNTHETIC, marker="o", label="generated")
    axes.axhline(0, color="0.6", linewidth=0.8)
    _over_scales(axes, [row["mpp"] for row in points])
    axes.set_ylabel("KID to held-out patients")
    axes.legend(frameon=False)
    axes.grid(alpha=0.3)
    return figure


def held_out_scores(series: Mapping[str, Rows]) -> Figure:
    """KID and recall against held-out patients over the scale, for several ways to sample; the bands are real patches.

    Args:
        series: rows of `wsigen evaluate` by the name of the way.
    """
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    for axes, score in zip(figure.subplots(1, 2), ("kid", "recall"), strict=True):
        first = [row for row in next(iter(series.values())) if row["samples"]]
        _band(axes, first, "mpp", f"floor_{score}", "real training patches")
        for (name, rows), (colour, marker) in zip(series.items(), STYLES.values(), strict=False):
            points = [row for row in rows if row["samples"]]
            _with_bars(axes, points, "mpp", score, color=colour, marker=marker, label=name)
        _over_scales(axes, [row["mpp"] for row in first])
        axes.set_ylabel("KID: ← more like tissue" if score == "kid" else "recall: more varied →")
        axes.grid(alpha=0.3)
    handles, names = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper center", ncols=4, frameon=False)
    return figure


def known_distances(rows: Rows, generated: Rows) -> Figure:
    """KID and recall of real patches after known changes, over the scale, with those of generated crops among them.

    Args:
        rows: of the experiment "known_changes".
        generated: with mpp, kid and recall, and the ends of their intervals.
    """
    figure = Figure(figsize=(9, 4), layout="constrained")
    changes = list(dict.fromkeys(row["change"] for row in rows))
    for axes, score in zip(figure.subplots(1, 2), ("kid", "recall"), strict=True):
        for change, marker in zip(changes, "os^vDP", strict=False):
            points = [row for row in rows if row["change"] == change]
            x, y = ([row[name] for row in points] for name in ("mpp", score))
            axes.plot(x, y, color=REAL, marker=marker, markersize=4, linewidth=1, label=change)
        _with_bars(axes, generated, "mpp", score, color=SYNTHETIC, marker="o", label="generated")
        _over_scales(axes, [row["mpp"] for row in generated])
        axes.set_ylabel("KID: ← more like tissue" if score == "kid" else "recall: more varied →")
        axes.grid(alpha=0.3)
    handles, names = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper center", ncols=4, frameon=False)
    return figure


def colour_drift(rows: Rows) -> Figure:
    """Drift of the mean colour since the overview, over the stages, in per cent of the range of grey levels.

    Args:
        rows: of the experiment "colour".
    """
    figure = Figure(figsize=(6, 3.6), layout="constrained")
    axes = figure.subplots()
    looks = {"tissue": (SYNTHETIC, "o"), "glass": (REAL, "s")}
    for row in rows:
        colour, marker = looks[row["place"]]
        stages = range(1, len(row["total_percent"]) + 1)
        skips = row.get("skip_background") is not None
        name = row["place"] + (", empty glass skipped" if skips else "")
        label = name if row["slide"] == rows[0]["slide"] else None
        line = "--" if skips else "-"
        axes.plot(stages, row["total_percent"], line, color=colour, marker=marker, label=label)
    axes.axhline(1, color="0.4", linestyle=":", label="aim, in glass")
    axes.set_xticks(range(1, len(rows[0]["total_percent"]) + 1))
    axes.set_xlabel("stage")
    axes.set_ylabel("drift since the overview, % of range")
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False, ncols=3, fontsize=8, loc="lower left", bbox_to_anchor=(0, 1))
    axes.grid(alpha=0.3)
    return figure


def sheets(pictures: Sequence[Pixels], labels: Sequence[str], across: int = 1) -> Figure:
    """Pictures (height, width, 3) below each other, or ``across`` in a row, each under its label."""
    down = -(-len(pictures) // across)
    height, width = pictures[0].shape[:2]
    total = 8.0 if across * width / height > 2 else 5.0
    each = total / across
    figure = Figure(figsize=(total, down * (each * height / width + 0.25)), layout="constrained")
    grid = np.atleast_1d(figure.subplots(down, across)).ravel()
    for axes in grid:
        axes.set_axis_off()
    for axes, pixels, label in zip(grid[: len(pictures)], pictures, labels, strict=True):
        axes.imshow(pixels, interpolation="nearest")
        axes.set_title(label, fontsize=8, pad=2)
    return figure


def loss_curve(images_seen: Sequence[float], loss: Sequence[float]) -> Figure:
    """The weighted denoising loss of Eq. 7 over the patches seen, both axes logarithmic."""
    figure = Figure(figsize=(6, 3.4), layout="constrained")
    axes = figure.subplots()
    axes.plot(images_seen, loss, color=SYNTHETIC)
    axes.set(xscale="log", yscale="log", xlabel="patches seen", ylabel="weighted denoising loss")
    axes.grid(alpha=0.3, which="both")
    return figure


def _over_scales(axes: Axes, mpps: Sequence[float]) -> None:
    """Micrometres per pixel along the x axis, a tick for each of these."""
    axes.set_xscale("log")
    axes.set_xticks(mpps, [f"{mpp:g}" for mpp in mpps])
    axes.minorticks_off()
    axes.set_xlabel("micrometres per pixel")


def _band(axes: Axes, points: Rows, over: str, score: str, label: str) -> None:
    """The intervals of a score of real patches as one band, a line through their values."""
    x = np.array([point[over] for point in points], float)
    low, high = ([point[f"{score}_{end}"] for point in points] for end in ("low", "high"))
    axes.fill_between(x, low, high, color=REAL, alpha=0.2, linewidth=0, label=label)
    axes.plot(x, [point[score] for point in points], color=REAL, linewidth=1)


def _with_bars(
    axes: Axes, points: Rows, over: str, score: str, *, color: str, marker: str, label: str,
    linestyle: str = "-",
) -> None:  # fmt: skip
    """A score over a column, with its intervals."""
    x = [point[over] for point in points]
    y = np.array([point[score] for point in points], float)
    low, high = (
        np.array([point[f"{score}_{end}"] for point in points], float) for end in ("low", "high")
    )
    reach = np.maximum([y - low, high - y], 0)
    axes.errorbar(
        x, y, yerr=reach, color=color, marker=marker, label=label, linestyle=linestyle,
        capsize=2, elinewidth=1, markersize=5,
    )  # fmt: skip


def _scale(scale: float | str) -> str:
    return scale if isinstance(scale, str) else f"{scale:g}"
