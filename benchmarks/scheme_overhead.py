"""What grid-shift costs beside the network: the time of a stage over that of its bare evaluations.

    OMP_NUM_THREADS=1 python benchmarks/scheme_overhead.py --out benchmarks/results/scheme_overhead.json

Prints ``ratio`` = seconds of the stage / seconds of as many bare evaluations. Behind every fourth batch of the stage a
batch of bare evaluations of the same size is run, so that both meet the same machine, whatever else it does; seconds
are the processor's, of one thread. ``parts`` says where the rest goes, as shares of the bare seconds: noise is drawn
once a stage, so that the ratio falls with the number of steps; the others are paid at every step. Rows: the canvas in
memory in full precision, and in memory-mapped files in half precision, as large slides have it, each step kept.
"""

import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from saving import finish, parser
from torch import Tensor, nn

from wsigen.arrays import Images
from wsigen.models import DEFAULT_MODEL
from wsigen.plan import Stage, plan
from wsigen.runs.canvas import Image
from wsigen.runs.painter import Painter
from wsigen.runs.stage import StageRun
from wsigen.runs.storage import Storage
from wsigen.runs.workdir import Workdir
from wsigen.training.checkpoint import LoadedDenoiser, load_denoiser

BATCHES = (8, 16, 32, 64)
EVERY = 4  # batches of the stage for one of the bare denoiser


class Clock:
    """The processor's seconds, by what they were spent on."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def timed(self, name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        """The same work, timed."""

        def run(*arguments: Any) -> Any:
            began = time.process_time()
            try:
                return work(*arguments)
            finally:
                spent = time.process_time() - began
                self.seconds[name] = self.seconds.get(name, 0.0) + spent

        return run


class Timed(nn.Module):
    """A denoiser on a clock."""

    def __init__(self, denoiser: nn.Module, clock: Clock) -> None:
        super().__init__()
        self.denoiser = denoiser
        self.answer = clock.timed("network", denoiser)

    def forward(self, x: Images, sigma: Tensor | float, mpp: Tensor | float) -> Images:
        estimate: Images = self.answer(x, sigma, mpp)
        return estimate


def best_batch(denoiser: LoadedDenoiser, patches: int = 128) -> int:
    """The batch at which the bare denoiser is fastest, of the processor's seconds."""

    def spent(batch: int) -> float:
        x = torch.randn(batch, 3, denoiser.info.patch_px, denoiser.info.patch_px)
        denoiser(x, 1.0, 1.0)
        began = time.process_time()
        for _ in range(patches // batch):
            denoiser(x, 1.0, 1.0)
        return time.process_time() - began

    return min(BATCHES, key=spent)


@torch.no_grad()
def measured(
    denoiser: LoadedDenoiser,
    guide: Image,
    stage: Stage,
    num_steps: int,
    batch: int,
    folder: Path | None,
) -> dict[str, Any]:
    """One stage with its canvas in files of ``folder``, or in memory, and the bare evaluations beside it."""
    clock = Clock()
    storage = Storage("files", True, "cpu", Workdir(folder, {})) if folder else Storage()
    painter = Painter(
        Timed(denoiser, clock),
        replace(plan("fast"), num_steps=num_steps),
        denoiser.info.patch_px,
        seed=int(folder is not None),  # noise of its own: drawn blocks are remembered for a while
        batch_size=batch,
    )
    run = StageRun(painter, stage, guide, state=storage.state(stage))
    run.noise = clock.timed("noise", run.noise)  # type: ignore[method-assign]
    step_done = clock.timed("keeping", run.state.step_done)
    run.state.step_done = step_done  # type: ignore[method-assign]
    read, step, write = (clock.timed(n, getattr(run, n)) for n in ("read", "step", "write"))
    bare = clock.timed("bare", denoiser)
    resident = torch.randn(batch, 3, denoiser.info.patch_px, denoiser.info.patch_px)
    began, aside, evaluated, number = time.process_time(), 0.0, 0, 0
    for i in run.steps():
        for windows in run.batches(i):
            write(i + 1, windows, step(i, read(i, windows), windows))
            number += 1
            if number % EVERY == 0:
                before = time.process_time()
                bare(resident[: len(windows)], 1.0, stage.mpp)
                aside += time.process_time() - before
                evaluated += len(windows)
    spent = time.process_time() - began - aside
    s = clock.seconds
    s["bare"] *= run.spent.evaluations / evaluated
    parts = {
        "network": s["network"],
        "noise": s["noise"],
        "reading": s["read"] - s["noise"],  # the noise beyond the edge is asked for here too
        "guide and solver": s["step"] - s["network"],
        "writing": s["write"],
        "keeping": s["keeping"],
        "the rest": spent - s["read"] - s["step"] - s["write"] - s["keeping"],
    }
    return {
        "canvas": "files, half precision" if folder else "memory",
        "ratio": round(spent / s["bare"], 4),
        "parts": {name: round(value / s["bare"], 4) for name, value in parts.items()},
        "stage_seconds": round(spent, 2),
        "bare_seconds": round(s["bare"], 2),
        "bare_patches_per_second": round(run.spent.evaluations / s["bare"], 1),
        "evaluations": run.spent.evaluations,
    }


def main() -> None:
    """Measure, print and save one JSON object."""
    words = parser(__doc__)
    words.add_argument("--size", type=int, default=4096)
    words.add_argument("--num-steps", type=int, default=2)
    words.add_argument("--model", default=DEFAULT_MODEL)
    arguments = words.parse_args()

    torch.set_num_threads(1)
    denoiser = load_denoiser(arguments.model)
    stage = Stage(1, arguments.size, arguments.size, 1.0)
    guide = torch.rand(3, arguments.size // 2, arguments.size // 2) * 2 - 1
    batch = best_batch(denoiser)
    rows = [measured(denoiser, guide, stage, arguments.num_steps, batch, None)]
    with tempfile.TemporaryDirectory() as folder:
        rows.append(
            measured(denoiser, guide, stage, arguments.num_steps, batch, Path(folder) / "work")
        )
    result = {
        "ratio": max(row["ratio"] for row in rows),
        "rows": rows,
        "size": arguments.size,
        "num_steps": arguments.num_steps,
        "batch_size": batch,
    }
    finish(result, arguments)


if __name__ == "__main__":
    main()
