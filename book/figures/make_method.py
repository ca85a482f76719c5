"""Draw the figures of chapters 1 to 4 from the library itself; no slide and no trained model is needed.

    python book/figures/make_method.py

writes the PNG files beside this script, and make_method.json, which says what made them.
"""

import math
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import torch
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, Rectangle
from saving import save

from wsigen.denoiser import preconditioning
from wsigen.loss import loss_weight
from wsigen.plots import REAL, SYNTHETIC
from wsigen.sampler import heun
from wsigen.schedule import karras_sigmas

GREEN, PURPLE, GREY = "#009e73", "#cc79a7", "0.45"  # of the palette of Okabe and Ito
MEANS, WEIGHTS, SPREAD = (-0.6, 0.5), (0.35, 0.65), 0.1  # the mixture of chapter 2


class MixtureDenoiser:
    """The exact denoiser of a mixture of Gaussians of one spread, pixel by pixel; the spread may be 0."""

    def __init__(self, means=MEANS, weights=WEIGHTS, spread: float = SPREAD) -> None:
        self.means, self.weights, self.spread = means, weights, spread

    def __call__(self, x, sigma, mpp):
        variance = self.spread**2 + float(sigma) ** 2
        means = torch.tensor(self.means, dtype=x.dtype)
        logits = torch.tensor(self.weights, dtype=x.dtype).log() - (x[..., None] - means) ** 2 / (
            2 * variance
        )
        share = logits.softmax(-1)
        each = (self.spread**2 * x[..., None] + float(sigma) ** 2 * means) / variance
        return (share * each).sum(-1)


def pyramid() -> Figure:
    """Chapter 1: the same tissue at three scales, and how a slide grows from its overview."""
    figure = Figure(figsize=(8.2, 3.7), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.25))
    for level, (width, y, text) in enumerate(
        [
            (4.0, 0.0, "level 0: 65 536 px, 0.25 µm per px"),
            (2.0, 1.35, "level 2: 16 384 px, 1 µm per px"),
            (1.0, 2.7, "level 4: 4 096 px, 4 µm per px"),
        ]
    ):
        corners = [
            (-width / 2, y),
            (width / 2, y),
            (width * 0.33, y + 0.75),
            (-width * 0.33, y + 0.75),
        ]
        left.fill(*zip(*corners, strict=True), color=REAL, alpha=0.18 + 0.12 * level, lw=0)
        left.fill(*zip(*corners, strict=True), fill=False, edgecolor=REAL, lw=1.2)
        left.text(0, y - 0.28, text, ha="center", fontsize=8)
    left.set(xlim=(-2.4, 2.4), ylim=(-0.55, 4.1), aspect="equal")
    left.text(0, 3.85, "a file holds one slide at many scales", ha="center", fontsize=9)

    for stage, (x, side, cells) in enumerate([(0.0, 0.9, 1), (1.75, 1.5, 2), (4.1, 2.4, 4)]):
        for row in range(cells):
            for column in range(cells):
                corner = (x + column * side / cells, 1.2 - side / 2 + row * side / cells)
                right.add_patch(
                    Rectangle(
                        corner, side / cells, side / cells, facecolor=SYNTHETIC,
                        alpha=0.22, edgecolor="none",
                    )
                )  # fmt: skip
                right.add_patch(
                    Rectangle(corner, side / cells, side / cells, fill=False, edgecolor=SYNTHETIC)
                )
        name = ("overview,\n1 patch", "stage 1,\n4 patches", "stage 2,\n16 patches")[stage]
        right.text(x + side / 2, -0.15, name, ha="center", va="top", fontsize=8)
    for start, end in [((0.95, 1.2), (1.7, 1.2)), ((3.3, 1.2), (4.05, 1.2))]:
        right.add_patch(FancyArrowPatch(start, end, arrowstyle="-|>", mutation_scale=12, color="k"))
        right.text((start[0] + end[0]) / 2, 1.32, "guides", ha="center", fontsize=8)
    right.text(6.65, 1.2, "…", fontsize=14, va="center")
    right.set(xlim=(-0.1, 7.0), ylim=(-1.0, 3.2), aspect="equal")
    right.text(
        3.4, 2.9, "this method draws the scales from coarse to fine", ha="center", fontsize=9
    )
    for axes in (left, right):
        axes.axis("off")
    return figure


def exact_denoiser() -> Figure:
    """Chapter 2: the denoiser of two point masses at four noise levels, and paths of the exact ODE."""
    figure = Figure(figsize=(8.2, 3.4), layout="constrained")
    curves, paths = figure.subplots(1, 2)
    x = torch.linspace(-2, 2, 401, dtype=torch.float64)
    points = MixtureDenoiser(spread=0.0)
    for sigma, colour, style in [
        (2.0, GREY, ":"), (0.8, GREEN, "-."), (0.4, SYNTHETIC, "--"), (0.15, REAL, "-")
    ]:  # fmt: skip
        curves.plot(x, points(x, sigma, 1.0), style, color=colour, label=f"σ = {sigma:g}")
    for mean in MEANS:
        curves.axhline(mean, color="0.8", lw=0.8, zorder=0)
    curves.set(xlabel="noisy value x", ylabel="D(x; σ)", ylim=(-0.75, 0.65))
    curves.set_title("best guess of the clean value", fontsize=9)
    curves.legend(frameon=False, fontsize=8, loc="lower right")

    mixture, sigmas = MixtureDenoiser(), karras_sigmas(300, sigma_max=3.0).tolist()
    start = 3.0 * torch.special.ndtri((torch.arange(25, dtype=torch.float64) + 0.5) / 25)
    track = [start]
    for sigma, sigma_next in pairwise(sigmas):
        track.append(heun(mixture, track[-1], sigma, sigma_next, 1.0))
    values = torch.stack(track).numpy()
    for column in range(values.shape[1]):
        colour = SYNTHETIC if values[-1, column] < 0 else REAL
        paths.plot(sigmas, values[:, column], color=colour, lw=0.8)
    paths.set(xlabel="noise level σ, falling as it is followed", ylabel="x", xlim=(3, 0))
    paths.set_title("25 paths of the ODE, from noise to two clusters", fontsize=9)
    return figure


def wiener() -> Figure:
    """Chapter 2: what the exact denoiser of a Gaussian random field lets pass, frequency by frequency."""
    figure = Figure(figsize=(5.2, 3.2), layout="constrained")
    axes = figure.subplots()
    frequency = np.geomspace(1, 64, 200)
    power = (frequency / 4) ** -2.0
    for sigma, colour, style in [
        (4.0, GREY, ":"), (1.0, GREEN, "-."), (0.25, SYNTHETIC, "--"), (0.06, REAL, "-")
    ]:  # fmt: skip
        axes.semilogx(
            frequency,
            power / (power + sigma**2),
            style,
            color=colour,
            label=f"σ = {sigma:g}",
            base=2,
        )
    axes.set(
        xlabel="spatial frequency, cycles per patch", ylabel="share that D keeps", ylim=(0, 1.02)
    )
    axes.legend(frameon=False, fontsize=8)
    return figure


def coefficients() -> Figure:
    """Chapter 3: the coefficients of Eq. 6 over the noise level."""
    figure = Figure(figsize=(8.2, 3.2), layout="constrained")
    shares, scales = figure.subplots(1, 2)
    sigma = torch.logspace(-3, 2, 300, dtype=torch.float64)
    c_skip, c_out, c_in, c_noise = preconditioning(sigma, 0.5)
    shares.semilogx(sigma, c_skip, color=REAL, label="$c_{skip}$: kept of the input")
    shares.semilogx(sigma, c_out / 0.5, "--", color=SYNTHETIC, label=r"$c_{out}/\sigma_{data}$")
    shares.semilogx(sigma, c_in * 0.5, "-.", color=GREEN, label=r"$c_{in}\,\sigma_{data}$")
    shares.axvline(0.5, color="0.8", lw=0.8, zorder=0)
    shares.text(0.53, 0.03, r"$\sigma=\sigma_{data}$", fontsize=8, color=GREY)
    shares.set(xlabel="noise level σ", ylim=(0, 1.05))
    shares.legend(frameon=False, fontsize=8, loc="center left")
    scales.semilogx(sigma, c_noise, color=PURPLE, label=r"$c_{noise}=\ln(\sigma)/4$")
    weight = loss_weight(sigma, 0.5) * c_out**2
    scales.semilogx(sigma, weight, "--", color="k", label=r"$\lambda(\sigma)\,c_{out}^2=1$")
    scales.set(xlabel="noise level σ")
    scales.legend(frameon=False, fontsize=8)
    return figure


def training_draws() -> Figure:
    """Chapter 4: which noise levels and which scales training draws."""
    figure = Figure(figsize=(8.2, 3.2), layout="constrained")
    noise, scale = figure.subplots(1, 2)
    log_sigma = np.linspace(math.log(0.002), math.log(80), 300)
    density = np.exp(-((log_sigma + 1.2) ** 2) / (2 * 1.2**2)) / (1.2 * math.sqrt(2 * math.pi))
    noise.fill_between(np.exp(log_sigma), density, color=REAL, alpha=0.3, lw=0)
    noise.semilogx(np.exp(log_sigma), density, color=REAL, label="drawn in training")
    steps = karras_sigmas(40)[:-1]
    noise.plot(steps, np.full(40, -0.02), "|", color=SYNTHETIC, label="visited by 40 steps")
    noise.set(xlabel="noise level σ", ylabel="density over ln σ", ylim=(-0.045, 0.37))
    noise.legend(frameon=False, fontsize=8, loc="upper right")

    low, high = 0.3, 150.0
    octaves = low * 2.0 ** np.arange(9)
    edges = np.append(octaves, high)
    log_share = np.diff(np.log(edges)) / math.log(high / low)
    uniform_share = np.diff(edges) / (high - low)
    place = np.arange(len(octaves))
    scale.bar(place - 0.2, 100 * log_share, 0.4, color=REAL, label="log-uniform (ours)")
    scale.bar(
        place + 0.2, 100 * uniform_share, 0.4, color=SYNTHETIC, hatch="//", edgecolor="w",
        label="uniform (the paper's)",
    )  # fmt: skip
    scale.set_xticks(place, [f"{edge:.3g}" for edge in octaves], fontsize=8)
    scale.set(xlabel="octave, from this many µm per px", ylabel="share of the draws, %")
    scale.legend(frameon=False, fontsize=8)
    return figure


FIGURES: dict[str, Callable[[], Figure]] = {
    "pyramid": pyramid,
    "exact_denoiser": exact_denoiser,
    "wiener": wiener,
    "preconditioning": coefficients,
    "training_draws": training_draws,
}


if __name__ == "__main__":
    save(__file__, FIGURES, dpi=170)
