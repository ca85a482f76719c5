"""What a slide costs by its size: patches, evaluations, operations, seconds, memory; and the paper's ledger.

The paper makes 65 536 x 65 536 px in 40 minutes on one RTX 8000: 21 844 patches of 512 px over seven stages, 79
evaluations each (Sec. 4.1). Comparable: the counts, which are computed here by the functions that make slides, and the
law that cost goes with the area. Not comparable: seconds, which are another machine's, another network's and another
patch size's. ``cpu_seconds`` are the processor's own, so that other work on the machine does not count.
"""

import resource
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from wsigen.coarse_to_fine import generate
from wsigen.experiments.lab import Lab
from wsigen.experiments.result import Row
from wsigen.grid import shifted_grid
from wsigen.networks.unet import UNet
from wsigen.plan import PAPER, Stage, StagePlan, stages
from wsigen.runs.estimate import evaluations_due
from wsigen.runs.painter import Painter
from wsigen.runs.plane import step_grid
from wsigen.runs.speed import Timed, flops_per_patch
from wsigen.runs.storage import Storage
from wsigen.runs.workdir import Workdir
from wsigen.training.config import preset

PAPER_PX, PAPER_PATCH_PX, PAPER_MINUTES = 65_536, 512, 40


@dataclass(frozen=True)
class Config:
    """What is made and what is counted.

    Args:
        made: sides of slides that are made, in pixels; their canvases are in files.
        counted: sides of slides whose patches are counted only.
        mpp: micrometres per pixel.
        plan: how the slides are made; by default as suits the model.
        half: canvases in half precision.
    """

    made: tuple[int, ...] = (256, 512, 1024)
    counted: tuple[int, ...] = (4096, 16_384, 65_536)
    mpp: float = 0.7
    plan: StagePlan | None = None
    half: bool = True


PROFILES = {
    "smoke": Config((64, 128), (4096, 65_536), plan=StagePlan(3, 1, "euler", 3.0, 0.02, overview_steps=4)),
    "classroom": Config(),
    "paper": Config((1024, 4096, 16_384, 65_536), (), plan=PAPER),
}  # fmt: skip


def cells(config: Config) -> list[dict[str, Any]]:
    """The paper's slide, then ours by size."""
    return [
        {"what": "paper", "size": PAPER_PX},
        *({"what": "counted", "size": size} for size in config.counted),
        *({"what": "made", "size": size} for size in config.made),
    ]


def measure(cell: dict[str, Any], config: Config, lab: Lab) -> Row:
    """Count a slide; make it, if it is to be made."""
    if cell["what"] == "paper":
        return Row(paper_ledger())
    size, info = cell["size"], lab.denoiser.info
    path = stages(size, size, config.mpp, patch_px=lab.patch_px, mpp_max=info.mpp_max)
    network = lab.denoiser.network
    assert isinstance(network, UNet)
    values = counted(path, lab.painter(lab.plan(config.plan))) | {
        "flops_per_patch": flops_per_patch(network, lab.patch_px)
    }
    values["flops"] = values["evaluations"] * values["flops_per_patch"]
    return Row(values | (made(path, config, lab) if cell["what"] == "made" else {}))


def paper_ledger() -> dict[str, Any]:
    """The paper's slide, counted; operations are those of the preset ``paper``, whose weights nobody needs for it."""
    path = stages(PAPER_PX, PAPER_PX, 1.0, patch_px=PAPER_PATCH_PX)[1:]
    shift = (PAPER_PATCH_PX // 2, PAPER_PATCH_PX // 2)
    per_stage, padded = (
        [len(shifted_grid(s.height, s.width, PAPER_PATCH_PX, shift, boundary)) for s in path]
        for boundary in ("wrap", "pad")
    )
    each = PAPER.evaluations
    with torch.device("meta"):
        network = UNet(preset("paper").network)
    per_patch = flops_per_patch(network, PAPER_PATCH_PX)
    total = sum(per_stage) * each
    return {
        "stages": len(path),
        "patches_per_stage": per_stage,
        "patches": sum(per_stage),
        "patches_padded": sum(padded),
        "evaluations_each": each,
        "evaluations": total,
        "evaluations_per_second": total / (PAPER_MINUTES * 60),
        "flops_per_patch": per_patch,
        "flops": total * per_patch,
    }


def counted(path: list[Stage], painter: Painter) -> dict[str, Any]:
    """Patches and evaluations of a slide, from the grids that its seed draws, without making it."""
    patches = [
        max(len(step_grid(stage, painter.plan, painter.patch_px, painter.seed, i)) for i in steps)
        for stage in path
        for steps in [range(painter.plan.at(stage.index, stage.mpp).num_steps)]
    ]
    return {
        "stages": len(path),
        "patches_per_stage": patches,
        "patches": sum(patches),
        "evaluations": sum(evaluations_due(painter, path)),
    }


def made(path: list[Stage], config: Config, lab: Lab) -> dict[str, Any]:
    """Make a slide in files and say what it cost."""
    timed = Timed(lab.denoiser)
    with tempfile.TemporaryDirectory() as folder:
        workdir = Workdir(Path(folder) / "work", {})
        began = time.process_time()
        painter = replace(lab.painter(lab.plan(config.plan)), denoiser=timed)
        run = generate(painter, path, storage=Storage("files", config.half, "cpu", workdir))
        ledger = {progress.stage.index: progress.evaluations for progress in run}
        spent = time.process_time() - began
    return {
        "evaluations_spent": sum(ledger.values()),
        "cpu_seconds": spent,
        "cpu_seconds_of_network": timed.cpu_seconds,
        "patches_per_cpu_second": sum(ledger.values()) / timed.cpu_seconds,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
