"""What a zoom path costs, and how far the pictures of a cut one are from the slide's.

    python benchmarks/zoom.py [--size 65536] [--plans fast preview] [--margins 0 32 64] [--seeds 0] [--out FILE]

One place of a slide is made at every scale by each plan: exactly, and with patches evaluated no further than a margin
round what is shown or guides the next stage. For each:

    evaluations   of the network, and those of the overview, which is always made in full
    seconds       that went by, and cpu_seconds of the processor over all threads
    mean, most    mean and largest |difference| to the exact picture of the same scale, in grey levels of 255, coarse
                  to fine, of the views with ``--view-px``; ``percentile_99`` of them likewise
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch

from wsigen.plan import plan as named_plan
from wsigen.plan import stages
from wsigen.provenance import run_info
from wsigen.training.checkpoint import load_denoiser
from wsigen.zoom.cone import cones
from wsigen.zoom.path import View, pixels, zoom

MPP = 0.7


def main() -> None:
    """Measure every plan and margin, print and save."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=65_536)
    parser.add_argument("--view-px", type=int, default=256)
    parser.add_argument("--plans", nargs="+", default=["fast", "preview"])
    parser.add_argument("--margins", type=int, nargs="*", default=[0, 32, 64])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--model", default="small")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--images", type=Path, help="folder for the pictures")
    arguments = parser.parse_args()
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
                began, cpu = time.perf_counter(), time.process_time()
                made = zoom(needed)
                evaluations: dict[int, int] = {}
                views: list[View] = []
                while not views:
                    try:
                        progress = next(made)
                        evaluations[progress.stage.index] = progress.evaluations
                    except StopIteration as end:
                        views = end.value
                spent = time.perf_counter() - began, time.process_time() - cpu
                exact = exact or views
                row = {
                    "plan": name,
                    "seed": seed,
                    "margin_px": margin,
                    "evaluations": sum(evaluations.values()),
                    "overview": evaluations[0],
                    "seconds": round(spent[0], 2),
                    "cpu_seconds": round(spent[1], 2),
                    **differences(views, exact),
                }
                row["made_px"] = [cone.region.width for cone in needed]
                rows.append(row)
                print(row, flush=True)
                if arguments.images:
                    save(views, arguments.images, f"{name}_{margin}_{seed}")
    result = {
        "what": "one place at every scale; see benchmarks/zoom.py",
        "model_sha256": denoiser.sha256,
        "threads": torch.get_num_threads(),
        "stages": len(path),
        "rows": rows,
        "run": run_info(size=size, view_px=arguments.view_px),
    }
    if arguments.out:
        arguments.out.write_text(json.dumps(result, indent=1) + "\n")


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


def save(views: list[View], folder: Path, name: str) -> None:
    """The pictures side by side."""
    from PIL import Image

    folder.mkdir(parents=True, exist_ok=True)
    tall = max(view.window.height for view in views)
    padded = [np.pad(p, ((0, tall - len(p)), (0, 8), (0, 0))) for p in map(pixels, views)]
    Image.fromarray(np.concatenate(padded, axis=1)).save(folder / f"{name}.png")


if __name__ == "__main__":
    main()
