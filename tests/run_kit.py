"""A small slide to make, undisturbed or not: what tests of long runs have in common."""

import hashlib
import os
import random
import signal
import sys
import time
from dataclasses import astuple
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from oracles import scrambled_network

from wsigen.coarse_to_fine import drain, generate
from wsigen.plan import StagePlan, stages
from wsigen.runs import state
from wsigen.runs.canvas import Image
from wsigen.runs.painter import Painter
from wsigen.runs.storage import Storage
from wsigen.runs.workdir import Workdir

PATCH_PX = 16
PATH = stages(120, 88, 1.0, patch_px=PATCH_PX)
PLAN = StagePlan(num_steps=4, guided_steps=2, overview_steps=3, sigma_start=3.0, margin_px=4)


def painter(**options) -> Painter:
    """What makes the slide."""
    return Painter(scrambled_network(), PLAN, PATCH_PX, **{"seed": 7, "batch_size": 3} | options)


def make(folder: Path | None, kind: str = "files", *, half: bool = False, **options) -> Image:
    """Make the slide, with its canvases in ``folder`` or in memory."""
    workdir = Workdir(folder, {"half": half}) if folder else None
    storage = Storage(kind if folder else "memory", half, "cpu", workdir)
    return drain(generate(painter(**options), PATH, storage=storage))


@lru_cache
def undisturbed(half: bool = False) -> Image:
    """The slide, made in memory in one go."""
    return make(None, half=half)


def ledger(folder: Path, half: bool) -> list[tuple[int, int, int]]:
    """Patches, evaluations and skipped patches of each stage, as a workdir has noted them."""
    return [astuple(Workdir(folder, {"half": half}).spent(stage.index))[:3] for stage in PATH]


def digest(image: Image) -> str:
    """A name of the pixels."""
    return hashlib.sha256(np.ascontiguousarray(image.numpy())).hexdigest()


def main() -> None:
    """Make the slide in a child that is killed at random moments, until one lives to the end."""
    folder, kind, half, longest = Path(sys.argv[1]), sys.argv[2], sys.argv[3] == "half", 0.12
    torch.set_num_threads(2)  # a thread may be ahead of the batch that is noted when the end comes
    state.KEEP_EVERY = state.SAVE_EVERY = 0.0  # note every batch
    draw = random.Random(0)
    kills = 0
    while True:
        child = os.fork()
        if child == 0:
            Path(f"{folder}.digest").write_text(digest(make(folder, kind, half=half)))
            os._exit(0)
        time.sleep(draw.uniform(0.02, longest))
        if kills < 20:
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        if status == 0:
            break
        assert os.WIFSIGNALED(status), status
        kills += 1
    print(kills)


if __name__ == "__main__":
    main()
