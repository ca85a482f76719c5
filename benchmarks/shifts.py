"""Do shifts of low discrepancy leave weaker seams than shifts drawn for each step, as the paper draws them?

    python benchmarks/shifts.py [--laws 30] [--slides 8] [--out benchmarks/results/shifts.json]

Both kinds on the same seeds, which name the same noise. Two parts:

    exact     lines of a Gaussian field made by Heun's solver without a guide: the law is computed, not sampled (see
              `wsigen.seams.exact`). ``largest`` is the largest mean square step from one pixel to the next over the
              true one, ``spread`` the standard deviation of that over places, ``distance`` that of the law.
    trained   the last stage of slides made by ``--plan``, from the same guide: ``worst`` is the largest, ``mean`` the
              mean of the steps in grey levels along the grids of the stage's own steps, and ``elsewhere`` the mean
              along grids that no step used.

``ratio`` is low-discrepancy over uniform, of means over seeds, with the ends of a bootstrap interval of 95 %.
"""

import argparse
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from saving import save

from wsigen.coarse_to_fine import drain, generate, run_stage
from wsigen.metrics.seams import SeamPlanes
from wsigen.plan import plan as named_plan
from wsigen.plan import stages
from wsigen.provenance import run_info
from wsigen.runs.plane import step_grid
from wsigen.seams.exact import law
from wsigen.seams.grid_shift import GridShift
from wsigen.seeds import generator
from wsigen.training.checkpoint import load_denoiser

KINDS = ("uniform", "low-discrepancy")
Found = dict[str, list[float]]


def exact(seed: int, num_steps: int, shifts: str) -> dict[str, float]:
    """One law."""
    found = law(GridShift(), length=64, patch_px=16, num_steps=num_steps, seed=seed, shifts=shifts)
    jump = found.jump
    return {
        "largest": float(jump.max()),
        "spread": float(jump.std()),
        "distance": found.distance,
    }


def compared(measure: Callable[[int, str], dict[str, float]], seeds: range) -> dict[str, object]:
    """Both kinds on all seeds: means, and the ratio of means with its interval."""
    rows = {kind: [measure(seed, kind) for seed in seeds] for kind in KINDS}
    found: dict[str, object] = {}
    for name in rows["uniform"][0]:
        values = np.array([[row[name] for row in rows[kind]] for kind in KINDS])
        found[name] = {
            **dict(zip(KINDS, np.round(values.mean(1), 4).tolist(), strict=True)),
            "ratio": [round(r, 3) for r in ratio(values)],
        }
    return found


def ratio(values: NDArray[np.float64], draws: int = 2000) -> list[float]:
    """Mean of the second row over that of the first, low, and high."""
    chosen = generator(0, "bootstrap").integers(values.shape[1], size=(draws, values.shape[1]))
    means = values[:, chosen].mean(-1)
    low, high = np.percentile(means[1] / means[0], [2.5, 97.5])
    return [float(values[1].mean() / values[0].mean()), float(low), float(high)]


def main() -> None:
    """Measure, print and save."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--laws", type=int, default=30)
    parser.add_argument("--steps", type=int, nargs="*", default=[10, 20, 40])
    parser.add_argument("--slides", type=int, default=8)
    parser.add_argument("--size", type=int, default=384)
    parser.add_argument("--plan", default="fast")
    parser.add_argument("--model", default="small")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    result: dict[str, object] = {"what": "shifts of two kinds; see benchmarks/shifts.py"}
    for steps in arguments.steps:
        result[f"exact_{steps}"] = compared(
            lambda seed, kind, n=steps: exact(seed, n, kind), range(arguments.laws)
        )
        print(steps, result[f"exact_{steps}"], flush=True)

    denoiser = load_denoiser(arguments.model)
    plan, patch_px = named_plan(arguments.plan), denoiser.info.patch_px
    path = stages(arguments.size, arguments.size, 1.4, patch_px=patch_px)
    last, guides = path[-1], {}

    def trained(seed: int, kind: str) -> dict[str, float]:
        painter = denoiser.painter(plan, seed=seed)
        if seed not in guides:
            guides[seed] = drain(generate(painter, path[:-1]))
        own = replace(plan, shifts=kind)
        image = drain(run_stage(replace(painter, plan=own), last, guides[seed]))
        pixels = (127.5 * (image + 1)).permute(1, 2, 0).double().numpy()
        squares = SeamPlanes.of(pixels, patch_px).grey_squares
        grids = [step_grid(last, own, patch_px, seed, i) for i in range(plan.num_steps)]
        used = np.zeros_like(squares, bool)
        corners = [(grid.tops[0] % patch_px, grid.lefts[0] % patch_px) for grid in grids]
        for top, left in corners:
            used[top], used[:, left] = True, True
        steps = np.sqrt([squares[corner] for corner in corners])
        free = squares[::2, ::2][
            ~used[::2, ::2]
        ]  # lines between guide pixels, as those of the grids
        return {
            "worst": float(steps.max()),
            "mean": float(steps.mean()),
            "elsewhere": float(np.sqrt(free).mean()),
        }

    if arguments.slides:
        with torch.no_grad():
            result["trained"] = compared(trained, range(arguments.slides))
        print(result["trained"], flush=True)
    result |= {
        "model_sha256": denoiser.sha256,
        "run": run_info(
            laws=arguments.laws,
            slides=arguments.slides,
            size=arguments.size,
            plan=arguments.plan,
        ),
    }
    save(result, arguments.out)


if __name__ == "__main__":
    main()
