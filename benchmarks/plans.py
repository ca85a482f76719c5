"""Which plan is fast and as good: one stage of several plans on the same real guides, measured side by side.

    python benchmarks/plans.py --cohort COHORT.csv --case CASE --out benchmarks/results/plans.json

A square of a real slide is averaged to half its size and magnified again by each plan. For each plan and scale:

    evaluations   of the network per patch
    seconds       of the stage
    spectrum      mean |ln(power made / power real)| over radial frequencies: 0 is real texture
    guide_error   mean |A z - y| in grey levels of 255: how far the stage left its guide
    drift         mean colour made - real, in grey levels
    seam          jump across patch borders of the base grid over that across other guide pixels: 1 is no seam
"""

import argparse
import json
import time
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from wsigen.coarse_to_fine import upscale
from wsigen.cohorts.cohort import read_cohort
from wsigen.cohorts.patches import Source
from wsigen.guidance import AveragePool
from wsigen.plan import FAST, PAPER, StagePlan
from wsigen.provenance import run_info
from wsigen.slides.tissue import whiten
from wsigen.training.checkpoint import load_denoiser

SCALES = (0.7, 2.8, 11.2)

GUIDED = (0.3, 0.7, 1.2)  # noise levels down to which the guide is in force
SHAPES: dict[str, StagePlan] = {
    "paper": PAPER,
    "heun 12": replace(PAPER, num_steps=12),
    "euler 20": replace(PAPER, num_steps=20, solver="euler"),
    "from 10, euler 12": StagePlan(12, solver="euler", sigma_start=10.0, sigma_min=0.02),
    "from 3, euler 12": StagePlan(12, solver="euler", sigma_start=3.0, sigma_min=0.02),
    "from 3, euler 8": StagePlan(8, solver="euler", sigma_start=3.0, sigma_min=0.02),
    "from 3, euler 8, to 0.002": StagePlan(8, solver="euler", sigma_start=3.0),
    "from 3, euler 5": StagePlan(5, solver="euler", sigma_start=3.0, sigma_min=0.02),
    "from 3, heun 5": StagePlan(5, solver="heun", sigma_start=3.0, sigma_min=0.02),
    "from 1.5, euler 8": StagePlan(8, solver="euler", sigma_start=1.5, sigma_min=0.02),
    "from 0.7, euler 6": StagePlan(6, solver="euler", sigma_start=0.7, sigma_min=0.02),
}
PLANS = {
    f"{name}, guided to {sigma}": plan.guided_down_to(sigma)
    for name, plan in SHAPES.items()
    for sigma in GUIDED
    if sigma <= plan.sigma_start
} | {"fast": FAST}

Pixels = NDArray[np.float64]


def radial_power(image: Pixels, bins: int = 32) -> Pixels:
    """Mean power of (3, side, side) over rings of equal frequency, shape (bins,)."""
    side = image.shape[-1]
    window = np.hanning(side)[:, None] * np.hanning(side)
    spectrum = np.abs(np.fft.fft2((image - image.mean((1, 2), keepdims=True)) * window)) ** 2
    frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.fftfreq(side))
    ring = np.minimum((frequency / 0.5 * bins).astype(int), bins)
    power = np.bincount(ring.ravel(), spectrum.mean(0).ravel(), bins + 1)
    return power[1:bins] / np.bincount(ring.ravel(), minlength=bins + 1)[1:bins]


def seam(image: Pixels, period: int) -> float:
    """Mean jump across the lines of a lattice over the mean jump across all other borders of guide pixels."""
    jumps = [np.abs(np.diff(image, axis=axis)).mean(axis=(0, 3 - axis))[1::2] for axis in (1, 2)]
    lines = slice(period // 2 - 1, None, period // 2)
    on = np.concatenate([jump[lines] for jump in jumps])
    off = np.concatenate([np.delete(jump, lines) for jump in jumps])
    return float(on.mean() / off.mean())


def busiest(source: Source, side: int, mpp: float) -> NDArray[np.uint8]:
    """The square at ``mpp``, of the slide's own places, with the most tissue and nothing beyond the edge."""
    span = side * mpp / source.mask_mpp
    rows = range(0, int(source.mask.shape[0] - span), max(1, int(span / 4)))
    columns = range(0, int(source.mask.shape[1] - span), max(1, int(span / 4)))
    size = int(span)
    top, left = max(
        ((r, c) for r in rows for c in columns),
        key=lambda place: source.mask[place[0] : place[0] + size, place[1] : place[1] + size].sum(),
    )
    zoom = source.mask_mpp / mpp
    return whiten(source.slide.read(top * zoom, left * zoom, side, side, mpp), source.white)


def main() -> None:
    """Measure every plan at every scale and save the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cohort", type=Path, required=True)
    parser.add_argument("--case", default="her2st-B")
    parser.add_argument("--model", default="small")
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--images", type=Path, help="folder for a picture of every result")
    arguments = parser.parse_args()

    denoiser = load_denoiser(arguments.model)
    entry = next(e for e in read_cohort(arguments.cohort) if e.case == arguments.case)
    source = Source.of(entry.open(), entry.case)
    rows = []
    for mpp in SCALES:
        pixels = busiest(source, arguments.side, mpp)
        real = torch.from_numpy(pixels.copy()).permute(2, 0, 1).float() / 127.5 - 1
        guide = AveragePool(2)(real[None])[0]
        for name, plan in PLANS.items():
            began = time.perf_counter()
            made = upscale(denoiser.painter(plan, seed=arguments.seed), guide, 2 * mpp)
            seconds = time.perf_counter() - began
            grey, truth = (127.5 * (z.double().numpy() + 1) for z in (made, real))
            ratio = radial_power(grey) / radial_power(truth)
            error = (AveragePool(2)(made[None])[0] - guide).abs().mean().item() * 127.5
            row = {
                "plan": name,
                "mpp": mpp,
                "evaluations": plan.evaluations,
                "seconds": round(seconds, 2),
                "spectrum": round(float(np.abs(np.log(ratio)).mean()), 4),
                "guide_error": round(error, 3),
                "drift": round(float(grey.mean() - truth.mean()), 3),
                "seam": round(seam(grey, denoiser.info.patch_px), 4),
            }
            rows.append(row)
            print(row, flush=True)
            if arguments.images:
                from PIL import Image

                arguments.images.mkdir(parents=True, exist_ok=True)
                picture = grey.round().clip(0, 255).astype(np.uint8).transpose(1, 2, 0)
                Image.fromarray(np.hstack([pixels, picture])).save(
                    arguments.images / f"{mpp:g}_{name.replace(' ', '_').replace(',', '')}.png"
                )
    result = {
        "what": "one stage of each plan on a real guide; see benchmarks/plans.py",
        "model_sha256": denoiser.sha256,
        "images_seen": denoiser.info.images_seen,
        "plans": {name: asdict(plan) for name, plan in PLANS.items()},
        "rows": rows,
        "run": run_info(case=arguments.case, side=arguments.side, seed=arguments.seed),
    }
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
