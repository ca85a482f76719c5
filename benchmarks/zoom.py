"""What a zoom path costs, and how far the pictures of a cut one are from the slide's.

    python benchmarks/zoom.py [--size 65536] [--plans fast preview] [--margins 0 32 64] [--seeds 0] [--out FILE]

One place of a slide is made at every scale by each plan: exactly, and with patches evaluated no further than a margin
round what is shown or guides the next stage. For each:

    evaluations   of the network, and those of the overview, which is always made in full
    seconds       that went by, and cpu_seconds of the processor over all threads
    mean, most    mean and largest |difference| to the exact picture of the same scale, in grey levels of 255, coarse
                  to fine, of the views with ``--view-px``; ``percentile_99`` of them likewise
"""

import numpy as np
import torch
from saving import finish, parser, timed

from wsigen.models import DEFAULT_MODEL
from wsigen.plan import plan as named_plan
from wsigen.plan import stages
from wsigen.training.checkpoint import load_denoiser
from wsigen.zoom.cone import Cone, cones
from wsigen.zoom.path import View, pixels, zoom

MPP = 0.7


def main() -> None:
    """Measure every plan and margin, print and save."""
    words = parser(__doc__)
    words.add_argument("--size", type=int, default=65_536)
    words.add_argument("--view-px", type=int, default=256)
    words.add_argument("--plans", nargs="+", default=["fast", "preview"])
    words.add_argument("--margins", type=int, nargs="*", default=[0, 32, 64])
    words.add_argument("--seeds", type=int, nargs="+", default=[0])
    words.add_argument("--model", default=DEFAULT_MODEL)
    arguments = words.parse_args()
    denoiser = load_denoiser(arguments.model)
    info, size = denoiser.info, arguments.size
    denoiser(torch.zeros(32, 3, info.patch_px, info.patch_px), 1.0, 1.0)  # the first is slow
    path = stages(size, size, MPP, patch_px=info.patch_px, mpp_max=info.mpp_max)
    place = (0.4 * size, 0.6 * size)
    rows = []
    for name in arguments.plans:
        for seed in arguments.seeds:
            exact: list[View] = []
            for margin in (None, *arguments.margins):
                painter = denoiser.painter(named_plan(name), seed=seed)
                needed = cones(painter, path, place, view_px=arguments.view_px, margin_px=margin)
                spent, (views, evaluations) = timed(lambda needed=needed: made(needed))
                exact = exact or views
                row = {
                    "plan": name,
                    "seed": seed,
                    "margin_px": margin,
                    "evaluations": sum(evaluations.values()),
                    "overview": evaluations[0],
                    "seconds": round(spent.seconds, 2),
                    "cpu_seconds": round(spent.cpu, 2),
                    **differences(views, exact),
                }
                row["made_px"] = [cone.region.width for cone in needed]
                rows.append(row)
                print(row, flush=True)
    result = {
        "what": "one place at every scale; see benchmarks/zoom.py",
        "model_sha256": denoiser.sha256,
        "threads": torch.get_num_threads(),
        "stages": len(path),
        "rows": rows,
    }
    finish(result, arguments)


def made(needed: list[Cone]) -> tuple[list[View], dict[int, int]]:
    """The views, and the evaluations of each stage."""
    steps, evaluations = zoom(needed), dict[int, int]()
    while True:
        try:
            progress = next(steps)
            evaluations[progress.stage.index] = progress.evaluations
        except StopIteration as end:
            return end.value, evaluations


def differences(views: list[View], exact: list[View]) -> dict[str, list[float]]:
    """Of each scale, in grey levels."""
    gaps = [
        np.abs(pixels(one).astype(float) - pixels(other))
        for one, other in zip(views, exact, strict=True)
    ]
    return {
        "mean": [round(float(gap.mean()), 3) for gap in gaps],
        "percentile_99": [round(float(np.percentile(gap, 99)), 1) for gap in gaps],
        "most": [float(gap.max()) for gap in gaps],
    }


if __name__ == "__main__":
    main()
