"""A training run in a folder: trains, saves, shows, and goes on where it stopped.

The folder holds config.json, run_info.jsonl (one line for each start), losses.csv, loss.png, samples.png,
training.safetensors (everything needed to go on) and model.safetensors (the averaged weights, ready to use).
"""

import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from wsigen.cohorts.cohort import described
from wsigen.cohorts.entry import Entry
from wsigen.cohorts.ground import Ground
from wsigen.cohorts.patches import PatchSampler, Source, of_split, open_sources
from wsigen.cohorts.placing import Placing
from wsigen.denoiser import EDMDenoiser
from wsigen.devices import has_fast_bfloat16
from wsigen.errors import WsigenError
from wsigen.networks.unet import UNet
from wsigen.outputs import check_place
from wsigen.provenance import run_info
from wsigen.slides.tissue import BACKGROUND
from wsigen.training.checkpoint import (
    LoadedDenoiser,
    ModelInfo,
    load_denoiser,
    save_checkpoint,
)
from wsigen.training.config import TrainConfig
from wsigen.training.drawing import Drawer, Pyramids
from wsigen.training.loop import Trainer, world
from wsigen.training.monitor import append_losses, plot_losses, sample_sheet, save_image
from wsigen.training.progress import Progress, Watch, unwatched

STATE, MODEL = "training.safetensors", "model.safetensors"
CONFIG, STARTS, LOSSES = "config.json", "run_info.jsonl", "losses.csv"
WRITTEN = (CONFIG, STARTS, LOSSES, "loss.png", "samples.png", MODEL)  # beside the state


def train_in_folder(
    folder: Path,
    config: TrainConfig,
    entries: Sequence[Entry],
    *,
    resume: bool = False,
    changes: Mapping[str, Any] | None = None,
    start_from: str | Path | None = None,
    minutes: float | None = None,
    save_minutes: float = 5.0,
    workers: int = 0,
    device: str = "cpu",
    watch: Watch = unwatched,
) -> Iterator[Progress]:
    """Train and yield each step's progress; save every ``save_minutes`` and at the end.

    Args:
        folder: of the run; must hold none of its files yet unless ``resume``.
        config: of a new run; a resumed one keeps its own.
        entries: the cohort; its split "train" is used.
        resume: go on with the run in ``folder``.
        changes: fields of the config that a resumed run gets anew, such as images or learning_rate.
        start_from: a model, by name or path, whose weights a new run starts from; its network is taken over, with the
            averages and the detail of the config's where it has none.
        minutes: stop after so long.
        save_minutes: time between saves.
        workers: processes that read patches.
        device: "cpu" or "cuda".
        watch: is given what takes minutes before the first step.
    """
    if resume:
        check_held(folder, STATE)
    else:
        check_new(folder, STATE, WRITTEN)
    config = with_organs(config, entries)
    if resume:
        trainer = Trainer.resume(folder / STATE, device, **(changes or {}))
    elif start_from is not None:
        trainer = start_from_model(load_denoiser(start_from), config, device)
    else:
        trainer = Trainer(config, device)
    config = trainer.config
    if config.batch_size < world()[1]:
        raise WsigenError(
            f"batch_size is {config.batch_size}; expected a patch or more for each of {world()[1]} processes"
        )
    if config.told_share:
        sampler: PatchSampler | Drawer = drawn_patches(config, entries, device, watch)
    else:
        sampler = training_patches(config, open_sources(entries))
    info = run_info(
        device,
        minutes=minutes,
        workers=workers,
        first_image=trainer.images_seen,
        start_from=start_from,
    )
    leader = world()[0] == 0
    data = described(entries)
    began = saved = time.monotonic()
    noted = False
    recent: list[Progress] = []
    try:
        for progress in trainer.train(sampler, workers):
            if leader and not noted:
                note_start(folder, config.as_json(), info)
                noted = True
            recent.append(progress)
            yield progress
            now = time.monotonic()
            if leader and len(recent) >= 50:
                append_losses(folder / LOSSES, recent, now - began)
                recent = []
            if leader and now - saved > 60 * save_minutes:
                save_run(folder, trainer, sampler, data)
                saved = now
            if minutes is not None and now - began > 60 * minutes:
                break
    finally:
        if noted:  # a run that took no step has nothing to save
            if recent:
                append_losses(folder / LOSSES, recent, time.monotonic() - began)
            save_run(folder, trainer, sampler, data)


def check_held(folder: Path, state: str) -> None:
    """Raise WsigenError where there is no file ``state`` to go on from."""
    if not (folder / state).is_file():
        raise WsigenError(f"{folder}: no {state} to resume from; start without --resume")


def check_new(folder: Path, state: str, written: Sequence[str]) -> None:
    """Raise WsigenError where a new run would write over what is there: its ``state`` or what else is ``written``."""
    if world()[0] > 0:
        return  # the first of several processes looks, and may have begun to write since
    if (folder / state).exists():
        raise WsigenError(
            f"{folder}: holds a run already; add --resume to go on, or choose another folder"
        )
    for path in (folder / name for name in written):
        if os.path.lexists(path):
            raise WsigenError(
                f"{path} is there already, and the run would write over it; choose another folder, or move the file"
            )
    check_place(folder.absolute())


def note_start(folder: Path, config: Mapping[str, Any], info: Mapping[str, Any]) -> None:
    """Write what a run is, and add a line for this start."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / CONFIG).write_text(json.dumps(config, indent=2))
    with (folder / STARTS).open("a") as file:
        file.write(json.dumps(info) + "\n")


def start_from_model(model: LoadedDenoiser, config: TrainConfig, device: str) -> Trainer:
    """Start a run from a model's weights, with its network and what the config's has beyond it."""
    assert isinstance(model.network, UNet)
    network = model.info.network
    network = replace(
        network,
        averages=network.averages or config.network.averages,
        detail=network.detail or config.network.detail,
        told=network.told or config.network.told,
        organs=network.organs or config.network.organs,
    )
    adopted = replace(config, network=network, sigma_data=model.info.sigma_data)
    return Trainer(adopted, device, model.network)


def training_patches(config: TrainConfig, sources: Sequence[Source]) -> PatchSampler:
    """The patches that a run trains on, from opened slides; plain images are decoded now."""
    sampler = PatchSampler(
        sources,
        config.patch_px,
        (config.mpp_min, config.mpp_max),
        scale=config.scale,
        augment=config.augment,
        stain_jitter=config.stain_jitter,
        stain_jitter_until=config.stain_jitter_images,
        seed=config.seed,
    )
    sampler.load()
    return sampler


def with_organs(config: TrainConfig, entries: Sequence[Entry]) -> TrainConfig:
    """The config with the names of the organs that its network is told of, if it is."""
    if not config.organ_share:
        return config
    return replace(config, network=replace(config.network, organs=organs_of(entries)))


def organs_of(entries: Sequence[Entry]) -> tuple[str, ...]:
    """Names of the organs of a cohort's training slides."""
    found = {entry.organ for entry in entries if entry.split == "train"}
    return tuple(sorted(found - {"", "unspecified"}))


def drawn_patches(
    config: TrainConfig, entries: Sequence[Entry], device: str, watch: Watch = unwatched
) -> Drawer:
    """The patches that a told network trains on, from slides that are decoded now, into the device's memory."""
    pyramids = Pyramids.of(of_split(entries), config.mpp_min, device, watch)
    return drawer_of(config, pyramids)


def drawer_of(config: TrainConfig, pyramids: Pyramids) -> Drawer:
    """The patches that a run draws from decoded slides."""
    return Drawer(pyramids, placing_of(config, pyramids.grounds), config.network.organs)


def placing_of(config: TrainConfig, grounds: Sequence[Ground]) -> Placing:
    """Where a run's patches lie."""
    return Placing(
        grounds,
        config.patch_px,
        (config.mpp_min, config.mpp_max),
        whole_share=config.whole_share,
        shares={"breast": config.breast_share},
        only_below={"breast": config.breast_only_below},
        seed=config.seed,
    )


def save_run(
    folder: Path, trainer: Trainer, sampler: PatchSampler | Drawer, training_data: tuple[str, ...]
) -> None:
    """Save the run's state, its averaged model, loss curve and a sheet of samples."""
    config = trainer.config
    trainer.save(folder / STATE)
    average = trainer.average.module
    assert isinstance(average, UNet)
    save_checkpoint(folder / MODEL, average, info_of(trainer, sampler, training_data))
    if (folder / LOSSES).exists():
        plot_losses(folder / LOSSES, folder / "loss.png")
    denoiser = EDMDenoiser(average, config.sigma_data, half=has_fast_bfloat16(trainer.device))
    save_image(
        folder / "samples.png", sample_sheet(denoiser, config.patch_px, device=trainer.device)
    )


def info_of(
    trainer: Trainer, sampler: PatchSampler | Drawer, training_data: tuple[str, ...]
) -> ModelInfo:
    """What is to be known of the model that a run has so far."""
    config = trainer.config
    shown = sampler.placing.mpp_range if isinstance(sampler, Drawer) else sampler.mpp_range
    return ModelInfo(
        network=config.network,
        sigma_data=config.sigma_data,
        patch_px=config.patch_px,
        mpp_min=round(shown[0], 4),
        mpp_max=round(shown[1], 4),
        images_seen=trainer.images_seen,
        training_data=training_data,
        background=BACKGROUND,
    )
