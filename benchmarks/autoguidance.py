"""What guiding a model by a weaker one gains: strengths side by side, on patients that neither has seen.

    python benchmarks/autoguidance.py MODEL WEAKER --cohort COHORT.csv [--out benchmarks/results/autoguidance.json]

WEAKER is an earlier state of MODEL's training, or a smaller model of the same slides. Strength 0 is MODEL alone, with
one evaluation a step; the others cost one of each model, down to the noise level of --weaker-sigma. With --told F the
model is told that noise is F times as strong as it is. The columns are those of benchmarks/sampling.py, whose way
"to 0.1" draws all samples.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

from sampling import OCTAVES, WAYS, judge, made
from saving import save

from wsigen.experiments.lab import Lab
from wsigen.provenance import run_info


def main() -> None:
    """Measure, print and save one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("weaker")
    parser.add_argument("--cohort", default="phantom")
    parser.add_argument("--scales", type=float, nargs="+", default=[0.7, 1.5, 3.0, 6.0])
    parser.add_argument("--strengths", type=float, nargs="+", default=[0.0, 0.5, 1.0, 2.0])
    parser.add_argument("--weaker-sigma", type=float, default=0.0)
    parser.add_argument("--told", type=float, nargs="+", default=[1.0])
    parser.add_argument("--samples", type=int, default=128)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()

    info = run_info(
        seed=arguments.seed, model=Path(arguments.model), weaker=Path(arguments.weaker),
        samples=arguments.samples, cohort=Path(arguments.cohort),
    )  # fmt: skip
    alone = Lab(arguments.cohort, arguments.model, seed=arguments.seed)
    weaker = Lab(arguments.cohort, arguments.weaker).denoiser
    ways = [
        {
            "strength": strength,
            "weaker": arguments.weaker if strength else None,
            "weaker_sigma": arguments.weaker_sigma,
            "told": told,
        }
        for strength in arguments.strengths
        for told in arguments.told
    ]
    rows: list[dict[str, Any]] = []
    for mpp in arguments.scales:
        real = alone.real_patches(arguments.samples, mpp, alone.held_out)
        train = alone.real_patches(arguments.samples, mpp)
        rows.append({"mpp": mpp, "strength": None, **judge(train, real, train, alone)})
        for way in ways:
            began = time.process_time()
            lab = Lab(arguments.cohort, arguments.model, seed=arguments.seed, **way)
            patches = made(lab.denoiser, WAYS["to 0.1"], arguments.samples, alone, mpp)
            asked = {"mpp": mpp, "strength": way["strength"], "told": way["told"]}
            row = asked | judge(patches, real, train, alone)
            rows.append(row | {"processor_seconds": round(time.process_time() - began, 1)})
            print(json.dumps(rows[-1]), flush=True)
    result = {
        "model_sha256": alone.denoiser.sha256,
        "images_seen": alone.denoiser.info.images_seen,
        "weaker_sha256": weaker.sha256,
        "weaker_images_seen": weaker.info.images_seen,
        "weaker_sigma": arguments.weaker_sigma,
        "octaves": OCTAVES,
        "rows": rows,
        "run": info,
    }
    save(result, arguments.out)


if __name__ == "__main__":
    main()
