"""The figure of the ablations: what one change of the network or its training does, read off two scales."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

from wsigen.plots import REAL, SYNTHETIC

Rows = Sequence[Mapping[str, Any]]


def ablations(rows: Rows, names: Mapping[str, str]) -> Figure:
    """Loss on patients that were not seen, left, and how two neighbouring patches differ in shade, right.

    Args:
        rows: of the experiment "ablations".
        names: the variants to show, from top to bottom, and what to call each; the first is what others change.
    """
    found = {row["variant"]: row for row in rows}
    figure = Figure(figsize=(8.6, 0.32 * len(names) + 1.0), layout="constrained")
    loss, gap = figure.subplots(1, 2, sharey=True)
    places = range(len(names))
    for place, variant in enumerate(names):
        row, own = found[variant], place == 0
        colour = REAL if own else SYNTHETIC
        marker = "s" if own else "o"
        loss.plot(row["mean_loss_unseen"], place, marker, color=colour)
        gap.plot(row["gap_shade"][0], place, marker, color=colour)
    first = found[next(iter(names))]
    loss.axvline(first["mean_loss_unseen"], color=REAL, linewidth=0.8)
    gap.axvline(first["gap_shade"][0], color=REAL, linewidth=0.8)
    loss.set_yticks(places, list(names.values()))
    loss.invert_yaxis()
    loss.set_xlabel("← better: loss, patients not seen")
    gap.set_xscale("log")
    gap.set_xlabel("← better: shade across a border")
    for axes in (loss, gap):
        axes.grid(alpha=0.3)
    return figure
