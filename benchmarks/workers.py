"""What sharing a slide costs: one process beside workers under torchrun on the same slide, in turns in one run.

    python benchmarks/workers.py [--size 1024] [--workers 2] [--rounds 3] [--out benchmarks/results/workers.json]

``efficiency`` is the seconds of one process over workers times theirs (1 is no loss), the median over rounds; it counts
waiting and messages. ``cpu_efficiency`` is the processor's seconds of one process over those of all workers: what is
done twice or beside the work, without the waiting; other work on the machine does not change it much. Each process
computes with one thread; starting up is not counted.
"""

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import torch

from wsigen.coarse_to_fine import generate
from wsigen.distributed import generate_together
from wsigen.plan import FAST, stages
from wsigen.provenance import run_info
from wsigen.team import Team
from wsigen.training.checkpoint import load_denoiser


def worker(size: int, num_steps: int) -> None:
    """Make the slide, alone or as one of several; print seconds and the processor's seconds."""
    torch.set_num_threads(1)
    denoiser = load_denoiser("small")
    plan = replace(FAST, num_steps=num_steps)
    path = stages(size, size, 0.7, patch_px=denoiser.info.patch_px, mpp_max=denoiser.info.mpp_max)
    team = Team.join() if int(os.environ.get("WORLD_SIZE", "1")) > 1 else None
    options = {"patch_px": denoiser.info.patch_px, "background": denoiser.background}
    denoiser(torch.zeros(1, 3, 64, 64), 1.0, 1.0)
    if team:
        team.wait()
    began, cpu = time.perf_counter(), time.process_time()
    run = (
        generate_together(denoiser, path, plan, team, **options)
        if team
        else generate(denoiser, path, plan, **options)
    )
    while True:
        try:
            next(run)
        except StopIteration as end:
            for _ in end.value if team else ():
                pass
            break
    spent = [time.perf_counter() - began, time.process_time() - cpu]
    found = team.tell(spent) if team else [spent]
    if team is None or team.rank == 0:
        print(json.dumps(found))
    if team:
        team.leave()


def timed(workers: int, words: list[str]) -> list[list[float]]:
    """Seconds and the processor's seconds of each worker."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    command = [sys.executable, __file__, "--as-worker", *words]
    team = []
    for rank in range(workers):
        names = {"RANK": rank, "WORLD_SIZE": workers, "MASTER_ADDR": "127.0.0.1"}
        environment = os.environ | {k: str(v) for k, v in names.items()} | {"MASTER_PORT": port}
        team.append(subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True))
    said = [process.communicate()[0] for process in team]
    found: list[list[float]] = json.loads(said[0].splitlines()[-1])
    return found


def main() -> None:
    """Measure, print and save one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=1024)
    parser.add_argument("--num-steps", type=int, default=4)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--as-worker", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.as_worker:
        return worker(arguments.size, arguments.num_steps)
    words = ["--size", str(arguments.size), "--num-steps", str(arguments.num_steps)]
    rounds = []
    for _ in range(arguments.rounds):
        (alone,), team = timed(1, words), timed(arguments.workers, words)
        rounds.append((alone, team))
    n = arguments.workers
    result = {
        "efficiency": round(
            statistics.median(a[0] / (n * max(t[0] for t in team)) for a, team in rounds), 3
        ),
        "cpu_efficiency": round(
            statistics.median(a[1] / sum(t[1] for t in team) for a, team in rounds), 3
        ),
        "seconds_alone": [round(a[0], 2) for a, _ in rounds],
        "seconds_together": [round(max(t[0] for t in team), 2) for _, team in rounds],
        "load": round(os.getloadavg()[2], 1),  # what else the machine was busy with
        "run": run_info(size=arguments.size, num_steps=arguments.num_steps, workers=n),
    }
    text = json.dumps(result, indent=1)
    print(text)
    if arguments.out:
        arguments.out.write_text(text + "\n")
    return None


if __name__ == "__main__":
    main()
