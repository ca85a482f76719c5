"""Draw the figures of chapters 5 and 6 from the library itself; no slide and no trained model is needed.

    python book/figures/make_sampling.py

writes the PNG files beside this script, and make_sampling.json, which says what made them.
"""

import math
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import torch
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyArrowPatch
from saving import save
from torch import Tensor

from wsigen.guidance import AveragePool, project
from wsigen.plots import REAL, SYNTHETIC
from wsigen.sampler import euler, heun, slope, solver_step
from wsigen.schedule import karras_sigmas

GREEN, GREY = "#009e73", "0.45"
SPREAD = 0.4  # of the Gaussian whose exact denoiser chapter 5 solves


def gauss(x: Tensor, sigma: float, mpp: float) -> Tensor:
    """The exact denoiser of N(0, SPREAD^2), pixel by pixel."""
    return x * SPREAD**2 / (SPREAD**2 + sigma**2)


def exact_path(x: Tensor, sigma: float, sigma_next: float) -> Tensor:
    """Where the exact ODE leads from one noise level to another."""
    return x * math.sqrt((SPREAD**2 + sigma_next**2) / (SPREAD**2 + sigma**2))


def schedule() -> Figure:
    """Chapter 5: Eq. 4 for three values of rho, and how the guided steps lie on it."""
    figure = Figure(figsize=(8.2, 3.2), layout="constrained")
    curves, guided = figure.subplots(1, 2)
    for rho, colour, style in [(1.0, GREY, ":"), (3.0, GREEN, "-."), (7.0, REAL, "-")]:
        curves.semilogy(karras_sigmas(40, rho=rho)[:-1], style, color=colour, label=f"ρ = {rho:g}")
    curves.set(xlabel="step i of N = 40", ylabel="noise level σ")
    curves.legend(frameon=False, fontsize=8)
    sigmas, steps = karras_sigmas(40)[:-1], np.arange(40)
    guided.semilogy(steps[:28], sigmas[:28], "o", ms=4, color=REAL, label="guided, i < r = 28")
    guided.semilogy(steps[28:], sigmas[28:], "^", ms=4, color=SYNTHETIC, label="free")
    guided.axhline(0.3, color="0.6", lw=0.8, ls=":")
    guided.set(xlabel="step i of N = 40")
    guided.legend(frameon=False, fontsize=8)
    return figure


def solver_order() -> Figure:
    """Chapter 5: one Euler and one Heun step on an exact path, and the error against the number of steps."""
    figure = Figure(figsize=(8.2, 3.3), layout="constrained")
    step, order = figure.subplots(1, 2)
    high, low, x = 0.6, 0.2, torch.ones(1, dtype=torch.float64)
    levels = np.linspace(high, low, 100)
    step.plot(
        levels, [float(exact_path(x, high, s)) for s in levels], color="k", label="exact path"
    )
    predicted = euler(gauss, x, high, low, 1.0)
    step.plot(
        [high, low],
        [1.0, float(predicted)],
        "--o",
        ms=4,
        color=SYNTHETIC,
        label="Euler: slope at the start",
    )
    reach = 0.12 * float(slope(gauss, predicted, low, 1.0))
    step.plot(
        [low, low + 0.12],
        [float(predicted), float(predicted) + reach],
        ":",
        color=GREY,
        label="slope at its end",
    )
    corrected = float(heun(gauss, x, high, low, 1.0))
    step.plot(
        [high, low], [1.0, corrected], "-.s", ms=4, color=REAL, label="Heun: mean of both slopes"
    )
    step.set(xlabel="noise level σ, falling as it is followed", ylabel="x", xlim=(0.63, 0.17))
    step.legend(frameon=False, fontsize=8)

    numbers = np.array([5, 10, 20, 40, 80, 160])
    start = torch.linspace(-10, 10, 11, dtype=torch.float64)
    for solver, colour, style in [("euler", SYNTHETIC, "--o"), ("heun", REAL, "-s")]:
        errors = [global_error(solver, start, number) for number in numbers]
        order.loglog(numbers, errors, style, ms=4, color=colour, label=solver.capitalize())
    order.loglog(numbers, 0.75 / numbers, ":", color=GREY, lw=1)
    order.loglog(numbers, 0.5 / numbers**2.0, ":", color=GREY, lw=1)
    order.text(60, 0.016, "falls as 1/N", fontsize=8, color=GREY)
    order.text(5.2, 0.00042, "falls as 1/N²", fontsize=8, color=GREY)
    order.set(xlabel="number of steps N", ylabel="largest error at the end")
    order.legend(frameon=False, fontsize=8, loc="lower left")
    return figure


def global_error(solver: str, x: Tensor, number: int) -> float:
    """The largest error after ``number`` steps from sigma 10 to 0.1, in equal steps of ln sigma."""
    exact, step = exact_path(x, 10.0, 0.1), solver_step(solver)
    for sigma, sigma_next in pairwise(np.geomspace(10, 0.1, number + 1).tolist()):
        x = step(gauss, x, sigma, sigma_next, 1.0)
    return float((x - exact).abs().max())


def pooling() -> Figure:
    """Chapter 6: the projection on a 4 x 4 image, number by number."""
    operator = AveragePool(2)
    u = torch.tensor(
        [[0.1, 0.3, 0.8, 0.6], [0.2, 0.2, 0.9, 0.9], [0.5, 0.1, 0.4, 0.4], [0.3, 0.3, 0.2, 0.6]]
    )[None, None]
    guide = torch.tensor([[0.4, 0.7], [0.3, 0.6]])[None, None]
    gap = guide - operator(u)
    panels = [
        ("estimate u", u, "Blues"), ("A u", operator(u), "Blues"), ("guide y", guide, "Blues"),
        ("y − A u", gap, "PuOr"), ("A⁺(y − A u)", operator.pinv(gap), "PuOr"),
        ("u + A⁺(y − A u)", project(u, guide, operator), "Blues"),
    ]  # fmt: skip
    figure = Figure(figsize=(6.2, 4.4), layout="constrained")
    for axes, (title, values, colours) in zip(figure.subplots(2, 3).flat, panels, strict=True):
        grid = values[0, 0].numpy()
        low, high = (-0.5, 0.5) if colours == "PuOr" else (-0.1, 1.6)
        axes.imshow(grid, cmap=colours, vmin=low, vmax=high)
        for (row, column), value in np.ndenumerate(grid):
            text = (
                f"{value:+.1f}" if colours == "PuOr" and abs(value) > 0.01 else f"{abs(value):.1f}"
            )
            axes.text(
                column, row, text, ha="center", va="center", fontsize=9 if len(grid) > 2 else 12
            )
        axes.set_title(title, fontsize=11)
        axes.set(xticks=np.arange(-0.5, len(grid)), yticks=np.arange(-0.5, len(grid)))
        axes.tick_params(length=0, labelbottom=False, labelleft=False)
        axes.grid(color="w", lw=1)
    return figure


def range_and_null() -> Figure:
    """Chapter 6: the projection of an image of two pixels onto the line of images that average to the guide."""
    figure = Figure(figsize=(4.4, 4.0), layout="constrained")
    axes = figure.subplots()
    line = np.array([-0.2, 1.4])
    axes.plot(line, 1.2 - line, color=REAL, label="all images with A x = y")
    axes.plot(line, line, ":", color=GREY, label="range of A⁺: both pixels equal")
    u, nearest = np.array([0.9, 0.7]), np.array([0.7, 0.5])
    axes.add_patch(
        FancyArrowPatch(u, nearest, arrowstyle="-|>", mutation_scale=14, color=SYNTHETIC, lw=1.5)
    )
    axes.add_patch(Circle(u, 0.022, color=SYNTHETIC))
    axes.add_patch(Circle(nearest, 0.022, color=REAL))
    axes.annotate("u", u, (0.93, 0.73), fontsize=11)
    axes.annotate("u + A⁺(y − A u)", nearest, (0.76, 0.51), fontsize=10)
    axes.set(
        xlabel="first pixel", ylabel="second pixel", xlim=(0, 1.2), ylim=(0, 1.2), aspect="equal"
    )
    figure.legend(frameon=False, fontsize=8, loc="outside lower center", ncols=2)
    return figure


FIGURES: dict[str, Callable[[], Figure]] = {
    "schedule": schedule,
    "solver_order": solver_order,
    "projection": pooling,
    "range_and_null": range_and_null,
}


if __name__ == "__main__":
    save(__file__, FIGURES, dpi=170)
