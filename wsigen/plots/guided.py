"""Figures of guided stages: textures by plan and scale, and what all stages together inherit from a guide."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

from wsigen.plots import REAL, SYNTHETIC

Rows = Sequence[Mapping[str, Any]]
LOOKS = ((SYNTHETIC, "o"), ("#e69f00", "s"), ("#009e73", "^"), (REAL, "D"))


def plan_textures(rows: Rows, plans: Mapping[str, str]) -> Figure:
    """Distance of textures from real tissue over the scale, a line for each plan; 0 is real texture.

    Args:
        rows: with ``plan``, ``mpp``, ``spectrum`` and ``evaluations``.
        plans: the plans to show, and what to call each.
    """
    figure = Figure(figsize=(6.4, 3.4), layout="constrained")
    axes = figure.subplots()
    for (plan, name), (colour, marker) in zip(plans.items(), LOOKS, strict=False):
        points = sorted((row for row in rows if row["plan"] == plan), key=lambda row: row["mpp"])
        spent = points[0]["evaluations"]
        scales, values = ([row[column] for row in points] for column in ("mpp", "spectrum"))
        axes.plot(scales, values, color=colour, marker=marker, label=f"{name}: {spent} evaluations")
    axes.set(xscale="log", xlabel="µm per pixel", ylabel="distance of textures\nfrom real tissue")
    axes.set_xticks(scales, [f"{scale:g}" for scale in scales])
    axes.minorticks_off()
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    return figure


def inherited(rows: Rows, floor: float, patient: str) -> Figure:
    """Distance of finished slides from a real patient's texture, over the guided steps; a mark for each seed.

    Args:
        rows: with ``guided_steps``, ``seed`` and ``distance`` by patient.
        floor: the distance between two real patients.
        patient: whose texture is compared with.
    """
    figure = Figure(figsize=(5.6, 3.2), layout="constrained")
    axes = figure.subplots()
    for seed, (colour, marker) in zip(sorted({row["seed"] for row in rows}), LOOKS, strict=False):
        points = sorted(
            (row for row in rows if row["seed"] == seed), key=lambda row: row["guided_steps"]
        )
        steps = [row["guided_steps"] for row in points]
        values = [row["distance"][patient] for row in points]
        axes.plot(steps, values, color=colour, marker=marker, label=f"slide {seed + 1}")
    axes.axhline(floor, color=REAL, label="between two real patients")
    axes.set(xlabel="guided steps of 10", ylabel="distance of textures\nfrom real tissue")
    axes.set_xticks(steps)
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    return figure


def ways_to_relax(rows: Rows) -> Figure:
    """A guide projected down to a noise level, or told with noise of it: what agrees with it, and what is like tissue.

    Args:
        rows: of one scale, with ``way``, ``level``, ``strength``, ``guide_error``, ``kid`` and its interval.
    """
    figure = Figure(figsize=(7.2, 3.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    names = {"projected": "projected down to σr", "told": "told with noise σg"}
    for (way, name), (colour, marker) in zip(names.items(), LOOKS, strict=False):
        points = sorted(
            (row for row in rows if row["way"] == way and row["strength"] == 0),
            key=lambda row: row["level"],
        )
        levels = [row["level"] for row in points]
        left.plot(
            levels, [row["guide_error"] for row in points], color=colour, marker=marker, label=name
        )
        right.plot(levels, [row["kid"] for row in points], color=colour, marker=marker)
        low, high = ([row[f"kid_{end}"] for row in points] for end in ("low", "high"))
        right.fill_between(levels, low, high, color=colour, alpha=0.15, linewidth=0)
    left.set(ylabel="off the guide, grey levels")
    right.set(ylabel="KID to other real patches")
    for axes in (left, right):
        axes.set(xscale="log", xlabel="noise level")
        axes.set_xticks(levels, [f"{level:g}" for level in levels])
        axes.minorticks_off()
        axes.set_ylim(bottom=0)
        axes.grid(alpha=0.3)
    left.legend(frameon=False)
    return figure
