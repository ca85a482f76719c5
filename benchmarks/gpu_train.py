"""What ``gpu.py`` trains: for as long as it has, with figures of the device, and judged on patients held out."""

import contextlib
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from saving import peak_mib

from wsigen.cohorts.cohort import UNSEEN, described
from wsigen.cohorts.entry import Entry
from wsigen.cohorts.placing import Placing
from wsigen.denoiser import EDMDenoiser
from wsigen.devices import has_fast_bfloat16
from wsigen.errors import WsigenError
from wsigen.loss import denoising_loss
from wsigen.networks.unet import UNet
from wsigen.pixels import to_pixels
from wsigen.runs.speed import flops_per_patch, matrix_product, seconds_of
from wsigen.sampler import sample
from wsigen.schedule import SIGMA_MAX, karras_sigmas
from wsigen.training.checkpoint import save_checkpoint
from wsigen.training.config import TrainConfig
from wsigen.training.drawing import Drawer, Pyramids
from wsigen.training.examples import Example, told_example
from wsigen.training.loop import Trainer
from wsigen.training.monitor import append_losses, sample_sheet
from wsigen.training.progress import Progress
from wsigen.training.run import drawer_of, info_of, with_organs

PART_BYTES = 15 << 20  # what comes back from elsewhere may come in pieces only
SAVE_SECONDS = 60.0
TOLD_OFTEN = 20  # steps in a line of losses.csv
JUDGED = {"cuda": 4096, "cpu": 64}  # patches held out
AT_THE_END = 0.12  # of the time, for judging and a last save
SCALES = (0.7, 1.5, 3.0, 6.0, 12.0, 25.0)


def train(
    out: Path,
    model: Path,
    config: TrainConfig,
    entries: Sequence[Entry],
    device: str,
    until: float,
    compiled: bool,
) -> Iterator[dict[str, Any]]:
    """Train until then, and yield the figures: each minute and at the end.

    Args:
        out: gets the weights in parts, losses and samples.
        model: the file of the weights.
        config: what to train.
        entries: the cohort.
        device: where.
        until: moment of ``time.monotonic`` by which all is done.
        compiled: by torch.compile.
    """
    began = time.monotonic()
    stop = until - AT_THE_END * (until - began)
    config = with_organs(config, entries)
    drawer = drawer_of(config, _pyramids(entries, ("train",), config, device))
    trainer = Trainer(config, device)
    ceiling = matrix_product(device)
    example = told_example(drawer.draw(range(config.batch_size)), config, 0)
    drawing = seconds_of(
        lambda: told_example(drawer.draw(range(config.batch_size)), config, 0), device, 3
    )
    figures: dict[str, Any] = {
        "config": config.as_json(),
        "slides": len(drawer.pyramids.grounds),
        "seconds_to_begin": time.monotonic() - began,
        "tflops_of_matrix_product": ceiling / 1e12,
        "drawing_seconds_a_step": drawing,
    }
    (out / "losses.csv").unlink(missing_ok=True)
    recent: list[Progress] = []
    moments: list[float] = []
    saved = time.monotonic()

    def told() -> dict[str, Any]:
        nonlocal recent
        if recent:
            append_losses(out / "losses.csv", recent, time.monotonic() - began)
            recent = []
        info = info_of(trainer, drawer, described(entries))
        average = trainer.average.module
        assert isinstance(average, UNet)
        save_checkpoint(model, average, info)
        in_parts(model, out / "model.safetensors")
        return figures | speed(trainer, moments, ceiling, drawing)

    for progress in trainer.train(drawer, compiled=compiled):
        recent.append(progress)
        moments.append(time.monotonic())
        if len(recent) >= TOLD_OFTEN:
            append_losses(out / "losses.csv", recent, moments[-1] - began)
            recent = []
        if moments[-1] - saved > SAVE_SECONDS:
            yield told()
            saved = time.monotonic()
        if moments[-1] > stop:
            break
    figures |= inside(trainer, example, ceiling)
    yield told()
    denoiser = EDMDenoiser(
        trainer.average.module, config.sigma_data, half=has_fast_bfloat16(device)
    )
    low, high = drawer.placing.mpp_range
    shown = [mpp for mpp in SCALES if low <= mpp <= high]
    pixels = sample_sheet(denoiser, config.patch_px, shown, device=device)
    Image.fromarray(pixels).save(out / "samples.webp", quality=90)
    with contextlib.suppress(WsigenError):  # a cohort may hold nobody out
        held_out = drawer_of(config, _pyramids(entries, UNSEEN, config, device))
        figures["held_out"] = judged(denoiser, held_out, config)
        figures["held_out"]["kid"] = distances(denoiser, held_out, config, shown, until)
    yield told()


def _pyramids(
    entries: Sequence[Entry], splits: Sequence[str], config: TrainConfig, device: str
) -> Pyramids:
    chosen = [entry for entry in entries if entry.split in splits]
    if not chosen:
        raise WsigenError(f"no slide of split {splits[0]!r}; check the split column")
    return Pyramids.of(chosen, config.mpp_min, device)


def speed(
    trainer: Trainer, moments: Sequence[float], ceiling: float, drawing: float
) -> dict[str, Any]:
    """Patches and operations a second, the first two steps left out: they wait for compilers."""
    config, skipped = trainer.config, min(2, len(moments) - 2)
    flops = 3 * flops_per_patch(trainer.network, config.patch_px)  # backward costs twice forward
    on_gpu = trainer.device.startswith("cuda")
    found = {
        "images_seen": trainer.images_seen,
        "steps": len(moments),
        "flops_per_patch": flops,
        "peak_device_gib": torch.cuda.max_memory_allocated() / 2**30 if on_gpu else None,
        "peak_host_mib": peak_mib(),
    }
    if skipped < 0:  # one step says nothing
        return found
    seconds = (moments[-1] - moments[skipped]) / (len(moments) - 1 - skipped)
    rate = config.batch_size / seconds
    return found | {
        "seconds_a_step": seconds,
        "patches_per_second": rate,
        "patches_of_64_px_per_second": rate * (config.patch_px / 64) ** 2,
        "drawing_share_of_a_step": drawing / seconds,
        "share_of_matrix_product": flops * rate / ceiling,
    }


def inside(trainer: Trainer, example: Example, ceiling: float) -> dict[str, Any]:
    """What the network alone reaches, forwards and backwards, on a batch that lies there."""
    config = trainer.config
    half = has_fast_bfloat16(trainer.device)
    model = EDMDenoiser(trainer.network, config.sigma_data, half=half)
    spent = seconds_of(lambda: losses(model, example, config).mean().backward(), trainer.device, 3)
    flops = 3 * flops_per_patch(trainer.network, config.patch_px) * config.batch_size
    return {
        "network_seconds_a_step": spent,
        "share_of_matrix_product_inside_the_network": flops / spent / ceiling,
    }


def losses(model: torch.nn.Module, example: Example, config: TrainConfig) -> torch.Tensor:
    """The loss of each patch, told what the example tells."""
    return denoising_loss(
        lambda x, sigma, mpp: model(x, sigma, mpp, told=example.told),
        example.clean, example.noise, example.sigma, example.mpp, config.sigma_data,
    )  # fmt: skip


@torch.no_grad()
def judged(denoiser: EDMDenoiser, drawer: Drawer, config: TrainConfig) -> dict[str, Any]:
    """Losses on patients held out, of patches told their guide and of others."""
    number = JUDGED[torch.device(drawer.pyramids.device).type]
    found: dict[bool, list[float]] = {True: [], False: []}
    for first in range(0, number, config.batch_size):
        some = range(first, min(first + config.batch_size, number))
        example = told_example(drawer.draw(some), config, first)
        assert example.told is not None
        told = torch.as_tensor(example.told.sigma) < SIGMA_MAX
        values = losses(denoiser, example, config)
        for kind, kept in found.items():
            kept += values[told == kind].tolist()
    names = {True: "loss_told", False: "loss_untold"}
    means = {names[kind]: float(np.mean(kept)) for kind, kept in found.items() if kept}
    return {"patches": number, **means}


@torch.no_grad()
def distances(
    denoiser: EDMDenoiser,
    drawer: Drawer,
    config: TrainConfig,
    scales: Sequence[float],
    until: float,
) -> dict[str, float] | None:
    """KID of samples to patches held out, by scale; None where there is no extractor of features."""
    try:
        from wsigen.metrics.distance import kid
        from wsigen.metrics.extractors import extractor

        features = extractor(device=drawer.pyramids.device)
    except (ImportError, WsigenError):
        return None
    device, found = drawer.pyramids.device, dict[str, float]()
    number = 512 if device.startswith("cuda") else 16
    for mpp in scales:
        if time.monotonic() > until:
            break
        try:
            around = Placing(
                drawer.pyramids.grounds, config.patch_px, (mpp * 0.97, mpp * 1.03), seed=config.seed
            )
        except WsigenError:  # nobody held out shows this scale
            continue
        real = Drawer(drawer.pyramids, around, ()).draw(range(number)).clean
        sigmas = karras_sigmas(20, 0.1)
        noise = torch.randn(real.shape, device=device) * float(sigmas[0])
        made = sample(denoiser, noise, sigmas, mpp, solver="2m")
        sides = [features(to_pixels(images)) for images in (real, made)]
        found[f"{mpp:g}"] = kid(*sides).value
    return found


def in_parts(file: Path, name: Path) -> None:
    """Copy a file as ``name.0``, ``name.1`` and so on, none larger than ``PART_BYTES``."""
    data = file.read_bytes()
    for number, first in enumerate(range(0, len(data), PART_BYTES)):
        part = name.with_name(f"{name.name}.{number}")
        part.write_bytes(data[first : first + PART_BYTES])
