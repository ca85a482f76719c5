"""Fig. 6, and the stages of a slide: patches of slides at each magnification, and their nearest training patches.

The paper shows patches of generated slides beside the training patches that lie nearest in feature space. Nearest
pictures are not kept here, as they are of patients; what is kept are the distances, beside those of other real patches
to the same training patches, which say how near is near. Comparable: that no generated patch is a copy. Not
comparable: the distances themselves (another network, fewer training patches: the nearest of few is farther than
the nearest of all). The other real patches come from the same slides, so they are nearer than another patient's
would be.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from wsigen.coarse_to_fine import drain, generate
from wsigen.experiments.lab import Lab, to_pixels
from wsigen.experiments.result import Row, sheet
from wsigen.metrics.neighbours import nearest
from wsigen.metrics.stages import average
from wsigen.plan import Stage, plan, stages
from wsigen.seeds import generator
from wsigen.slides.tissue import tissue_mask
from wsigen.workdir import Workdir

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Config:
    """What is generated and looked at.

    Args:
        slides: seeds, one slide each.
        size: side of the slides in pixels.
        mpp: micrometres per pixel of the slides.
        plan: see `wsigen.plan`.
        factors: magnifications looked at: patches of the slide averaged this many times coarser.
        patches: generated patches at each magnification, at most; as many other real ones.
        reference: real training patches at each magnification, among which the nearest is looked for.
        shown: patches in each picture.
        picture_px: longest side of a kept picture of a slide or stage.
    """

    slides: tuple[int, ...] = (0, 1)
    size: int = 2048
    mpp: float = 3.0
    plan: str = "fast"
    factors: tuple[int, ...] = (1, 2, 4, 8, 16)
    patches: int = 48
    reference: int = 300
    shown: int = 6
    picture_px: int = 256


PROFILES = {
    "smoke": Config((0,), size=256, mpp=8.0, factors=(1, 4), patches=8, reference=24, shown=4),
    "classroom": Config(),
    "paper": Config(
        tuple(range(10)), size=65_536, mpp=0.625, plan="paper",
        factors=(1, 2, 4, 8, 16, 32, 64), patches=1000, reference=50_000, shown=12,
    ),
}  # fmt: skip


def cells(config: Config) -> list[dict[str, Any]]:
    """Each slide at each magnification."""
    return [
        {"slide": seed, "factor": factor, "mpp": config.mpp * factor}
        for seed in config.slides
        for factor in config.factors
    ]


def measure(cell: dict[str, Any], config: Config, lab: Lab) -> Row:
    """Patches of a slide at one magnification, and how near the training patches are."""
    cut = patches(cell["slide"], cell["factor"], config, lab)
    reference = lab.real_patches(config.reference, cell["mpp"], "train", "reference")
    other = lab.real_patches(len(cut), cell["mpp"], "train", "other real")
    known = lab.features(reference)
    generated, real = (nearest(lab.features(side), known)[0][:, 0] for side in (cut, other))
    values = {
        "patches": len(cut),
        "reference": config.reference,
        "nearest": float(np.median(generated)),
        "nearest_least": float(generated.min()),
        "nearest_real": float(np.median(real)),
        "nearest_real_least": float(real.min()),
        "shown": [float(distance) for distance in generated[: config.shown]],
    }
    shown = cut[: config.shown]
    pictures = {f"patches_{cell['slide']}_{cell['factor']}": sheet(shown, len(shown))}
    if cell["factor"] == config.factors[0]:
        for stage, pixels in zip(path(config, lab), film(cell["slide"], config, lab), strict=True):
            small = thumbnail(pixels, config.picture_px)
            pictures[f"stage_{cell['slide']}_{stage.index}"] = small
    return Row(values, pictures)


def path(config: Config, lab: Lab) -> list[Stage]:
    """The stages of a slide."""
    info = lab.denoiser.info
    return stages(
        config.size, config.size, config.mpp, patch_px=info.patch_px, mpp_max=info.mpp_max
    )


def made(seed: int, config: Config, lab: Lab) -> Workdir:
    """The finished stages of a slide, in the lab's cache; what is not there yet is generated."""
    recipe = plan(config.plan)
    described = {
        "model": lab.denoiser.sha256,
        "seed": seed,
        "size": config.size,
        "mpp": config.mpp,
        "plan": asdict(recipe),
        "device": lab.device,
    }
    name = f"{lab.denoiser.sha256[:8]}-{config.plan}-{config.size}-{config.mpp:g}-{seed}"
    folder = Workdir(lab.cache / "slides" / name, described)
    drain(
        generate(
            lab.denoiser,
            path(config, lab),
            recipe,
            patch_px=lab.patch_px,
            seed=seed,
            background=lab.denoiser.background,
            workdir=folder,
        )
    )
    return folder


def film(seed: int, config: Config, lab: Lab) -> Iterator[Pixels]:
    """Every stage of a slide from the overview on, uint8 (height, width, 3), one at a time."""
    folder = made(seed, config, lab)
    for stage in path(config, lab):
        yield pixels_of(folder, stage)


def pixels_of(folder: Workdir, stage: Stage) -> Pixels:
    """A finished stage, uint8 (height, width, 3)."""
    image = folder.load(stage.index)
    assert image is not None  # `made` made it
    return to_pixels(torch.from_numpy(image)[None])[0]


def patches(seed: int, factor: int, config: Config, lab: Lab) -> Pixels:
    """Patches of a slide made ``factor`` times coarser, those with most tissue first where few have any.

    Returns:
        uint8 (at most ``config.patches``, patch, patch, 3): a random choice of squares at least half tissue.
    """
    whole = pixels_of(made(seed, config, lab), path(config, lab)[-1])
    slide = np.round(average(whole, factor)).astype(np.uint8)
    side = lab.patch_px
    rows, columns = (length // side for length in slide.shape[:2])
    squares = slide[: rows * side, : columns * side].reshape(rows, side, columns, side, 3)
    squares = squares.swapaxes(1, 2).reshape(-1, side, side, 3)
    tissue = np.array([tissue_mask(square).mean() for square in squares])
    order = generator(seed, "whole slide", factor).permutation(len(squares))
    full = [place for place in order if tissue[place] >= 0.5]
    chosen = full or list(np.argsort(-tissue))
    return squares[chosen[: config.patches]]


def neighbours(
    seed: int, factor: int, config: Config, lab: Lab
) -> tuple[Pixels, Pixels, NDArray[np.float64]]:
    """The patches that are shown, the nearest training patch of each, and the distances.

    Real neighbours are pictures of patients: look at them, but keep to their licence where you show them.
    """
    cut = patches(seed, factor, config, lab)[: config.shown]
    mpp = config.mpp * factor
    reference = lab.real_patches(config.reference, mpp, "train", "reference")
    distances, places = nearest(lab.features(cut), lab.features(reference))
    return cut, reference[places[:, 0]], distances[:, 0]


def thumbnail(pixels: Pixels, longest: int) -> Pixels:
    """The picture, made smaller where a side is longer than ``longest`` pixels."""
    image = Image.fromarray(pixels)
    image.thumbnail((longest, longest), Image.Resampling.BOX)
    return np.asarray(image)
