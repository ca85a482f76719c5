"""What a training run shows of itself: losses as a table and a curve, samples as a sheet."""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from wsigen.arrays import Denoiser
from wsigen.outputs import whole, written_as
from wsigen.pixels import to_pixels
from wsigen.sampler import sample
from wsigen.schedule import karras_sigmas
from wsigen.seeds import generator
from wsigen.training.progress import Progress

SHEET_MPP = (0.5, 0.7, 1.5, 3.0, 6.0, 12.0, 25.0, 50.0)


def append_losses(path: Path, progress: Sequence[Progress], seconds: float) -> None:
    """Append one row: the mean over ``progress``, and the seconds trained so far."""
    new = not path.exists()
    with path.open("a", newline="") as file:
        table = csv.writer(file)
        if new:
            table.writerow(["images_seen", "loss", "learning_rate", "gradient_norm", "seconds"])
        mean = np.mean([[p.loss, p.learning_rate, p.gradient_norm] for p in progress], axis=0)
        table.writerow([progress[-1].images_seen, *(f"{v:.6g}" for v in mean), f"{seconds:.1f}"])


def plot_losses(table: Path, figure: Path) -> None:
    """Draw the losses of ``table`` over the images seen."""
    from matplotlib.figure import Figure  # no pyplot: no global state, no display

    rows = np.genfromtxt(table, delimiter=",", names=True)
    canvas = Figure(figsize=(6, 3.5), layout="constrained")
    axes = canvas.subplots()
    axes.plot(np.atleast_1d(rows["images_seen"]), np.atleast_1d(rows["loss"]), color="#0b6e99")
    axes.set(xlabel="patches seen", ylabel="weighted denoising loss", yscale="log")
    axes.grid(alpha=0.3)
    canvas.savefig(figure, dpi=120)


@torch.no_grad()
def sample_sheet(
    denoiser: Denoiser,
    patch_px: int,
    scales: Sequence[float] = SHEET_MPP,
    *,
    columns: int = 8,
    num_steps: int = 18,
    seed: int = 0,
    device: str = "cpu",
) -> NDArray[np.uint8]:
    """Draw ``columns`` patches at each scale; one row per scale, uint8 (rows px, columns px, 3)."""
    stream = generator(seed, "sample sheet")
    rows = []
    for mpp in scales:
        noise = stream.standard_normal((columns, 3, patch_px, patch_px), np.float32)
        sigmas = karras_sigmas(num_steps)
        start = torch.from_numpy(noise).to(device) * float(sigmas[0])
        pixels = to_pixels(sample(denoiser, start, sigmas, mpp))
        rows.append(np.concatenate(list(pixels), axis=1))
    return np.concatenate(rows)


def save_image(path: Path, pixels: NDArray[np.uint8], zoom: int = 2) -> None:
    """Write a picture, each pixel ``zoom`` times as large."""
    with whole(path) as part:
        Image.fromarray(pixels.repeat(zoom, 0).repeat(zoom, 1)).save(part, written_as(path))
