"""Draw the figures of chapters 7 to 11 from the library itself; no slide and no trained model is needed.

    python book/figures/make_scale.py

writes the PNG files beside this script, make_scale.json, which says what made them, and the numbers of one of them to
benchmarks/results/sample_size.json.
"""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Rectangle
from saving import save

from wsigen.grid import shifted_grid
from wsigen.metrics.distance import kid
from wsigen.metrics.manifold import manifold_scores, radii
from wsigen.plan import PAPER, Stage, stages
from wsigen.plots import REAL, SYNTHETIC
from wsigen.runs.plane import step_grid
from wsigen.seeds import generator

GREEN, PURPLE, GREY = "#009e73", "#cc79a7", "0.45"  # of the palette of Okabe and Ito
TINTS = ("#56b4e9", "#e69f00", "#009e73", "#f0e442", "#cc79a7", "#999999", "#d55e00", "#0072b2")


def grid_shift() -> Figure:
    """Chapter 7: a shifted grid, padded and wrapped, and how often a column is a border."""
    figure = Figure(figsize=(9, 3.1), layout="constrained")
    padded, wrapped, counted = figure.subplots(1, 3, width_ratios=(1.15, 1, 1.5))
    size, patch, shift = 256, 64, (22, 40)
    _canvas(padded, size, f"padded: {len(shifted_grid(size, size, patch, shift))} patches")
    for number, window in enumerate(shifted_grid(size, size, patch, shift)):
        edges = {"facecolor": TINTS[number % 8], "alpha": 0.35, "edgecolor": "black"}
        padded.add_patch(Rectangle((window.left, window.top), patch, patch, linewidth=0.8, **edges))
    padded.add_patch(Rectangle((0, 0), size, size, fill=False, linewidth=2.2))
    padded.set(xlim=(-50, size + 50), ylim=(size + 50, -50))
    _canvas(
        wrapped, size, f"wrapped: {len(shifted_grid(size, size, patch, shift, 'wrap'))} patches"
    )
    for number, window in enumerate(shifted_grid(size, size, patch, shift, "wrap")):
        tint = TINTS[(3 * (number // 4) + number) % 8]
        for piece, _ in window.pieces(size, size):
            wrapped.add_patch(
                Rectangle((piece.left, piece.top), piece.width, piece.height, linewidth=0.8,
                          facecolor=tint, alpha=0.35, edgecolor="black")
            )  # fmt: skip
    wrapped.add_patch(Rectangle((0, 0), size, size, fill=False, linewidth=2.2))
    wrapped.set(xlim=(-4, size + 4), ylim=(size + 4, -4))
    fixed, moved = np.zeros(size + 1), np.zeros(size + 1)
    for step in range(PAPER.num_steps):
        grid = step_grid(Stage(2, size, size, 1.0), PAPER, patch, 0, step)
        for counts, lefts in ((fixed, range(0, size + 1, patch)), (moved, grid.lefts)):
            counts[[left for left in lefts if 0 <= left <= size]] += 1
    counted.vlines(
        np.flatnonzero(fixed), 0, fixed[fixed > 0], color=SYNTHETIC, linewidth=2, label="fixed grid"
    )
    counted.vlines(
        np.flatnonzero(moved), 0, moved[moved > 0], color=REAL, linewidth=2, label="shifted grid"
    )
    counted.set(xlabel="pixel column", ylabel="steps of 40 in which it is a border", ylim=(0, 44))
    counted.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
    return figure


def _canvas(axes: Axes, size: int, title: str) -> None:
    axes.set_aspect("equal")
    axes.axis("off")
    axes.set_title(title, fontsize=10)


def ladder() -> Figure:
    """Chapter 8: micrometres per pixel from stage to stage, and what fits on a glass slide."""
    figure = Figure(figsize=(6.4, 3.6), layout="constrained")
    axes = figure.subplots()
    for start, colour, marker in ((150, SYNTHETIC, "^"), (80, REAL, "o"), (38.4, GREEN, "s")):
        scales = start / 2.0 ** np.arange(8)
        label = f"from {start:g} µm/px: {512 * start / 1000:.0f} mm, ends at {scales[-1]:.3g}"
        axes.plot(range(8), scales, color=colour, marker=marker, label=label)
    axes.axhline(0.3, color=GREY, linestyle="--", linewidth=1)
    axes.text(0, 0.32, "0.3 µm per pixel", color=GREY, fontsize=9)
    axes.set_yscale("log")
    axes.set_yticks([0.3, 1, 3, 10, 30, 100], ["0.3", "1", "3", "10", "30", "100"])
    axes.minorticks_off()
    axes.set_xticks(range(8), [f"{stage}\n{512 * 2**stage}" for stage in range(8)], fontsize=8)
    axes.set(xlabel="stage, and side of its canvas in pixels", ylabel="µm per pixel")
    axes.legend(frameon=False)
    return figure


def manifolds() -> Figure:
    """Chapter 9: the balls of improved precision and recall, for a generator that knows half of the data."""
    draw = generator(0, "book", "manifolds")
    angle = draw.uniform(0, 2 * np.pi, 40)
    real = np.stack([np.cos(angle), np.sin(angle)], 1) + draw.normal(0, 0.08, (40, 2))
    angle = np.concatenate([draw.uniform(0, np.pi, 30), draw.uniform(0, 2 * np.pi, 10)])
    reach = np.concatenate([np.ones(30), np.full(10, 0.35)])[:, None]
    fake = reach * np.stack([np.cos(angle), np.sin(angle)], 1) + draw.normal(0, 0.06, (40, 2))
    scores = manifold_scores(real, fake, 3)
    figure = Figure(figsize=(8, 4.1), layout="constrained")
    panels = (
        (real, fake, REAL, SYNTHETIC, scores.balls > 0, "precision", "generated", "real"),
        (fake, real, SYNTHETIC, REAL, scores.recalled, "recall", "real", "generated"),
    )
    for axes, (own, asked, tint, other, inside, name, whose, balls) in zip(
        figure.subplots(1, 2), panels, strict=True
    ):
        for centre, radius in zip(own, radii(own, 3), strict=True):
            axes.add_patch(Circle(tuple(centre), radius, color=tint, alpha=0.08, linewidth=0))
        axes.scatter(*own.T, s=8, color=tint)
        marker = "^" if name == "precision" else "o"
        axes.scatter(*asked[inside].T, s=34, color=other, marker=marker)
        axes.scatter(*asked[~inside].T, s=34, facecolors="none", edgecolors=other, marker=marker)
        axes.set_title(
            f"{name}: {inside.sum()} of {len(asked)} {whose} in balls of {balls}", fontsize=10
        )
        axes.set(xlim=(-1.6, 1.6), ylim=(-1.6, 1.6), xticks=[], yticks=[], aspect="equal")
    return figure


SIZES = (25, 50, 100, 200, 400, 800)
DIMS, ROUNDS = 64, 12


def bias() -> tuple[Figure, dict[str, list[float]]]:
    """Chapter 9: two samples of one distribution, scored at several sizes."""
    names = ("precision", "recall", "density", "coverage", "kid", "biased")
    found: dict[str, list[float]] = {name: [] for name in names}
    for size in SIZES:
        rounds = [_alike(size, turn) for turn in range(ROUNDS)]
        for name in names:
            found[name].append(float(np.mean([each[name] for each in rounds])))
    figure = Figure(figsize=(8.4, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    for name, colour, marker in (
        ("density", GREEN, "s"), ("coverage", PURPLE, "D"), ("precision", REAL, "o"), ("recall", SYNTHETIC, "^"),
    ):  # fmt: skip
        left.plot(SIZES, found[name], color=colour, marker=marker, label=name)
    left.axhline(1 - 2.0**-3, color=GREY, linestyle=":", linewidth=1)
    left.text(SIZES[-1] * 0.88, 1 - 2.0**-3 + 0.02, "7/8", color=GREY, fontsize=9)
    left.set(ylabel="score of two samples of one distribution", ylim=(0, 1.15))
    right.plot(
        SIZES, found["biased"], color=SYNTHETIC, marker="^", label="with the diagonal (biased)"
    )
    right.plot(SIZES, found["kid"], color=REAL, marker="o", label="without (KID)")
    right.axhline(0, color=GREY, linewidth=0.8)
    right.set(ylabel="squared MMD")
    for axes in (left, right):
        axes.set_xscale("log")
        axes.set_xticks(SIZES, [str(size) for size in SIZES])
        axes.minorticks_off()
        axes.set_xlabel("samples on each side")
        axes.legend(frameon=False)
    return figure, found


def _alike(size: int, turn: int) -> dict[str, float]:
    """All scores of two Gaussian samples of one size."""
    draw = generator(0, "book", "bias", size, turn)
    real, fake = draw.standard_normal((2, size, DIMS))
    scores = manifold_scores(real, fake, 3)
    kernels = [
        ((a @ b.T / DIMS + 1) ** 3).mean() for a, b in ((real, real), (fake, fake), (real, fake))
    ]
    return {
        "precision": scores.precision,
        "recall": scores.recall,
        "density": scores.density,
        "coverage": scores.coverage,
        "kid": kid(real, fake).value,
        "biased": float(kernels[0] + kernels[1] - 2 * kernels[2]),
    }


def cost() -> Figure:
    """Chapter 11: where the patches of the paper's slide are, and what each saving leaves of its evaluations."""
    path = stages(65_536, 65_536, 0.625, patch_px=512, mpp_max=80.0)[1:]
    patches = [(stage.height // 512) ** 2 for stage in path]
    figure = Figure(figsize=(8.6, 3.3), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.2))
    left.bar(range(1, 8), patches, color=REAL)
    left.set_yscale("log")
    left.set(xlabel="stage", ylabel="patches", ylim=(1, 60_000))
    for stage, number in enumerate(patches, start=1):
        left.text(
            stage, number * 1.2, f"{100 * number / sum(patches):.2g} %", ha="center", fontsize=8
        )
    plans = {
        "Heun, N = 40 (the paper)": 79,
        "Euler, N = 40": 40,
        "2M, N = 20": 20,
        "Euler, N = 10 from σ = 3 (fast)": 10,
    }
    places = np.arange(len(plans))[::-1]
    right.barh(
        places,
        [sum(patches) * each / 1e6 for each in plans.values()],
        height=0.5,
        color=[SYNTHETIC, *[REAL] * 3],
    )
    for place, (name, each) in zip(places, plans.items(), strict=True):
        right.text(0.02, place + 0.29, name, fontsize=9, va="bottom")
        right.text(
            sum(patches) * each / 1e6 + 0.02,
            place,
            f"{sum(patches) * each / 1e6:.2f} M",
            va="center",
            fontsize=9,
        )
    right.set(
        xlabel="evaluations of a slide, millions",
        yticks=[],
        xlim=(0, 2.1),
        ylim=(-0.6, len(plans) - 0.1),
    )
    return figure


def main() -> None:
    """Draw all."""
    bias_figure, found = bias()
    figures: dict[str, Callable[[], Figure]] = {
        "grid_shift": grid_shift, "ladder": ladder, "manifolds": manifolds, "cost": cost,
        "bias": lambda: bias_figure,
    }  # fmt: skip
    run = save(__file__, figures, dpi=120, seed=0)
    what = (
        "scores of two samples of one Gaussian, means over rounds; see book/figures/make_scale.py"
    )
    values = {"what": what, "sizes": SIZES, "dims": DIMS, "rounds": ROUNDS, **found, "run": run}
    results = Path(__file__).parents[2] / "benchmarks" / "results" / "sample_size.json"
    results.write_text(json.dumps(values, indent=1) + "\n")


if __name__ == "__main__":
    main()
