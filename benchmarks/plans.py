"""What a slide costs by each plan: evaluations, and seconds in turns on one machine; set-up is not counted.

python benchmarks/plans.py [--plans fast told student] [--size 2048] [--out benchmarks/results/plans.json]

per_patch   evaluations of a patch in the finest stage
pixels      pixels that the network evaluated over pixels of the slide
by_stage    those of each stage over its own pixels
ratio       seconds over those of the first plan, medians of rounds
"""

import statistics
import time

import torch
from saving import finish, parser, rounded

from wsigen.coarse_to_fine import generate
from wsigen.plan import plan, stages
from wsigen.training.checkpoint import load_denoiser


def main() -> None:
    """Make the slide by each plan in turn, round after round."""
    arguments = parser(__doc__ or "")
    arguments.add_argument("--plans", nargs="+", default=["fast", "told", "student"])
    arguments.add_argument("--size", type=int, default=2048, help="Side of the slide in pixels.")
    arguments.add_argument("--mpp", type=float, default=0.7, help="Its micrometres per pixel.")
    arguments.add_argument("--rounds", type=int, default=1)
    options = arguments.parse_args()
    denoiser, size = load_denoiser(), options.size
    info = denoiser.info
    path = stages(size, size, options.mpp, patch_px=info.patch_px, mpp_max=info.mpp_max)
    spent: dict[str, list[float]] = {name: [] for name in options.plans}
    evaluations: dict[str, dict[int, int]] = {}
    for _ in range(options.rounds):
        for name in options.plans:
            began, due = time.monotonic(), dict[int, int]()
            for progress in generate(denoiser.painter(plan(name)), path):
                due[progress.stage.index] = progress.evaluations
            spent[name].append(time.monotonic() - began)
            evaluations[name] = due
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
        }
        for name in options.plans
    ]
    made_by = {"model_sha256": denoiser.sha256, "threads": torch.get_num_threads()}
    finish({**made_by, "stages": len(path), "rows": rounded(rows)}, options)


if __name__ == "__main__":
    main()
