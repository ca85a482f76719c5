"""What sharing a slide costs: one process beside workers under torchrun on the same slide, in turns in one run.

    python benchmarks/workers.py [--size 1024] [--workers 2 4] [--rounds 3] [--out benchmarks/results/workers.json]

For each number of workers, medians over rounds:

    efficiency       seconds of one process over workers times theirs (1 is no loss): it counts waiting and messages.
                     It means something where each worker has a processor for itself.
    cpu_efficiency   processor's seconds of one process over those of all workers: what is done twice or beside the
                     work, without the waiting; other work on the machine does not change it much.
    exchange         share of the workers' processor seconds that goes into sending and receiving rows
    megabytes        of rows that all workers sent each other

Each process computes with one thread; starting up is not counted. Workers share whole groups of rows of patches, as
many as fill batches, so stages of few patches are left to one of them: ``busy`` says how many work on each stage.
Smaller batches share smaller slides.
"""

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import torch
from saving import finish, parser

from wsigen.coarse_to_fine import generate
from wsigen.models import DEFAULT_MODEL
from wsigen.plan import FAST, Stage, stages
from wsigen.runs.painter import Painter
from wsigen.training.checkpoint import load_denoiser
from wsigen.workers.bands import Bands, Transfer
from wsigen.workers.distributed import generate_together
from wsigen.workers.team import Rows, Team


@dataclass(frozen=True)
class Watched(Team):
    """A team that counts what sending rows costs: processor's seconds, and bytes sent."""

    spent: list[float] = field(default_factory=lambda: [0.0, 0.0])

    def move(self, moves: Sequence[Transfer], source: Rows, target: Rows) -> None:
        """Time it."""
        began = time.process_time()
        super().move(moves, source, target)
        self.spent[0] += time.process_time() - began
        row = 3 * source.width * source.image.element_size()
        sent = [m for m in moves if m.source == self.rank != m.target]
        self.spent[1] += sum(row * (m.stop - m.start) for m in sent)


def worker(size: int, num_steps: int, batch_size: int) -> None:
    """Make the slide, alone or as one of several; print seconds, the processor's, those of messages, bytes."""
    torch.set_num_threads(1)
    denoiser = load_denoiser(DEFAULT_MODEL)
    plan = replace(FAST, num_steps=num_steps)
    path = stages(size, size, 0.7, patch_px=denoiser.info.patch_px, mpp_max=denoiser.info.mpp_max)
    team = Watched.join() if int(os.environ.get("WORLD_SIZE", "1")) > 1 else None
    painter = denoiser.painter(plan, batch_size=batch_size)
    denoiser(torch.zeros(1, 3, 64, 64), 1.0, 1.0)
    if team:
        team.wait()
    began, cpu = time.perf_counter(), time.process_time()
    run = generate_together(painter, path, team) if team else generate(painter, path)
    while True:
        try:
            next(run)
        except StopIteration as end:
            for _ in end.value if team else ():
                pass
            break
    spent = [time.perf_counter() - began, time.process_time() - cpu]
    spent += team.spent if team else [0.0, 0.0]
    found = team.tell(spent) if team else [spent]
    if team is None or team.rank == 0:
        print(json.dumps(found))
    if team:
        team.leave()


def team_of(workers: int, words: list[str]) -> list[list[float]]:
    """Seconds, processor's seconds, those of messages and bytes sent, of each worker."""
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


def row(
    n: int,
    rounds: list[tuple[list[float], list[list[float]]]],
    path: Sequence[Stage],
    painter: Painter,
) -> dict[str, object]:
    """What ``n`` workers cost."""
    cpu = [sum(one[1] for one in team) for _, team in rounds]
    messages = [sum(one[2] for one in team) for _, team in rounds]
    walls = [max(one[0] for one in team) for _, team in rounds]
    alone = [one for one, _ in rounds]
    return {
        "workers": n,
        "efficiency": round(
            statistics.median(a[0] / (n * w) for a, w in zip(alone, walls, strict=True)), 3
        ),
        "cpu_efficiency": round(
            statistics.median(a[1] / c for a, c in zip(alone, cpu, strict=True)), 3
        ),
        "exchange": round(statistics.median(m / c for m, c in zip(messages, cpu, strict=True)), 5),
        "busy": [len(Bands(painter, stage, n).starts) - 1 for stage in path],
        "megabytes": round(sum(one[3] for one in rounds[0][1]) / 1e6, 2),
        "seconds": [round(w, 2) for w in walls],
        "cpu_seconds": [round(c, 2) for c in cpu],
    }


def main() -> None:
    """Measure, print and save one JSON object."""
    words = parser(__doc__)
    words.add_argument("--size", type=int, default=1024)
    words.add_argument("--num-steps", type=int, default=4)
    words.add_argument("--batch-size", type=int, default=8)
    words.add_argument("--workers", type=int, nargs="+", default=[2, 4])
    words.add_argument("--rounds", type=int, default=3)
    words.add_argument("--as-worker", action="store_true", help=argparse.SUPPRESS)
    arguments = words.parse_args()
    if arguments.as_worker:
        return worker(arguments.size, arguments.num_steps, arguments.batch_size)
    names = ("size", "num_steps", "batch_size")
    options = [
        word
        for name in names
        for word in (f"--{name.replace('_', '-')}", str(getattr(arguments, name)))
    ]
    rounds = []
    for _ in range(arguments.rounds):
        (alone,) = team_of(1, options)
        rounds.append((alone, {n: team_of(n, options) for n in arguments.workers}))
    path = stages(arguments.size, arguments.size, 0.7, patch_px=64)
    painter = load_denoiser(DEFAULT_MODEL).painter(FAST, batch_size=arguments.batch_size)
    result = {
        "model": DEFAULT_MODEL,
        "processors": len(os.sched_getaffinity(0)),
        "seconds_alone": [round(alone[0], 2) for alone, _ in rounds],
        "cpu_seconds_alone": [round(alone[1], 2) for alone, _ in rounds],
        "rows": [
            row(n, [(alone, teams[n]) for alone, teams in rounds], path, painter)
            for n in arguments.workers
        ],
        "load": round(os.getloadavg()[2], 1),  # what else the machine was busy with
    }
    finish(result, arguments)
    return None


if __name__ == "__main__":
    main()
