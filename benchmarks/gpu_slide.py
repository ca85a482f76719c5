"""The slides that ``gpu.py`` measures: what each stage cost, and what it looks like.

First one slide by the plan at hand, to its end; then, in what is left of the time, as many stages of the paper's plan
as fit. On a GPU the canvas lies on the device where it fits, the network runs in bfloat16 and compiled, and the batch
is found by measuring: the smallest that is within 2 % of the fastest, as a whole number of rows of the last stage's
windows or an even part of one. Seconds inside the network are read from events of the device. On a processor, which
others may use too, shares and operations per second go by the process's own seconds, ``cpu_seconds``.
"""

import json
import time
from collections.abc import Generator, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from gpu_picture import crop, sheet, tissue
from PIL import Image as Picture
from saving import peak_mib, rounded

from wsigen.cli.slide import Asked, ask
from wsigen.coarse_to_fine import run_stage
from wsigen.plan import Stage
from wsigen.runs.canvas import Image
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


def prepare(denoiser: LoadedDenoiser, batch: int, compiled: bool) -> Timed:
    """The denoiser as the run asks it: compiled for one batch size, and timed."""
    if compiled:
        torch.backends.cudnn.benchmark = True
        network = denoiser.network
        made = torch.compile(network, dynamic=False)
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


def summary(ledger: Ledger, flops: int, ceiling: float, on_gpu: bool) -> dict[str, Any]:
    """The sums of a ledger, and operations per second beside the ceiling."""
    rows = ledger.stages.values()
    total = {name: sum(row[name] for row in rows) for name in COUNTED + TIMED}
    names = ("seconds", "network_seconds") if on_gpu else ("cpu_seconds", "network_cpu_seconds")
    spent, inside = (total[name] for name in names)
    operations = total["evaluations"] * flops
    if not inside:  # no time was left for a single batch
        return total
    return total | {
        "operations": operations,
        "tflops": operations / spent / 1e12,
        "tflops_inside_the_network": operations / inside / 1e12,
        "tflops_of_matrix_product": ceiling / 1e12,
        "share_of_time_inside_the_network": inside / spent,
        "share_of_matrix_product": operations / spent / ceiling,
        "share_of_matrix_product_inside_the_network": operations / inside / ceiling,
    }


def measure_slides(
    out: Path,
    work: Path,
    model: str,
    device: str,
    until: float,
    compiled: bool,
    *,
    side: int,
    mpp: float,
    seed: int,
    plan_name: str | None,
    num_steps: int | None,
    batch: int | None,
    resumable: bool,
) -> Iterator[list[dict[str, Any]]]:
    """Make a slide by the plan at hand, then one by the paper's; yield what is known after each.

    Args:
        out: gets a picture of the stages of each.
        work: folder of the slides, kept if ``resumable``.
        model: name or file.
        device: where.
        until: moment of ``time.monotonic`` at which to end.
        compiled: by torch.compile.
        side, mpp, seed: of the slides.
        plan_name: of the first; None for the one that suits the model.
        num_steps: of each stage; None for the plan's.
        batch: patches at once; None measures.
        resumable: keep all that it takes to go on.
    """
    ceiling, found = matrix_product(device), list[dict[str, Any]]()
    for name in (plan_name, "paper"):
        if found and time.monotonic() > until:
            break
        steps = {"num_steps": num_steps, "overview_steps": num_steps}
        if num_steps is not None and name == "paper":  # guided for as large a part as in the paper
            steps["guided_steps"] = round(0.7 * num_steps)
        asked = ask(
            model=model, told=1.0, width=side,
            height=side, width_mm=None, height_mm=None, mpp=mpp, seed=seed, plan_name=name,
            guided_sigma=None, batch_size=batch or 32, device=device,
            **{"guided_steps": None} | steps,
        )  # fmt: skip
        kind = "paper" if name == "paper" else "plan"
        result, crops = make_slide(
            asked,
            work / kind,
            until,
            compiled,
            ceiling,
            find_batch=batch is None,
            resumable=resumable,
        )
        if crops:
            sheet(crops).save(out / f"{kind}.webp", quality=90)
        found.append(result)
        yield found


def make_slide(
    asked: Asked,
    work: Path,
    until: float,
    compiled: bool,
    ceiling: float,
    *,
    find_batch: bool,
    resumable: bool,
) -> tuple[dict[str, Any], list[tuple[Stage, Picture.Image]]]:
    """Make as many stages of a slide as there is time for; return figures, and a crop of each stage."""
    painter, path, plan, device = asked.painter, asked.path, asked.painter.plan, asked.device
    denoiser, patch_px, last = asked.denoiser, painter.patch_px, asked.path[-1]
    kind, half, place, where = choose_storage(
        path, device, resumable=resumable, canvases=plan.num_canvases
    )
    kept_run = Workdir(work, asked.described | {"half": half})
    workdir = kept_run if resumable or kind == "files" else None
    known = work / "batch.json"  # found once, so that all sittings are alike
    if known.is_file():
        batch = int(json.loads(known.read_text()))
    else:
        batch = painter.batch_size
        if find_batch:
            batch = fitted(best_batch(denoiser, patch_px), last.height, last.width, patch_px)
        known.write_text(json.dumps(batch))
    flops = flops_per_patch(denoiser.network, patch_px)
    timed = prepare(denoiser, batch, compiled)
    painter = replace(painter, denoiser=timed, batch_size=batch)
    print(f"{where}, batches of {batch}, ceiling {ceiling / 1e12:.3g} TFLOP/s", flush=True)
    storage = Storage(kind, half, place, workdir, until)
    storage.check_room(path, plan.num_canvases)
    ledger, crops = Ledger(work / "ledger.json"), list[tuple[Stage, Picture.Image]]()
    image: Image | None = None
    where_tissue, finished = (0.5, 0.5), True
    with storage.claimed():
        for stage in path:
            try:
                kept = storage.finished(stage)
                if kept is None:
                    steps = run_stage(painter, stage, image, state=storage.state(stage))
                    # memory can be saved between two steps only, and storage sees to that
                    stop = float("inf") if workdir and kind == "memory" else until
                    kept = make_stage(timed, steps, ledger.row(stage), ledger, stop)
            except OutOfTime as end:
                print(end, flush=True)
                finished = False
                break
            image = kept
            if stage.index == 0:
                where_tissue = tissue(image, denoiser.background)
            crops.append((stage, crop(image, where_tissue)))
            print(json.dumps(rounded(ledger.row(stage))), flush=True)
    on_gpu = device.startswith("cuda")
    figures = {
        "side": asked.width,
        "mpp": asked.mpp,
        "model": denoiser.name,
        "network_parameters": sum(p.numel() for p in denoiser.parameters()),
        "plan": asdict(plan),
        "finished": finished,
        "network_in_half_precision": denoiser.half_precision,
        "batch": batch,
        "canvas": where,
        "sittings": ledger.sittings,
        "flops_per_patch": flops,
        **summary(ledger, flops, ceiling, on_gpu),
        "peak_device_gib": torch.cuda.max_memory_allocated() / 2**30 if on_gpu else None,
        "peak_host_mib": peak_mib(),
        "stages": list(ledger.stages.values()),
    }
    return figures, crops
