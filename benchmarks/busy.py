"""Slides and training on a busy machine, beside another state of the project: the same work in turns, in one run.

    git worktree add ../before COMMIT
    python benchmarks/busy.py slides ../before --batches 8 16 32 64 --out benchmarks/results/busy_quiet.json
    python benchmarks/busy.py slides ../before --neighbours 0 2 4 --out benchmarks/results/busy.json
    python benchmarks/busy.py training ../before --neighbours 0 2 4 --out benchmarks/results/busy_training.json

Both states make the same slide, or train the same network on patches of noise, each in a process of its own with as
many threads; seconds are those of the slide's ledger, or of steps after the first: starting up is not counted.
Neighbours are processes that count without end. They share the benchmark's session, so that the system gives each
thread, theirs or ours, an equal share: with as many neighbours as threads and cores a run that wastes nothing takes 2
times as long as alone, with twice as many 3 times.

    ratio      patches a second, here over there, medians of rounds
    slowdown   seconds beside neighbours over seconds alone, for each state
    memory     peak, here over there
    same       whether both slides have the same pixels
    foreign    share of all processors that others had meanwhile, while it started up too

A run that takes longer than ``--limit`` is ended, and its slowdown is at least what ``slowdown_at_least`` says.
"""

import argparse
import hashlib
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from saving import finish, parsers

from wsigen.models import DEFAULT_MODEL
from wsigen.slides import open_slide, read_description

HERE = Path(__file__).parents[1]
COUNTING = "while True: sum(range(10000))"
TICKS = os.sysconf("SC_CLK_TCK")


@contextmanager
def neighbours(number: int) -> Iterator[list[int]]:
    """So many busy processes beside what is done; their numbers."""
    processes = [subprocess.Popen([sys.executable, "-c", COUNTING]) for _ in range(number)]
    try:
        yield [process.pid for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.wait()


def foreign_seconds(own: Sequence[int]) -> float:
    """Processor's seconds since the machine started that were not of processes ``own``."""
    fields = Path("/proc/stat").read_text().splitlines()[0].split()[1:]
    user, nice, system, _, _, irq, softirq, steal = map(int, fields[:8])
    ticks = user + nice + system + irq + softirq + steal
    for pid in own:
        ticks -= sum(map(int, Path(f"/proc/{pid}/stat").read_text().rsplit(")")[1].split()[11:13]))
    return ticks / TICKS


def run(
    side: Path, words: Sequence[str], threads: int, limit: float, beside: int
) -> dict[str, Any]:
    """Run a command with a state's package: what it printed, its peak memory, what others had meanwhile."""
    environment = os.environ | {"PYTHONPATH": str(side), "OMP_NUM_THREADS": str(threads)}
    command = [sys.executable, *words]
    with neighbours(beside) as counting, tempfile.TemporaryFile("w+") as said:
        began, others = time.monotonic(), foreign_seconds([os.getpid(), *counting])
        process = subprocess.Popen(
            command, env=environment, cwd=side, stdout=said, stderr=subprocess.DEVNULL
        )
        while (found := os.wait4(process.pid, os.WNOHANG))[0] == 0:
            if time.monotonic() - began > limit:
                process.kill()
                process.wait()
                return {"ended_after": round(limit, 1)}
            time.sleep(0.02)
        lasted = time.monotonic() - began
        others = foreign_seconds([os.getpid(), *counting]) - others
        said.seek(0)
        text = said.read()
    process.returncode = os.waitstatus_to_exitcode(found[1])
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} failed in {side}")
    usage = found[2]
    others -= usage.ru_utime + usage.ru_stime
    return {
        "said": text,
        "megabytes": round(usage.ru_maxrss / 1024, 1),
        "foreign": round(others / lasted / (os.cpu_count() or 1), 3),
    }


def slide(side: Path, out: Path, batch: int, beside: int, asked: argparse.Namespace) -> Any:
    """Make a slide by a state's command line."""
    words = f"-m wsigen generate {out} --overwrite --model {asked.model} --plan {asked.plan}"
    words += f" --batch-size {batch} --width {asked.size} --height {asked.size}"
    found = run(side, words.split(), asked.threads, asked.limit, beside)
    if "said" in found:
        ledger = (read_description(out) or {})["ledger"]
        seconds = sum(line["seconds"] for line in ledger)
        del found["said"]
        patches = sum(line["evaluations"] for line in ledger)
        found |= {"seconds": round(seconds, 2), "rate": round(patches / seconds, 1)}
    return found


def training(side: Path, out: Path, batch: int, beside: int, asked: argparse.Namespace) -> Any:
    """Train with a state's package."""
    words = [__file__, "steps", str(batch), str(-(-asked.patches // batch))]
    found = run(side, words, asked.threads, asked.limit, beside)
    return found | json.loads(found.pop("said").splitlines()[-1]) if "said" in found else found


class Noise:
    """Patches of noise: what it takes to read real ones is not the question."""

    def patch(self, number: int) -> tuple[NDArray[np.uint8], float]:
        """Patch number n and its scale."""
        stream = np.random.default_rng(number)
        return stream.integers(0, 256, (64, 64, 3), np.uint8), 1.0


def steps(batch: int, number: int) -> None:
    """Take a first training step, then time some."""
    from wsigen.training.config import preset
    from wsigen.training.loop import Trainer

    config = replace(preset("small"), batch_size=batch, images=batch * (number + 1))
    steps = Trainer(config).train(Noise())  # type: ignore[arg-type]
    next(steps)
    began = time.monotonic()
    for _ in steps:
        pass
    seconds = time.monotonic() - began
    print(json.dumps({"seconds": round(seconds, 2), "rate": round(number * batch / seconds, 1)}))


def digest(file: Path) -> str:
    """A name of a slide's pixels."""
    with open_slide(file) as made:
        pixels, _ = made.overview(max(made.width, made.height))
        return hashlib.sha256(pixels.tobytes()).hexdigest()


def median(found: Sequence[dict[str, Any]], name: str) -> float | None:
    """The median of rounds; None where one was ended."""
    if any(name not in one for one in found):
        return None
    return statistics.median(one[name] for one in found)


def compare(rows: Sequence[dict[str, Any]]) -> None:
    """Add to each row what it is beside the other state's, and beside its own without neighbours."""
    alone = {(row["batch"], row["side"]): row["seconds"] for row in rows if not row["neighbours"]}
    for here, there in zip(rows[::2], rows[1::2], strict=True):
        if here["rate"] and there["rate"]:
            here["ratio"] = round(here["rate"] / there["rate"], 2)
            here["memory"] = round(here["megabytes"] / there["megabytes"], 3)
        for row in (here, there):
            quiet = alone.get((row["batch"], row["side"]))
            ended = [one["ended_after"] for one in row["rounds"] if "ended_after" in one]
            if not row["neighbours"] or quiet is None:
                continue
            if ended:
                row["slowdown_at_least"] = round(ended[0] / quiet, 1)
            else:
                row["slowdown"] = round(row["seconds"] / quiet, 2)


def main() -> None:
    """Measure, print and save one JSON object."""
    if sys.argv[1:2] == ["steps"]:
        return steps(*map(int, sys.argv[2:]))
    parser, (of_slides, of_training) = parsers(__doc__, "slides", "training")
    for each in (of_slides, of_training):
        each.add_argument("other", type=Path, help="Folder of the other state, a checkout.")
        each.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
        each.add_argument("--batches", type=int, nargs="+", default=[32])
        each.add_argument("--neighbours", type=int, nargs="+", default=[0])
        each.add_argument("--rounds", type=int, default=2)
        each.add_argument("--limit", type=float, default=60.0, help="Seconds.")
    of_slides.add_argument("--size", type=int, default=320)
    of_slides.add_argument("--plan", default="preview")
    of_slides.add_argument("--model", default=DEFAULT_MODEL)
    of_training.add_argument("--patches", type=int, default=192)
    asked = parser.parse_args()
    sides = {"here": HERE, "there": asked.other.resolve()}
    work = slide if asked.measure == "slides" else training
    git = ["git", "-C", str(sides["there"]), "rev-parse", "HEAD"]
    commit = subprocess.run(git, capture_output=True, text=True, check=True).stdout.strip()
    rows: list[dict[str, Any]] = [
        {"batch": batch, "neighbours": number, "side": side, "rounds": []}
        for batch in asked.batches
        for number in asked.neighbours
        for side in sides
    ]
    with tempfile.TemporaryDirectory() as folder:
        files = {side: Path(folder) / f"{side}.tiff" for side in sides}
        for _, row in itertools.product(range(asked.rounds), rows):
            side = row["side"]
            row["rounds"].append(
                work(sides[side], files[side], row["batch"], row["neighbours"], asked)
            )
            print(row | {"rounds": row["rounds"][-1]}, flush=True)
        made = [digest(file) for file in files.values() if file.is_file()]
    for row in rows:
        row |= {name: median(row["rounds"], name) for name in ("seconds", "rate", "megabytes")}
    compare(rows)
    same = {"same": len(set(made)) == 1} if len(made) == 2 else {}
    finish({"threads": asked.threads, **same, "there": commit, "rows": rows}, asked)


if __name__ == "__main__":
    main()
