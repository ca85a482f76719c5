"""Improved precision and recall beside the package prdc: time and memory on the same random features, in one run.

    python benchmarks/precision_recall.py --out benchmarks/results/precision_recall.json [--samples 4000] [--rounds 3]

Both compute precision, recall, density and coverage of as many real as generated samples, each in a process of its
own, in turn. ``ratio_seconds`` and ``ratio_memory`` are wsigen over prdc, medians over the rounds: below 1 wsigen needs
less. Seconds are of processor time, which other work on the machine disturbs less than the wall clock; memory is the
peak of the process less what it had when the features were made, so the features themselves are not in it.

prdc keeps a distance and a place for every pair, 12 bytes: 28 GiB for 50 000 samples. ``--only wsigen`` leaves it out.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from importlib import metadata
from typing import Any

import numpy as np
from saving import finish, parser, peak_mib, timed

from wsigen.metrics.manifold import manifold_scores
from wsigen.seeds import generator

SCORES = ("precision", "recall", "density", "coverage")
CONTENDERS = ("wsigen", "prdc")


def measure(contender: str, samples: int, dims: int, k: int, seed: int) -> dict[str, Any]:
    """Run one contender in this process."""
    real, fake = (
        generator(seed, name).standard_normal((samples, dims), np.float32)
        for name in ("real", "fake")
    )
    fake *= np.float32(0.98)
    if contender == "prdc":
        from prdc import compute_prdc
    before = peak_mib()
    if contender == "prdc":
        spent, scores = timed(lambda: compute_prdc(real, fake, k))
    else:
        spent, found = timed(lambda: manifold_scores(real, fake, k))
        scores = {name: getattr(found, name) for name in SCORES}
    return {
        "contender": contender,
        "seconds": round(spent.cpu, 2),
        "wall_seconds": round(spent.seconds, 2),
        "memory_mib": round(peak_mib() - before, 1),
        "peak_mib": round(peak_mib(), 1),
        "scores": {name: float(scores[name]) for name in SCORES},
    }


def main() -> None:
    """Measure both, print one JSON object and save it."""
    words = parser(__doc__)
    words.add_argument("--samples", type=int, default=4000)
    words.add_argument("--dims", type=int, default=1280)
    words.add_argument("--k", type=int, default=3)
    words.add_argument("--rounds", type=int, default=3)
    words.add_argument("--seed", type=int, default=0)
    words.add_argument("--only", choices=CONTENDERS)
    words.add_argument("--contender", choices=CONTENDERS, help=argparse.SUPPRESS)
    arguments = words.parse_args()
    sizes = (arguments.samples, arguments.dims, arguments.k, arguments.seed)
    if arguments.contender:  # the process of one measurement
        print(json.dumps(measure(arguments.contender, *sizes)))
        return

    rows = []
    names = ("--samples", "--dims", "--k", "--seed")
    options = [word for pair in zip(names, map(str, sizes), strict=True) for word in pair]
    for _ in range(arguments.rounds):
        for contender in [arguments.only] if arguments.only else CONTENDERS:
            command = [sys.executable, __file__, "--contender", contender, *options]
            answer = subprocess.run(command, capture_output=True, text=True, check=True)
            rows.append(json.loads(answer.stdout.splitlines()[-1]))
            print(rows[-1], file=sys.stderr, flush=True)

    result: dict[str, Any] = {"what": "wsigen beside prdc; see benchmarks/precision_recall.py"}
    if not arguments.only:
        for name in ("seconds", "memory_mib"):
            mine, theirs = (
                statistics.median(row[name] for row in rows if row["contender"] == contender)
                for contender in CONTENDERS
            )
            result[f"ratio_{name.removesuffix('_mib')}"] = round(mine / theirs, 3)
        result["scores_equal"] = all(row["scores"] == rows[0]["scores"] for row in rows)
    result["threads"] = os.environ.get("OMP_NUM_THREADS")  # None: as many as there are cores
    result["packages"] = {name: metadata.version(name) for name in ("prdc", "scikit-learn")}
    result["rows"] = rows
    finish(result, arguments)


if __name__ == "__main__":
    main()
