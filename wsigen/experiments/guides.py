"""Guides for one stage: a small slide made by the model, or real tissue averaged; and one stage on a guide."""

from dataclasses import replace
from functools import lru_cache

from wsigen.coarse_to_fine import drain, generate, upscale
from wsigen.experiments.lab import Lab
from wsigen.experiments.places import PlacedPatches
from wsigen.guidance import AveragePool
from wsigen.pixels import to_images
from wsigen.plan import StagePlan, stages
from wsigen.runs.canvas import Image
from wsigen.seeds import generator


@lru_cache(maxsize=8)  # several measurements share it
def generated_guide(lab: Lab, side: int, mpp: float, plan: StagePlan, draw: int = 0) -> Image:
    """Tissue of that size and scale made by the model, without a rim of glass, shape (3, side, side)."""
    size = max(side, lab.patch_px)
    path = stages(size, size, mpp, patch_px=lab.patch_px)
    painter = lab.painter(replace(plan, rim=0), draw)
    return drain(generate(painter, path))[:, :side, :side]


def real_square(lab: Lab, side: int, mpp: float, split: str, draw: int = 0) -> Image:
    """A square of real tissue in [-1, 1], shape (3, side, side)."""
    placed = PlacedPatches(lab.sources(split), side, augment=False)
    pixels = placed.draw(1, mpp, generator(lab.seed, "square", split, draw)).pixels
    return to_images(pixels)[0].to(lab.device)


def averaged(image: Image, factor: int = 2) -> Image:
    """A z: what a guide ``factor`` times coarser shows of an image."""
    return AveragePool(factor)(image[None])[0]


def one_stage(lab: Lab, guide: Image, mpp: float, plan: StagePlan, draw: int = 0) -> Image:
    """The guide at ``mpp``, magnified by ``plan``'s factor."""
    return upscale(lab.painter(plan, draw), guide, mpp)
