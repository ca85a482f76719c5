"""Training patches drawn in bulk beside patches drawn one by one: seconds of a processor for each, parts named.

    OMP_NUM_THREADS=1 python benchmarks/drawing.py --cohort COHORT.pack --out benchmarks/results/drawing.json

One by one: `PatchSampler` with the noise of `TrainingPatches`, as for a network that is not told its guide. In bulk:
`Placing`, `Pyramids` and `told_example`, which draw rotations by any angle, a noisy guide and an organ too. Both make
batches of 32 from the same slides, in turn, on one thread. Seconds are of the processor: others may work beside.
``grey_levels`` is how far upright patches within a slide are from the means that `Slide.read` takes under their pixels.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from saving import report
from torch.utils.data import default_collate

from wsigen.cohorts.cohort import read_cohort
from wsigen.cohorts.patches import open_sources
from wsigen.provenance import run_info
from wsigen.training.config import preset
from wsigen.training.drawing import Pyramids
from wsigen.training.examples import TrainingPatches, told_example
from wsigen.training.run import drawer_of, training_patches

BATCH = 32
ROUND = 20  # batches


@click.command()
@click.option("--cohort", required=True)
@click.option("--rounds", type=int, default=5)
@click.option("--out", type=click.Path(path_type=Path))
def main(cohort: str, rounds: int, out: Path | None) -> None:
    """Measure and write one JSON object."""
    torch.set_num_threads(1)
    config = preset("told")
    entries = [entry for entry in read_cohort(cohort) if entry.split == "train"]
    pyramids = Pyramids.of(entries, config.mpp_min)
    drawer = drawer_of(config, pyramids)
    sources = open_sources(entries)
    alone = TrainingPatches(training_patches(config, sources), config)
    placed = drawer.placing.places(range(BATCH))
    drawn = drawer.draw(range(BATCH))
    work: dict[str, Callable[[range], Any]] = {
        "one_by_one": lambda some: default_collate([alone[n] for n in some]),
        "one_by_one_without_noise": lambda some: [alone.sampler.patch(n) for n in some],
        "in_bulk": lambda some: told_example(drawer.draw(some), config, some[0]),
        "in_bulk_places": drawer.placing.places,
        "in_bulk_pixels": lambda some: pyramids.draw(placed, config.patch_px),
        "in_bulk_noise": lambda some: told_example(drawn, config, some[0]),
        "places_of_2048": lambda some: drawer.placing.places(range(BATCH * some[0], BATCH * some[0] + 2048)),
    }  # fmt: skip
    times: dict[str, list[float]] = {name: [] for name in work}
    for turn in range(rounds + 1):  # the first warms up
        for name, draw in work.items():
            size = 2048 if name == "places_of_2048" else BATCH
            began = time.process_time()
            for batch in range(ROUND):
                first = (turn * ROUND + batch) * BATCH
                draw(range(first, first + BATCH))
            spent = (time.process_time() - began) / (ROUND * size)
            times[name] += [spent] * (turn > 0)
    upright = drawer.placing.places(range(400))
    upright = replace(upright, angle=np.zeros(400), mirror=np.zeros(400, bool))
    pixels = (pyramids.draw(upright, config.patch_px).permute(0, 2, 3, 1).numpy() + 1) * 127.5
    away = []
    for i, mpp in enumerate(upright.mpp):
        corner = upright.centre[i] / mpp - config.patch_px / 2
        ground = drawer.placing.grounds[upright.source[i]]
        extent = np.array([ground.height, ground.width]) * ground.mpp / mpp
        if (corner < 0).any() or (corner + config.patch_px > extent).any():
            continue  # beyond a slide one gives its glass, the other white
        expected = sources[upright.source[i]].read(*corner, config.patch_px, config.patch_px, mpp)
        away.append(float(np.abs(pixels[i] - expected).mean()))
    result = {
        "slides": len(entries),
        "patch_px": config.patch_px,
        "microseconds_a_patch": {
            name: round(1e6 * float(np.median(found)), 1) for name, found in times.items()
        },
        "grey_levels": {"mean": round(float(np.mean(away)), 3), "most": round(max(away), 3)},
        "run": run_info(cohort=cohort, rounds=rounds),
    }
    report(result, out)


if __name__ == "__main__":
    main()
