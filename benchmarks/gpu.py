"""One GPU, ten minutes, one command: train a network that is told its guide, and measure what slides cost.

    python benchmarks/gpu.py OUT --minutes 9 --train --cohort COHORT.pack
    python benchmarks/gpu.py OUT --minutes 9 --measure --model small-3
    python benchmarks/gpu.py OUT --minutes 1 --device cpu --cohort phantom          (both, small, to try it)

Nothing is needed but torch, numpy, Pillow and safetensors, and a pack of a cohort (``wsigen pack --cut``). OUT gets at
most eight files of at most 16 MiB, anew each minute, so that whatever ends a run leaves what it has:

    model.safetensors.0 ..      averaged weights in half precision; ``cat model.safetensors.* > model.safetensors``
    losses.csv, samples.webp    of the training
    plan.webp, paper.webp       one place of every stage, by the plan at hand and by the paper's, as far as time allowed
    gpu.json                    patches and operations a second beside the device's own matrix product, memory, ledgers

Without --train and --measure it does both: two thirds of the time go to training, the rest to slides of its model.
With ``--work`` slides are kept there, and the same command goes on where time was up.
"""

import argparse
import json
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from gpu_slide import measure_slides
from gpu_train import train
from saving import rounded

from wsigen.cohorts.cohort import read_cohort
from wsigen.devices import choose_device
from wsigen.errors import WsigenError
from wsigen.models import DEFAULT_MODEL
from wsigen.provenance import run_info
from wsigen.training.config import TINY, TOLD, TrainConfig, preset

TRAINED = 2 / 3  # of the time, where both are asked for
TRIAL = replace(
    TOLD, network=replace(TINY.network, told=True), patch_px=32, batch_size=16, mpp_max=200.0
)  # on a processor: shows that all of it works
SIDE = {"cuda": 65_536, "cpu": 128}  # of the slide, in pixels


def options() -> argparse.Namespace:
    """The words of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--minutes", type=float, default=9.0, help="All of it ends by then.")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--train", action="store_true", help="Nothing but training.")
    which.add_argument("--measure", action="store_true", help="Nothing but slides.")
    parser.add_argument("--device", help="cuda or cpu; by default a GPU where there is one.")
    parser.add_argument("--cohort", help="To train on; the splits held out are for judging.")
    parser.add_argument("--preset", help="base-told on a GPU; a trial of it on a processor.")
    parser.add_argument("--batch-size", type=int, help="Instead of the preset's.")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--compile", choices=("auto", "on", "off"), default="auto")
    parser.add_argument(
        "--model", help="Of the slides; by default what was trained, else " + DEFAULT_MODEL
    )
    parser.add_argument("--plan", help="Of the first slide; by default what suits the model.")
    parser.add_argument("--side", type=int, help="Of the slide, in pixels.")
    parser.add_argument("--mpp", type=float, default=0.7)
    parser.add_argument("--steps", type=int, help="Of each stage, instead of the plan's.")
    parser.add_argument("--slide-batch", type=int, help="Patches at once; measured by default.")
    parser.add_argument("--work", type=Path, help="Keep slides here, to go on with them.")
    return parser.parse_args()


def main() -> None:
    """Train, measure, and keep ``gpu.json`` up to date."""
    began = time.monotonic()
    asked = options()
    device = choose_device(asked.device)
    kind = torch.device(device).type
    end = began + 60 * asked.minutes
    both = asked.train == asked.measure
    compiled = asked.compile == "on" or (asked.compile == "auto" and kind == "cuda")
    asked.out.mkdir(parents=True, exist_ok=True)
    given = {name: value for name, value in vars(asked).items() if name not in ("out", "device")}
    figures: dict[str, Any] = {
        "device": torch.cuda.get_device_name() if kind == "cuda" else "cpu",
        "run": run_info(device, **given),
    }

    def keep(part: str, found: Any) -> None:
        figures[part] = found
        text = json.dumps(rounded(figures), indent=1) + "\n"
        (asked.out / "gpu.json").write_text(text)

    with tempfile.TemporaryDirectory() as folder:
        model = asked.model or DEFAULT_MODEL
        if asked.train or both:
            if asked.cohort is None:
                raise WsigenError("no --cohort to train on; pack one with `wsigen pack --cut`")
            config = training_config(asked, kind)
            trained = Path(folder) / "trained.safetensors"
            until = end if asked.train else began + TRAINED * (end - began)
            for found in train(
                asked.out, trained, config, read_cohort(asked.cohort), device, until, compiled
            ):
                keep("training", found)
            model = asked.model or str(trained)
        if asked.measure or both:
            work = asked.work or Path(folder) / "slides"
            for found in measure_slides(
                asked.out, work, model, device, end, compiled,
                side=asked.side or SIDE[kind], mpp=asked.mpp, seed=asked.seed, plan_name=asked.plan,
                num_steps=asked.steps, batch=asked.slide_batch, resumable=asked.work is not None,
            ):  # fmt: skip
                keep("slides", found)
    print(f"{asked.out}: {', '.join(sorted(file.name for file in asked.out.iterdir()))}")


def training_config(asked: argparse.Namespace, kind: str) -> TrainConfig:
    """The preset as asked for, with no end but that of the time."""
    config = preset(asked.preset or "base-told") if asked.preset or kind == "cuda" else TRIAL
    size = asked.batch_size or config.batch_size
    return replace(config, batch_size=size, images=10**9 // size * size, seed=asked.seed)


if __name__ == "__main__":
    try:
        main()
    except WsigenError as error:
        print(f"gpu.py: {error}", file=sys.stderr)
        sys.exit(2)
