"""Draw the tissue that opens chapters 2, 3, 5 and 11, sampled from the model that ships: a minute on one core.

    python book/figures/make_samples.py

writes the JPEG files beside this script, and make_samples.json, which says what made them.
"""

from collections.abc import Callable

import numpy as np
import torch
from make_tissue import finest
from matplotlib.figure import Figure
from numpy.typing import NDArray
from saving import save

from wsigen.experiments.lab import Lab
from wsigen.experiments.one_patch import BY_COST, magnified, own_guides
from wsigen.experiments.result import load_result
from wsigen.guidance import AveragePool
from wsigen.models import DEFAULT_MODEL
from wsigen.pixels import to_pixels
from wsigen.plots.tissue import Panel, joined, side_by_side, strips
from wsigen.sampler import evaluations, sample
from wsigen.schedule import SIGMA_MAX, karras_sigmas
from wsigen.seeds import generator
from wsigen.training.checkpoint import LoadedDenoiser, load_denoiser

SEED, PATCH = 0, 64


def noise(count: int, *name: str) -> torch.Tensor:
    """Standard normal images, (count, 3, PATCH, PATCH)."""
    draw = generator(SEED, "book", *name).standard_normal((count, 3, PATCH, PATCH))
    return torch.from_numpy(draw.astype(np.float32))


def drawn(
    denoiser: LoadedDenoiser, mpp: float, count: int, steps: int, solver: str, last: float
) -> NDArray[np.uint8]:
    """Patches from the same noise, whatever draws them."""
    start = SIGMA_MAX * noise(count, "patches")
    with torch.inference_mode():
        return to_pixels(
            sample(denoiser, start, karras_sigmas(steps, sigma_min=last), mpp, solver=solver)
        )


def first_guesses(denoiser: LoadedDenoiser) -> Figure:
    """Chapter 2: tissue under more and more noise, and the best guess at each level."""
    clean = finest(load_result("zoom_path"))[60 : 60 + PATCH, 140 : 140 + PATCH]
    z = torch.from_numpy(clean.copy()).permute(2, 0, 1)[None] / 127.5 - 1
    panels = [Panel(clean, "tissue", "given")]
    guesses = [Panel(clean, "generated, 0.7 µm/px", "given")]
    for sigma in (0.1, 0.3, 1.0, 3.0, 10.0):
        noisy = z + sigma * noise(1, "guess")
        with torch.inference_mode():
            guess = denoiser(noisy, sigma, 0.7)
        panels.append(Panel(to_pixels(noisy)[0], f"under noise, σ = {sigma:g}", "given"))
        guesses.append(Panel(to_pixels(guess)[0], "best guess"))
    return side_by_side([*panels, *guesses], columns=len(panels), inches=1.6)


def told_scales(denoiser: LoadedDenoiser) -> Figure:
    """Chapter 3: one network and one noise, told four scales."""
    return strips(
        [
            Panel(
                joined(drawn(denoiser, mpp, 8, 20, "2m", 0.05), 8, 2), f"told {mpp:g} µm per pixel"
            )
            for mpp in (0.7, 3.0, 12.0, 50.0)
        ]
    )


def by_evaluations(denoiser: LoadedDenoiser) -> Figure:
    """Chapter 5: the same noise by Heun's method, with 1 to 79 evaluations."""
    panels = []
    for steps in (1, 4, 8, 16, 40):
        spent = evaluations(steps, "heun")
        patches = drawn(denoiser, 1.0, 8, steps, "heun", 0.002)
        name = "evaluation" if spent == 1 else "evaluations"
        broken = steps < 8
        title = f"{'broken: ' if broken else ''}{spent} {name}, N = {steps}"
        panels.append(Panel(joined(patches, 8, 2), title, "broken" if broken else "made"))
    return strips(panels)


def plans(denoiser: LoadedDenoiser) -> Figure:
    """Chapter 11: patches from the same guides and the same noise, at 1 to 79 evaluations."""
    lab = Lab(model=DEFAULT_MODEL, seed=SEED)
    guides = own_guides(lab, 1.0)
    shown = AveragePool().pinv(torch.stack(guides))
    panels = [Panel(joined(to_pixels(shown), 1, 2), "the guide", "given")]
    for name, plan in BY_COST:
        patches = magnified(guides, plan, 1.0, lab)
        panels.append(Panel(joined(patches, 1, 2), f"{plan.evaluations}: {name.split()[0]}"))
    return side_by_side(panels, inches=1.3)


def main() -> None:
    """Draw all."""
    denoiser = load_denoiser(DEFAULT_MODEL, half=False)
    figures: dict[str, Callable[[], Figure]] = {
        name: lambda draw=draw: draw(denoiser)
        for name, draw in (
            ("first_guesses", first_guesses), ("told_scales", told_scales), ("by_evaluations", by_evaluations),
            ("plans", plans),
        )
    }  # fmt: skip
    save(
        __file__,
        figures,
        dpi=96,
        tissue=True,
        seed=SEED,
        model=DEFAULT_MODEL,
        sha256=denoiser.sha256,
    )


if __name__ == "__main__":
    main()
