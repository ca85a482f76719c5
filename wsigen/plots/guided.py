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
