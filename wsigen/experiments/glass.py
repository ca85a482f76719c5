"""What skipping empty glass saves, and what it changes: a slide made with it and without."""

from dataclasses import replace
from typing import Any

from wsigen.coarse_to_fine import generate
from wsigen.experiments.lab import Lab
from wsigen.experiments.result import Row
from wsigen.metrics.seams import seam_test
from wsigen.pixels import GREY, to_pixels
from wsigen.plan import FAST, stages
from wsigen.runs.background import TOLERANCE
from wsigen.runs.canvas import Image
from wsigen.runs.progress import Progress


def skipping(margin: float | None, size: int, mpp: float, lab: Lab) -> Row:
    """A slide of ``size`` x ``size`` px with empty glass, with skipping and without."""
    whole, _ = _slide(None, size, mpp, lab)
    image, last = _slide(margin, size, mpp, lab)
    grey = (image - whole).abs().mean(0) * GREY
    glass = (whole - lab.denoiser.background).abs().amax(0) <= TOLERANCE
    off = (whole - lab.denoiser.background)[:, glass] * GREY
    guided = [progress for progress in last if progress.stage.index > 0]
    values = {
        "skipped": sum(p.skipped for p in guided) / sum(p.patches for p in guided),
        "evaluations": sum(p.evaluations for p in last),
        "seconds_spent": sum(p.seconds for p in last),
        "glass": float(glass.float().mean()),
        "glass_offset": float(off.mean()) if glass.any() else 0.0,
        "glass_spread": float(off.std()) if glass.any() else 0.0,
        "difference": float(grey.mean()),
        "glass_difference": float(grey[glass].mean()) if glass.any() else 0.0,
    }
    pixels = to_pixels(image[None])[0]
    if min(pixels.shape[:2]) >= 4 * lab.patch_px:
        values["seam_effect"] = seam_test(pixels, lab.patch_px, align=2).effect
    step = max(1, len(pixels) // 256)
    return Row(values, {f"skip_{'none' if margin is None else margin}": pixels[::step, ::step]})


def _slide(margin: float | None, size: int, mpp: float, lab: Lab) -> tuple[Image, list[Progress]]:
    """A slide, and the last word of each stage."""
    plan = replace(FAST, skip_background=margin)
    info = lab.denoiser.info
    path = stages(size, size, mpp, patch_px=lab.patch_px, mpp_max=info.mpp_max)
    return last_of(generate(lab.painter(plan), path))


def last_of(steps: Any) -> tuple[Image, list[Progress]]:
    """Run to the end; return the image and the last progress of each stage."""
    seen: dict[int, Progress] = {}
    while True:
        try:
            progress = next(steps)
            seen[progress.stage.index] = progress
        except StopIteration as end:
            return end.value, list(seen.values())
