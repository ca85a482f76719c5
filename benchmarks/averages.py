"""How long should the average of the weights be? Several averages of one run, judged on patients it has not seen.

    python benchmarks/averages.py train RUN OUT --cohort COHORT.csv --until 246000
    python benchmarks/averages.py judge OUT --cohort COHORT.csv [--out benchmarks/results/averages.json]

``train`` goes on with the run in RUN, into OUT, and keeps power-function averages of several lengths and the network as
it is beside the run's own. They begin as the average that the run had at patch t0: of what an average of power gamma
holds after t patches, (t0 / t)^(gamma + 1) is still of before t0. ``judge`` takes each alone: the loss of Eq. 7 over
noise levels, and KID of samples, both against held-out patches.
"""

import argparse
import json
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from saving import report
from torch.optim.swa_utils import AveragedModel

from wsigen.cohorts.cohort import read_cohort
from wsigen.cohorts.patches import open_sources
from wsigen.experiments.lab import Lab
from wsigen.loss import denoising_loss
from wsigen.metrics.distance import kid
from wsigen.metrics.manifold import manifold_scores
from wsigen.networks.unet import UNet
from wsigen.provenance import run_info
from wsigen.seeds import generator
from wsigen.training.checkpoint import load_denoiser, save_checkpoint
from wsigen.training.loop import PowerAverage, Trainer
from wsigen.training.monitor import append_losses
from wsigen.training.run import MODEL, STATE, save_run, training_patches

GAMMAS = (1.0, 3.0, 16.97)  # beside the run's own 6.94
SIGMAS = (0.05, 0.2, 0.5, 1.0, 3.0, 10.0, 30.0, 80.0)
SCALES = (0.7, 1.5, 6.0)
SIGMA_MIN = 0.1  # of samples, as benchmarks/sampling.py chose it


def averages_of(trainer: Trainer, out: Path) -> dict[str, AveragedModel]:
    """More averages of a run: those begun in ``out``, or new ones that begin as the run's own."""
    found = {}
    for gamma in GAMMAS:
        name = f"gamma_{gamma:g}"
        average = AveragedModel(trainer.network, avg_fn=PowerAverage(gamma))
        kept = out / f"{name}.safetensors"
        begin = load_denoiser(kept).network if kept.exists() else trainer.average.module
        average.module.load_state_dict(begin.state_dict())
        average.n_averaged.copy_(trainer.average.n_averaged)
        found[name] = average
    return found


def train(run: Path, out: Path, cohort: Path, until: int, save_minutes: float) -> None:
    """Go on with a run to ``until`` patches; what was begun in ``out`` is gone on with."""
    state = out / STATE if (out / STATE).exists() else run / STATE
    trainer = Trainer.resume(state, images=until)
    entries = read_cohort(cohort)
    sampler = training_patches(trainer.config, open_sources(entries))
    averages = averages_of(trainer, out)
    out.mkdir(parents=True, exist_ok=True)
    began = saved = time.monotonic()
    with (out / "run_info.jsonl").open("a") as file:
        info = run_info(first_image=trainer.images_seen, until=until, gammas=GAMMAS)
        file.write(json.dumps(info) + "\n")
    data = tuple(sorted({f"{e.cohort or e.case} ({e.licence or 'own data'})" for e in entries}))

    def save() -> None:
        save_run(out, trainer, sampler, data)
        info = load_denoiser(out / MODEL).info
        networks = {name: average.module for name, average in averages.items()}
        for name, network in (networks | {"raw": trainer.network}).items():
            assert isinstance(network, UNet)
            save_checkpoint(out / f"{name}.safetensors", network, info)

    recent = []
    try:
        for progress in trainer.train(sampler):
            for average in averages.values():
                average.update_parameters(trainer.network)
            recent.append(progress)
            if len(recent) == 50:
                append_losses(out / "losses.csv", recent, time.monotonic() - began)
                print(progress, flush=True)
                recent = []
            if time.monotonic() - saved > 60 * save_minutes:
                save()
                saved = time.monotonic()
    finally:
        save()


@torch.inference_mode()
def held_out_loss(real: Lab, lab: Lab, patches: int) -> dict[str, Any]:
    """Eq. 7 at each scale and noise level, on the same patches with the same noise for every model."""
    found = np.zeros((len(SCALES), len(SIGMAS)))
    for row, mpp in enumerate(SCALES):
        pixels = real.real_patches(patches, mpp, real.held_out, "averages")
        clean = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 127.5 - 1
        stream = generator(lab.seed, "averages", str(mpp))
        for column, sigma in enumerate(SIGMAS):
            noise = torch.from_numpy(stream.standard_normal(tuple(clean.shape), np.float32))
            level, scale = torch.full((patches,), sigma), torch.full((patches,), mpp)
            losses = denoising_loss(lab.denoiser, clean, noise, level, scale)
            found[row, column] = float(losses.mean())
    return {"loss": float(found.mean()), "loss_by_sigma": found.mean(axis=0).round(4).tolist()}


def judge(real: Lab, lab: Lab, samples: int, num_steps: int) -> dict[str, Any]:
    """Loss, and KID, precision and recall at each scale, against the held-out patches of ``real``."""
    values: dict[str, Any] = {"sha256": lab.denoiser.sha256, **held_out_loss(real, lab, 32)}
    rows = []
    for mpp in SCALES:
        held_out = real.features(real.real_patches(samples, mpp, real.held_out))
        made = real.features(
            lab.generated_patches(
                samples, mpp, num_steps=num_steps, solver="2m", sigma_min=SIGMA_MIN
            )
        )
        distance, scores = kid(held_out, made, seed=lab.seed), manifold_scores(held_out, made)
        row = {"mpp": mpp, "kid": distance.value, "kid_low": distance.low}
        row |= {"kid_high": distance.high, "precision": scores.precision, "recall": scores.recall}
        rows.append({name: round(float(value), 4) for name, value in row.items()})
    return values | {"samples": rows, "mean_kid": float(np.mean([row["kid"] for row in rows]))}


def main() -> None:
    """Train, or judge, print and save one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    verbs = parser.add_subparsers(dest="verb", required=True)
    training = verbs.add_parser("train")
    training.add_argument("run", type=Path)
    training.add_argument("folder", type=Path, metavar="OUT")
    training.add_argument("--until", type=int, default=246_000)
    training.add_argument("--save-minutes", type=float, default=10)
    judging = verbs.add_parser("judge")
    judging.add_argument("folder", type=Path, metavar="OUT")
    judging.add_argument("--samples", type=int, default=128)
    judging.add_argument("--num-steps", type=int, default=12)
    judging.add_argument("--seed", type=int, default=0)
    judging.add_argument("--out", type=Path)
    for verb in (training, judging):
        verb.add_argument("--cohort", type=Path, required=True)
    arguments = parser.parse_args()
    if arguments.verb == "train":
        for stop in (signal.SIGTERM, signal.SIGINT):
            signal.signal(stop, signal.default_int_handler)
        train(
            arguments.run,
            arguments.folder,
            arguments.cohort,
            arguments.until,
            arguments.save_minutes,
        )
        return

    first = Lab(arguments.cohort, arguments.folder / MODEL, seed=arguments.seed)
    info = run_info(seed=arguments.seed, samples=arguments.samples, num_steps=arguments.num_steps)
    names = {"raw": "raw", "gamma_16.97": 16.97, MODEL.removesuffix(".safetensors"): 6.94}
    names |= {"gamma_3": 3.0, "gamma_1": 1.0}
    averages = []
    for name, gamma in names.items():
        lab = Lab(arguments.cohort, arguments.folder / f"{name}.safetensors", seed=arguments.seed)
        found = {"gamma": gamma, **judge(first, lab, arguments.samples, arguments.num_steps)}
        averages.append(found)
        print(json.dumps(found), flush=True)
    starts = [json.loads(line) for line in (arguments.folder / "run_info.jsonl").open()]
    result = {
        "images_seen": first.denoiser.info.images_seen,
        "averaged_from": starts[0]["arguments"]["first_image"],
        "scales": SCALES,
        "sigmas": SIGMAS,
        "averages": averages,
        "run": info,
    }
    report(result, arguments.out)


if __name__ == "__main__":
    main()
