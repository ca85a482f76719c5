"""One slide of any size, by any plan and model, on any device: what it cost, and what it looks like at every scale.

    python benchmarks/gigapixel.py work --width 65536 --height 65536 --device cuda --minutes 8.5 --out out
    OMP_NUM_THREADS=1 python benchmarks/gigapixel.py work --width 8192 --height 8192 --device cpu --out out

The folder ``work`` keeps the run: where ``--minutes`` or anything else ended it, the same command goes on. ``out`` gets
``gigapixel.json`` (the ledger by stage, seconds, operations per second beside what a large bfloat16 matrix product does
on the same device, the share of the time inside the network, the peak of both memories), ``crops.jpg`` (one place of
every stage) and ``whole.png``. With ``--slide`` the slide is written as a pyramid, too, which needs libvips; nothing
else here does, nor OpenSlide.

On a GPU the canvas lies on the device where it fits, the network runs in bfloat16 and compiled, and the batch is found
by measuring: the smallest that is within 2 % of the fastest, as a whole number of rows of the last stage's windows or
an even part of one. Seconds inside the network are read from events of the device. On a processor, which others may
use too, shares and operations per second go by the process's own seconds, ``cpu_seconds``.
"""

import json
import resource
import time
from collections.abc import Generator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from PIL import Image as Picture
from PIL import ImageDraw

from wsigen.cli.options import slide_options
from wsigen.cli.slide import ask
from wsigen.coarse_to_fine import run_stage
from wsigen.devices import choose_device
from wsigen.plan import Stage
from wsigen.provenance import run_info
from wsigen.runs.canvas import Image, strips
from wsigen.runs.progress import Progress
from wsigen.runs.speed import (
    EvenBatches,
    Timed,
    best_batch,
    fitted,
    flops_per_patch,
    matrix_product,
)
from wsigen.runs.stage import SHARE
from wsigen.runs.state import OutOfTime
from wsigen.runs.storage import Storage, choose_storage
from wsigen.runs.workdir import Workdir
from wsigen.training.checkpoint import LoadedDenoiser

COUNTED = ("patches", "evaluations", "skipped", "seconds")  # by the run itself, over all sittings
TIMED = ("network_seconds", "cpu_seconds", "network_cpu_seconds")  # here
CROP_PX = 384


def prepare(denoiser: LoadedDenoiser, batch: int, compiled: str) -> Timed:
    """The denoiser as the run asks it: compiled for one batch size, and timed."""
    if compiled != "off":
        torch.backends.cudnn.benchmark = True
        network = denoiser.network
        made = torch.compile(network, mode=compiled, dynamic=False)
        on_processor = next(network.parameters()).device.type == "cpu"
        denoiser.network = EvenBatches(network, made, min(batch, SHARE) if on_processor else batch)
    return Timed(denoiser)


class Ledger:
    """What each stage has spent, over all sittings; on the disk every few seconds."""

    def __init__(self, file: Path) -> None:
        self.file = file
        kept = json.loads(file.read_text()) if file.is_file() else {"sittings": 0, "stages": {}}
        self.stages: dict[str, dict[str, Any]] = kept["stages"]
        self.sittings = kept["sittings"] + 1
        self.told = 0.0

    def row(self, stage: Stage) -> dict[str, Any]:
        """What has been spent on a stage."""
        return self.stages.get(str(stage.index), asdict(stage) | dict.fromkeys(COUNTED + TIMED, 0))

    def note(self, row: dict[str, Any], *, now: bool = False) -> None:
        """Replace a stage's row."""
        self.stages[str(row["index"])] = row
        if now or time.monotonic() - self.told > 5:
            self.told = time.monotonic()
            self.file.write_text(json.dumps({"sittings": self.sittings, "stages": self.stages}))


def make_stage(
    timed: Timed,
    steps: Generator[Progress, None, Image],
    before: dict[str, Any],
    ledger: Ledger,
    until: float,
) -> Image:
    """Run a stage to its end, or to ``until``, and note what it spends beside what it had spent before."""
    network, cpu, network_cpu = timed.seconds, time.process_time(), timed.cpu_seconds
    row = before
    try:
        while True:
            progress = next(steps)
            here = (
                timed.seconds - network,
                time.process_time() - cpu,
                timed.cpu_seconds - network_cpu,
            )
            sums = {name: before[name] + value for name, value in zip(TIMED, here, strict=True)}
            row = before | {name: getattr(progress, name) for name in COUNTED} | sums
            ledger.note(row)
            if time.monotonic() > until:
                raise OutOfTime(f"time is up in stage {row['index']}; run the same command again")
    except StopIteration as end:
        timed.settle()
        row["network_seconds"] = before["network_seconds"] + timed.seconds - network
        image: Image = end.value
        return image
    finally:
        ledger.note(row, now=True)


def tissue(overview: Image, background: float) -> tuple[float, float]:
    """The place of the overview with most tissue round it, as shares of its height and width."""
    far = (overview.float() - background).abs().mean(0)[None, None]
    side = max(3, min(far.shape[2:]) // 6) | 1
    smooth = torch.nn.functional.avg_pool2d(far, side, 1, side // 2, count_include_pad=True)[0, 0]
    row, column = divmod(int(smooth.argmax()), smooth.shape[1])
    return (row + 0.5) / smooth.shape[0], (column + 0.5) / smooth.shape[1]


def crop(image: Image, place: tuple[float, float]) -> Picture.Image:
    """A square round a place, or all of a small stage, enlarged by whole pixels."""
    height, width = image.shape[1:]
    tall, wide = min(CROP_PX, height), min(CROP_PX, width)
    top = min(max(int(place[0] * height) - tall // 2, 0), height - tall)
    left = min(max(int(place[1] * width) - wide // 2, 0), width - wide)
    part = image[:, top : top + tall, left : left + wide]
    pixels = np.concatenate(list(strips(part, tall, wide)))
    times = max(1, CROP_PX // max(tall, wide))
    return Picture.fromarray(pixels.repeat(times, 0).repeat(times, 1))


def sheet(crops: list[tuple[Stage, Picture.Image]], columns: int = 4) -> Picture.Image:
    """All crops side by side, each with its scale."""
    rows = -(-len(crops) // columns)
    cell = CROP_PX + 8, CROP_PX + 24
    page = Picture.new("RGB", (cell[0] * columns, cell[1] * rows), "white")
    draw = ImageDraw.Draw(page)
    for number, (stage, picture) in enumerate(crops):
        left, top = cell[0] * (number % columns) + 4, cell[1] * (number // columns)
        page.paste(picture, (left, top + 20))
        text = f"stage {stage.index}: {stage.width} x {stage.height} px, {stage.mpp:.4g} um/px"
        draw.text((left, top + 4), text, fill="black")
    return page


def summary(ledger: Ledger, flops: int, ceiling: float, on_gpu: bool) -> dict[str, Any]:
    """The sums of a ledger, and operations per second beside the ceiling."""
    rows = ledger.stages.values()
    total = {name: sum(row[name] for row in rows) for name in COUNTED + TIMED}
    names = ("seconds", "network_seconds") if on_gpu else ("cpu_seconds", "network_cpu_seconds")
    spent, inside = (total[name] for name in names)
    operations = total["evaluations"] * flops
    return total | {
        "operations": operations,
        "tflops": operations / spent / 1e12,
        "tflops_inside_the_network": operations / inside / 1e12,
        "tflops_of_matrix_product": ceiling / 1e12,
        "share_of_time_inside_the_network": inside / spent,
        "share_of_matrix_product": operations / spent / ceiling,
        "share_of_matrix_product_inside_the_network": operations / inside / ceiling,
    }


@click.command()
@click.argument("work", type=click.Path(path_type=Path, file_okay=False))
@slide_options
@click.option("--boundary", type=click.Choice(["pad", "wrap"]))
@click.option("--canvas", type=click.Choice(["auto", "memory", "files"]), default="auto")
@click.option("--half/--full", default=None, help="Canvas in half precision; by default if large.")
@click.option("--find-batch/--keep-batch", default=True, help="Measure, or take --batch-size.")
@click.option("--compile", "compiled", default="auto", help="A mode of torch.compile, or off.")
@click.option(
    "--resumable/--at-once",
    default=True,
    help="At once: keep nothing on the disk, where there is no room for the canvases.",
)
@click.option("--minutes", type=float, help="Save and end after so long.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), default=Path("out"))
@click.option("--slide", type=click.Path(path_type=Path), help="Write the pyramid, with libvips.")
def main(
    work: Path, mpp: float, seed: int, batch_size: int, device: str | None, canvas: str, half: bool | None,
    find_batch: bool, compiled: str, resumable: bool, minutes: float | None, out: Path, slide: Path | None,
    **named: Any,
) -> None:  # fmt: skip
    """Make one slide, and save what it cost and how it looks."""
    until = time.monotonic() + 60 * minutes if minutes else float("inf")
    device = choose_device(device)
    asked = ask(mpp=mpp, seed=seed, batch_size=batch_size, device=device, **named)
    painter, path, plan = asked.painter, asked.path, asked.painter.plan
    denoiser, patch_px = asked.denoiser, painter.patch_px
    kind, half, place, where = choose_storage(
        path, device, kind=canvas, half=half, resumable=resumable, canvases=plan.num_canvases
    )
    print(where, flush=True)
    ceiling = matrix_product(device)
    kept_run = Workdir(work, asked.described | {"half": half})
    workdir = kept_run if resumable or kind == "files" else None
    if workdir is None:
        (work / "ledger.json").unlink(
            missing_ok=True
        )  # of a run that was ended: nothing of it is left
    known = work / "batch.json"  # found once, so that all sittings are alike
    if known.is_file():
        batch = int(json.loads(known.read_text()))
    else:
        batch = (
            fitted(best_batch(denoiser, patch_px), path[-1].height, path[-1].width, patch_px)
            if find_batch
            else batch_size
        )
        known.write_text(json.dumps(batch))
    if compiled == "auto":
        compiled = "default" if device.startswith("cuda") else "off"
    flops = flops_per_patch(denoiser.network, patch_px)
    timed = prepare(denoiser, batch, compiled)
    painter = replace(painter, denoiser=timed, batch_size=batch)
    print(
        f"batches of {batch}, torch.compile {compiled}, ceiling {ceiling / 1e12:.3g} TFLOP/s",
        flush=True,
    )

    storage = Storage(kind, half, place, workdir, until if minutes else None)
    storage.check_room(path, plan.num_canvases)
    ledger, image, crops = Ledger(work / "ledger.json"), None, list[tuple[Stage, Picture.Image]]()
    whole, where_tissue = None, (0.5, 0.5)
    with storage.claimed():
        for stage in path:
            kept = storage.finished(stage)
            if kept is None:
                steps = run_stage(painter, stage, image, state=storage.state(stage))
                # memory can be saved between two steps only, and storage sees to that
                stop = float("inf") if workdir and kind == "memory" else until
                kept = make_stage(timed, steps, ledger.row(stage), ledger, stop)
            image = kept
            if stage.index == 0:
                where_tissue = tissue(image, denoiser.background)
            crops.append((stage, crop(image, where_tissue)))
            if max(stage.height, stage.width) <= 1024:
                pixels = np.concatenate(list(strips(image, stage.height, stage.width)))
                whole = Picture.fromarray(pixels)
            print(json.dumps(rounded(ledger.row(stage))), flush=True)
    out.mkdir(parents=True, exist_ok=True)
    sheet(crops).save(out / "crops.jpg", quality=90)
    if whole is not None:
        whole.save(out / "whole.png")
    on_gpu = device.startswith("cuda")
    result = {
        "width": asked.width,
        "height": asked.height,
        "mpp": mpp,
        "model": denoiser.name,
        "network_parameters": sum(p.numel() for p in denoiser.parameters()),
        "plan": asdict(plan),
        "device": torch.cuda.get_device_name() if on_gpu else "cpu",
        "threads": torch.get_num_threads(),
        "network_in_half_precision": denoiser.half_precision,
        "compiled": compiled,
        "batch": batch,
        "canvas": where,
        "sittings": ledger.sittings,
        "flops_per_patch": flops,
        **summary(ledger, flops, ceiling, on_gpu),
        "peak_device_gib": torch.cuda.max_memory_allocated() / 2**30 if on_gpu else None,
        "peak_host_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "stages": list(ledger.stages.values()),
        "run": run_info(device, seed=seed, mpp=mpp, compiled=compiled, **named),
    }
    (out / "gigapixel.json").write_text(json.dumps(rounded(result), indent=1) + "\n")
    if slide is not None:
        from wsigen.slides import write_pyramid

        rows = strips(image, asked.height, asked.width, release=storage.release)
        write_pyramid(slide, rows, mpp, height=asked.height, width=asked.width, overwrite=True,
                      description=asked.described)  # fmt: skip
    print(f"{out}: gigapixel.json, crops.jpg; {work} can be deleted")


def rounded(value: Any) -> Any:
    """Numbers to four digits: more is noise."""
    if isinstance(value, dict):
        return {key: rounded(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [rounded(entry) for entry in value]
    return float(f"{value:.4g}") if isinstance(value, float) else value


if __name__ == "__main__":
    main()
