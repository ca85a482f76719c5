"""How long the fast plan should hold on to its guide, judged at the end of all stages.

    python benchmarks/cascade.py --cohort COHORT.csv --out benchmarks/results/cascade.json

One stage on a real guide (benchmarks/plans.py) does not show what stages make of each other's faults. Here whole slides
of 1024 x 1024 px at 0.7 um/px are generated with r = 4, 3, 2 guided steps, and the texture of their inner part is
compared with the busiest real square of two patients: mean |difference of ln power| over radial frequencies. What
the two patients differ by is the floor.
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from plans import Pixels, busiest, radial_power

from wsigen.coarse_to_fine import drain, generate
from wsigen.cohorts.cohort import read_cohort
from wsigen.cohorts.patches import Source
from wsigen.plan import FAST, stages
from wsigen.provenance import run_info
from wsigen.runs.canvas import strips
from wsigen.training.checkpoint import load_denoiser

SIDE, MPP, SQUARE = 1024, 0.7, 256
CASES = ("her2st-C", "her2st-B")


def log_power(pixels: NDArray[np.uint8]) -> Pixels:
    """Mean ln power over squares of the inner part of a picture, shape (rings,)."""
    image = pixels.astype(np.float64).transpose(2, 0, 1)
    corners = range(SQUARE // 2, SIDE - SQUARE, SQUARE)
    squares = [image[:, y : y + SQUARE, x : x + SQUARE] for y in corners for x in corners]
    return np.mean([np.log(radial_power(square)) for square in squares], axis=0)


def main() -> None:
    """Generate, compare, save."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cohort", type=Path, required=True)
    parser.add_argument("--model", default="small")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()

    denoiser = load_denoiser(arguments.model)
    entries = read_cohort(arguments.cohort)
    sections = [next(entry for entry in entries if entry.case == case) for case in CASES]
    real = [log_power(busiest(Source.of(e.open(), e.case), SIDE, MPP)) for e in sections]
    path = stages(SIDE, SIDE, MPP, patch_px=denoiser.info.patch_px)
    rows = []
    for guided_steps in (4, 3, 2):
        for seed in arguments.seeds:
            plan = replace(FAST, guided_steps=guided_steps)
            run = generate(denoiser.painter(plan, seed=seed), path)
            made = log_power(np.concatenate(list(strips(drain(run), SIDE, SIDE))))
            distance = {
                c: round(float(np.abs(made - r).mean()), 3)
                for c, r in zip(CASES, real, strict=True)
            }
            rows.append({"guided_steps": guided_steps, "seed": seed, "distance": distance})
            print(rows[-1], flush=True)
    result = {
        "what": "texture at the end of all stages against real tissue; see benchmarks/cascade.py",
        "model_sha256": denoiser.sha256,
        "floor": round(float(np.abs(real[0] - real[1]).mean()), 3),
        "rows": rows,
        "run": run_info(seeds=arguments.seeds),
    }
    arguments.out.write_text(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
