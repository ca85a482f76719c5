"""Figures of what a slide costs over its size."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from wsigen.plots import REAL, SYNTHETIC

Rows = Sequence[Mapping[str, Any]]
STYLES = {"exact": ("o-", REAL, "nearly free denoiser"), "tiny": ("s--", SYNTHETIC, "tiny network")}


def patches_per_stage(ledger: Mapping[str, Any]) -> Figure:
    """Where the patches of a slide are.

    Args:
        ledger: a row of the experiment ``scaling``.
    """
    figure = Figure(figsize=(5, 3), layout="constrained")
    axes = figure.subplots()
    counts = ledger["patches_per_stage"]
    places = range(1, len(counts) + 1)
    bars = axes.bar(places, counts, color=REAL)
    axes.bar_label(bars, [f"{count / sum(counts):.1%}" for count in counts], fontsize=8)
    axes.set_yscale("log")
    axes.margins(y=0.1)
    axes.set_xlabel("stage")
    axes.set_ylabel("patches")
    return figure


def cost_by_size(rows: Rows) -> Figure:
    """Seconds of the processor, and peak memory, over the side of a slide.

    Args:
        rows: of ``benchmarks/results/scaling.json``.
    """
    figure = Figure(figsize=(9, 3.4), layout="constrained")
    seconds, memory = figure.subplots(1, 2)
    for name, (style, colour, label) in STYLES.items():
        chosen = sorted((r for r in rows if r["denoiser"] == name), key=lambda r: r["size"])
        sides = [row["size"] for row in chosen]
        seconds.loglog(sides, [r["cpu_seconds"] for r in chosen], style, color=colour, label=label)
        memory.semilogx(sides, [r["peak_mib"] for r in chosen], style, color=colour, label=label)
    canvases = sorted({row["size"] for row in rows})
    memory.semilogx(
        canvases, [3 * side**2 * 4 / 2**20 for side in canvases], ":", color="0.4",
        label="one canvas in float32",
    )  # fmt: skip
    memory.set_ylim(0, 2048)
    seconds.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    seconds.yaxis.set_major_formatter("{x:g}")
    seconds.set_ylabel("seconds of the processor")
    memory.set_ylabel("peak resident memory, MiB")
    for axes in (seconds, memory):
        _sides(axes, canvases)
    seconds.legend(frameon=False)
    memory.legend(frameon=False)
    return figure


def _sides(axes: Axes, sides: Sequence[int]) -> None:
    axes.set_xlabel("side of the slide, pixels")
    axes.set_xticks(list(sides), [f"{side // 1024} k" for side in sides])
    axes.minorticks_off()
