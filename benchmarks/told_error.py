"""How far off are told estimates on tissue that no training saw? By scale, for one model.

    python benchmarks/told_error.py --cohort COHORT --model MODEL --out benchmarks/results/told_error.json

Patches, their noise, and the noise of their guides are drawn as in training, from the held-out split, and are the same
for every model: two files can be compared patch by patch (``--beside``). A loss is the squared error of an estimate,
weighted as in training (Eq. 7).

losses      means by octave, with the finest scale of each and the number of patches
ratio       the mean loss of all octaves over that of ``beside``, with a bootstrap interval over patches
"""

import argparse
import json
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from saving import finish, parser, rounded

from wsigen.cohorts.cohort import read_cohort
from wsigen.loss import denoising_loss
from wsigen.metrics.intervals import percentiles
from wsigen.models import DEFAULT_MODEL
from wsigen.training.checkpoint import LoadedDenoiser, load_denoiser
from wsigen.training.config import TOLD, TrainConfig
from wsigen.training.drawing import Pyramids
from wsigen.training.examples import told_example
from wsigen.training.run import drawer_of

BATCH = 16
DRAWS = 2000  # of a bootstrap


def main() -> None:
    """Measure one model, and compare it with another's file."""
    arguments = parser(__doc__ or "")
    arguments.add_argument("--cohort", required=True)
    arguments.add_argument("--split", default="test")
    arguments.add_argument("--model", default=DEFAULT_MODEL)
    arguments.add_argument("--patches", type=int, default=1600)
    arguments.add_argument("--mpp", type=float, nargs=2, default=(0.7, 22.4), help="um/px.")
    arguments.add_argument("--beside", type=Path, help="What another model left.")
    options = arguments.parse_args()
    denoiser = load_denoiser(options.model)
    mpp, losses = measured(denoiser, options)
    octaves = int(np.log2(options.mpp[1] / options.mpp[0]))
    octave = np.floor(np.log2(mpp / options.mpp[0])).clip(0, octaves - 1)  # told scales err
    result: dict[str, Any] = {
        "model_sha256": denoiser.sha256,
        "losses": [
            {
                "mpp": options.mpp[0] * 2.0**k,
                "patches": int((octave == k).sum()),
                "loss": float(losses[octave == k].mean()),
            }
            for k in np.unique(octave)
        ],
    }
    if options.beside:
        other = np.array(json.loads(options.beside.read_text())["each"])
        result["ratio"] = ratio(losses, other)
        options.beside = options.beside.name
    finish(rounded(result | {"each": losses.tolist()}), options)


@torch.inference_mode()
def measured(
    denoiser: LoadedDenoiser, options: argparse.Namespace
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Scale and loss of each patch."""
    config: TrainConfig = replace(
        TOLD,
        mpp_min=options.mpp[0],
        mpp_max=options.mpp[1],
        told_share=1.0,
        whole_share=0.0,
        organ_share=0.0,
        breast_only_below=0.0,
    )
    entries = [entry for entry in read_cohort(options.cohort) if entry.split == options.split]
    drawer = drawer_of(config, Pyramids.of(entries, config.mpp_min))
    scales, losses = [], []
    for first in range(0, options.patches, BATCH):
        example = told_example(drawer.draw(range(first, first + BATCH)), config, first)
        loss = denoising_loss(
            partial(denoiser, told=example.told),
            example.clean,
            example.noise,
            example.sigma,
            example.mpp,
            config.sigma_data,
        )
        scales.append(example.mpp.double().numpy())
        losses.append(loss.double().numpy())
    return np.concatenate(scales), np.concatenate(losses)


def ratio(losses: NDArray[np.float64], other: NDArray[np.float64]) -> dict[str, float]:
    """Mean loss over another's, with the ends of an interval of 95 %."""
    chosen = np.random.default_rng(0).integers(len(losses), size=(DRAWS, len(losses)))
    drawn = losses[chosen].mean(1) / other[chosen].mean(1)
    low, high = percentiles(drawn, 0.95)
    return {"value": float(losses.mean() / other.mean()), "low": low, "high": high}


if __name__ == "__main__":
    main()
