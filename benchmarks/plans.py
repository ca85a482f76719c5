"""What a slide costs by each plan: evaluations, and seconds in turns on one machine; set-up is not counted.

python benchmarks/plans.py [--plans fast told student] [--size 2048] [--out benchmarks/results/plans.json]
python benchmarks/plans.py --plans student --size 16384 --mpp 2.8 --further 2 --out benchmarks/results/plans_16384.json

per_patch   evaluations of a patch in the finest stage
pixels      pixels that the network evaluated over pixels of the slide
by_stage    those of each stage over its own pixels
ratio       seconds over those of the first plan, medians of rounds
further     stages that would follow and are not made: which of their patches would be evaluated is asked of the last
            image, magnified; of the first of them that is exact. ``pixels`` counts all stages up to it
"""

import statistics
import time
from collections.abc import Sequence
from typing import Any

import torch
from saving import finish, parser, rounded

from wsigen.coarse_to_fine import generate
from wsigen.guidance import AveragePool
from wsigen.plan import Stage, plan, stages
from wsigen.runs.canvas import Image
from wsigen.runs.painter import Painter
from wsigen.runs.stage import StageRun
from wsigen.runs.state import InMemory
from wsigen.training.checkpoint import load_denoiser


def main() -> None:
    """Make the slide by each plan in turn, round after round."""
    arguments = parser(__doc__ or "")
    arguments.add_argument("--plans", nargs="+", default=["fast", "told", "student"])
    arguments.add_argument("--size", type=int, default=2048, help="Side of the slide in pixels.")
    arguments.add_argument("--mpp", type=float, default=0.7, help="Its micrometres per pixel.")
    arguments.add_argument("--rounds", type=int, default=1)
    arguments.add_argument("--further", type=int, default=0, help="Finer stages to count.")
    options = arguments.parse_args()
    denoiser, size = load_denoiser(), options.size
    info = denoiser.info
    whole, finest = size * 2**options.further, options.mpp / 2**options.further
    every = stages(whole, whole, finest, patch_px=info.patch_px, mpp_max=info.mpp_max)
    path = every[: len(every) - options.further]
    spent: dict[str, list[float]] = {name: [] for name in options.plans}
    evaluations: dict[str, dict[int, int]] = {}
    further: dict[str, list[dict[str, Any]]] = {}
    for _ in range(options.rounds):
        for name in options.plans:
            began, due = time.monotonic(), dict[int, int]()
            painter = denoiser.painter(plan(name))
            run = generate(painter, path)
            try:
                while True:
                    progress = next(run)
                    due[progress.stage.index] = progress.evaluations
            except StopIteration as end:
                image: Image = end.value
            spent[name].append(time.monotonic() - began)
            evaluations[name] = due
            further[name] = counted(painter, every[len(path) :], image, sum(due.values()))
    seconds = {name: statistics.median(each) for name, each in spent.items()}
    rows = [
        {
            "plan": name,
            "per_patch": plan(name).at(len(path) - 1, options.mpp).evaluations,
            "evaluations": sum(evaluations[name].values()),
            "pixels": sum(evaluations[name].values()) * info.patch_px**2 / size**2,
            "by_stage": [
                evaluations[name][stage.index] * info.patch_px**2 / (stage.height * stage.width)
                for stage in path
            ],
            "seconds": spent[name],
            "ratio": seconds[name] / seconds[options.plans[0]],
            "further": further[name],
        }
        for name in options.plans
    ]
    made_by = {"model_sha256": denoiser.sha256, "threads": torch.get_num_threads()}
    finish({**made_by, "stages": len(path), "rows": rounded(rows)}, options)


@torch.inference_mode()
def counted(
    painter: Painter, path: Sequence[Stage], guide: Image, before: int
) -> list[dict[str, Any]]:
    """What further stages would cost, and a slide that ends with each; ``before``: evaluations of the stages made."""
    found = []
    for stage in path:
        run = StageRun(painter, stage, guide.half(), state=InMemory(0, 0))
        spent = 0
        for i in range(run.num_steps):
            for windows in run.grid(i).batches(64):
                empty = run.empty([run.seen(window) for window in windows])
                spent += int((~empty).sum()) * run.evaluations_at(i)
        before += spent
        pixels = before * painter.patch_px**2 / (stage.height * stage.width)
        row = {"mpp": stage.mpp, "size": stage.width, "evaluations": spent, "pixels": pixels}
        found.append(row)
        if stage is not path[-1]:
            guide = AveragePool(run.plan.factor).pinv(guide.half())
    return found


if __name__ == "__main__":
    main()
