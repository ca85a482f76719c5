"""Figures of the reader study beside Fig. 8: skill found against skill given, and power."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from wsigen.plots import REAL, SYNTHETIC

Array = NDArray[np.float64]
STYLES = ("-", "--", "-.", ":")


def recovered_skill(row: Mapping[str, Any]) -> Figure:
    """The AUC that the report finds for each simulated reader, with its interval, over the true one.

    Args:
        row: of the experiment ``reader_study``: ``skills``, ``auc``, ``auc_low``, ``auc_high`` and
            ``smallest_significant_auc``.
    """
    figure = Figure(figsize=(4.4, 4), layout="constrained")
    axes = figure.subplots()
    skills, found = np.asarray(row["skills"], float), np.asarray(row["auc"], float)
    reach = np.abs(np.stack([row["auc_low"], row["auc_high"]]) - found)
    axes.plot([0, 1], [0, 1], color="0.6", linewidth=0.8, label="what was given")
    axes.errorbar(
        skills, found, reach, fmt="^", color=SYNTHETIC, capsize=3, label="found, 95 % interval"
    )
    limit = row["smallest_significant_auc"]
    if limit < 1:
        axes.axhline(limit, color=REAL, linestyle="--", linewidth=1, label="differs from chance")
    axes.set_xlim(0.45, 0.95)
    axes.set_ylim(0, 1.02)
    axes.set_xlabel("true AUC of the reader")
    axes.set_ylabel("AUC in the report")
    axes.legend(frameon=False, loc="lower right")
    return figure


def power_curves(areas: Array, powers: Mapping[str, Array]) -> Figure:
    """The chance that a study finds one reader to differ from chance, over the reader's true AUC.

    Args:
        areas: true AUCs.
        powers: by a label, such as "20 + 20 slides", the power at each of them.
    """
    figure = Figure(figsize=(5, 3.4), layout="constrained")
    axes = figure.subplots()
    shades: Sequence[str] = ("#000000", REAL, SYNTHETIC, "#009e73")
    for (label, power), colour, style in zip(powers.items(), shades, STYLES, strict=False):
        axes.plot(areas, power, color=colour, linestyle=style, label=label)
    axes.axhline(0.8, color="0.7", linewidth=0.8)
    axes.set_ylim(0, 1.02)
    axes.set_xlabel("true AUC of the reader")
    axes.set_ylabel("power at the 5 % level")
    axes.legend(frameon=False)
    return figure
