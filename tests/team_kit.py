"""One worker of a team that makes the small slide of run_kit; started by torchrun or with its environment variables."""

import argparse
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from run_kit import PATCH_PX, PLAN, scrambled_network

from wsigen.coarse_to_fine import drain, generate
from wsigen.errors import WsigenError
from wsigen.plan import StagePlan, stages
from wsigen.runs import state
from wsigen.runs.canvas import strips
from wsigen.runs.painter import Painter
from wsigen.runs.storage import Storage
from wsigen.runs.workdir import Workdir
from wsigen.workers.distributed import generate_together
from wsigen.workers.team import Team

PLANS = {
    "pad": replace(PLAN, margin_px=0),
    "wrap": replace(PLAN, margin_px=0, boundary="wrap"),
    "2m": replace(PLAN, margin_px=0, solver="2m"),
    "margin": PLAN,
    "2m margin": replace(PLAN, solver="2m"),
}


def painter_of(plan: StagePlan) -> Painter:
    """Its batches are so small that four workers have work."""
    return Painter(scrambled_network(), plan, PATCH_PX, seed=7, batch_size=2)


def path_of(plan: StagePlan):
    return stages(120, 88, 1.0, patch_px=PATCH_PX, boundary=plan.boundary)


def alone(name: str) -> np.ndarray:
    """The slide that one process makes, (height, width, 3)."""
    plan = PLANS[name]
    path = path_of(plan)
    image = drain(generate(painter_of(plan), path))
    return np.concatenate(list(strips(image, path[-1].height, path[-1].width)))


def main() -> int:
    """Make the slide; the first worker saves it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("--plan", default="pad")
    parser.add_argument("--work", type=Path)
    parser.add_argument(
        "--die-at", type=int, nargs=3, help="Rank, stage and step: after its first batch."
    )
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    state.KEEP_EVERY = 0.0
    plan = PLANS[arguments.plan]
    workdir = None
    try:
        team = Team.join(timeout_s=300)
        if arguments.work:
            workdir = Workdir(arguments.work / f"{team.rank}", {})
        storage = Storage("files" if workdir else "memory", workdir=workdir)
        run = generate_together(painter_of(plan), path_of(plan), team, storage=storage)
        while True:
            try:
                progress = next(run)
            except StopIteration as end:
                found = list(end.value)
                break
            if [team.rank, progress.stage.index, progress.step] == arguments.die_at:
                os.kill(os.getpid(), signal.SIGKILL)
        if team.rank == 0:
            np.save(arguments.out, np.concatenate(found))
        assert team.rank == 0 or not found
        team.leave()
    except WsigenError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
