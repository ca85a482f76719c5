"""Small slides whole: their stages, and their patches at each magnification with the nearest training patches.

The paper's Fig. 6 shows patches of generated slides beside the training patches that lie nearest in feature space; its
seven stages are in `wsigen.experiments.zoom_neighbours`, and here is every square of slides of fewer stages. Nearest
pictures are not kept here, as they are of patients; what is kept are the distances, beside those of other real patches
to the same training patches, which say how near is near. Comparable: that no generated patch is a copy. Not
comparable: the distances themselves (another network, fewer training patches: the nearest of few is farther than
the nearest of all). The other real patches come from the same slides, so they are nearer than another patient's
would be.

The first row of a slide also has, for each stage after the overview, how far it is from the stage that guided it:
``stage_errors``, mean |A z_l - z_(l-1)|, and ``stage_drifts``, the change of its mean red, green and blue, both in grey
levels.
"""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from wsigen.coarse_to_fine import drain, run_stage
from wsigen.experiments.lab import Lab
from wsigen.experiments.result import Row, sheet
from wsigen.metrics.neighbours import nearest
from wsigen.metrics.stages import average, stage_changes
from wsigen.plan import Stage, stages
from wsigen.runs.canvas import strips
from wsigen.runs.storage import Storage, choose_storage
from wsigen.runs.workdir import Workdir
from wsigen.seeds import generator
from wsigen.slides.tissue import tissue_mask

Pixels = NDArray[np.uint8]

LARGE = 8192  # px a side; larger slides are not looked at in one piece


@dataclass(frozen=True)
class Config:
    """What is generated and looked at.

    Args:
        slides: seeds, one slide each.
        size: side of the slides in pixels.
        mpp: micrometres per pixel of the slides.
        plan: see `wsigen.plan`; by default the one that suits the model.
        factors: magnifications looked at: patches of the slide averaged this many times coarser.
        patches: generated patches at each magnification, at most; as many other real ones.
        reference: real training patches at each magnification, among which the nearest is looked for.
        shown: patches in each picture.
        picture_px: longest side of a kept picture of a slide or stage.
    """

    slides: tuple[int, ...] = (0, 1)
    size: int = 1024
    mpp: float = 4.0
    plan: str | None = None
    factors: tuple[int, ...] = (1, 2, 4, 8)
    patches: int = 40
    reference: int = 240
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
    values = {
        "stages": [f"{stage.width} px, {stage.mpp:g} µm/px" for stage in path(config, lab)],
        **nearness(cut, cell["mpp"], config.reference, config.shown, lab),
    }
    shown = cut[: config.shown]
    pictures = {f"patches_{cell['slide']}_{cell['factor']}": sheet(shown, len(shown))}
    if cell["factor"] == config.factors[0]:
        shots = film(cell["slide"], config, lab)
        changes = stage_changes([pixels for pixels in shots if max(pixels.shape) <= LARGE])
        values["stage_errors"] = [change.mean_error for change in changes]
        values["stage_drifts"] = [change.drift for change in changes]
        for stage, pixels in zip(path(config, lab), shots, strict=True):
            small = thumbnail(pixels, config.picture_px)
            pictures[f"stage_{cell['slide']}_{stage.index}"] = small
    return Row(values, pictures)


def nearness(cut: Pixels, mpp: float, reference: int, shown: int, lab: Lab) -> dict[str, Any]:
    """How far generated patches, and as many other real ones, are from the nearest of ``reference`` training patches.

    Args:
        cut: generated patches, uint8 (n, patch, patch, 3).
        mpp: their scale.
        reference: how many training patches are looked at.
        shown: how many of the distances are kept one by one.
        lab: where real patches and features come from.
    """
    other = lab.real_patches(len(cut), mpp, "train", "other real")
    generated, real = (nearest_training(side, mpp, reference, lab)[1] for side in (cut, other))
    return {
        "patches": len(cut),
        "reference": reference,
        "nearest": float(np.median(generated)),
        "nearest_least": float(generated.min()),
        "nearest_real": float(np.median(real)),
        "nearest_real_least": float(real.min()),
        "shown": [float(distance) for distance in generated[:shown]],
    }


def nearest_training(
    cut: Pixels, mpp: float, reference: int, lab: Lab
) -> tuple[Pixels, NDArray[np.float64]]:
    """The training patch nearest to each patch, and its distance.

    Real neighbours are pictures of patients: look at them, but keep to their licence where you show them.
    """
    known = lab.real_patches(reference, mpp, "train", "reference")
    distances, places = nearest(lab.features(cut), lab.features(known))
    return known[places[:, 0]], distances[:, 0]


def path(config: Config, lab: Lab) -> list[Stage]:
    """The stages of a slide."""
    info = lab.denoiser.info
    return stages(
        config.size, config.size, config.mpp, patch_px=info.patch_px, mpp_max=info.mpp_max
    )


def film(seed: int, config: Config, lab: Lab) -> list[Pixels]:
    """Every stage of a slide, uint8 (height, width, 3), from the overview on; kept in the lab's cache."""
    recipe, way = lab.plan(config.plan), path(config, lab)
    key = ("film", lab.denoiser.digest, seed, config.size, config.mpp, recipe, lab.device)

    def make(folder: Path) -> None:
        painter = lab.denoiser.painter(recipe, seed=seed)
        kind, half, place, _ = choose_storage(way, lab.device, canvases=recipe.num_canvases)
        with tempfile.TemporaryDirectory(dir=folder) as work:
            workdir = Workdir(Path(work), {}) if kind == "files" else None
            storage = Storage(kind, half, place, workdir)
            image = None
            for stage in way:
                image = drain(run_stage(painter, stage, image, state=storage.state(stage)))
                shape = (stage.height, stage.width, 3)
                file = folder / f"stage_{stage.index:02d}.npy"
                pixels = np.lib.format.open_memmap(file, "w+", np.uint8, shape)
                top = 0
                for strip in strips(image, *shape[:2], release=storage.release):
                    pixels[top : top + len(strip)] = strip
                    top += len(strip)
                pixels.flush()

    return lab.kept(key, make)


def patches(seed: int, factor: int, config: Config, lab: Lab) -> Pixels:
    """Patches of a slide made ``factor`` times coarser, those with most tissue first where few have any.

    Returns:
        uint8 (at most ``config.patches``, patch, patch, 3): a random choice of squares at least half tissue.
    """
    slide, side = film(seed, config, lab)[-1], lab.patch_px * factor
    tops, lefts = (range(0, length - side + 1, side) for length in slide.shape[:2])
    corners = [(top, left) for top in tops for left in lefts]

    def square(top: int, left: int) -> Pixels:
        window = slide[top : top + side, left : left + side]
        return np.asarray(np.round(average(window, factor)), np.uint8)

    tissue = np.array([tissue_mask(square(*corner)).mean() for corner in corners])
    chosen = half_tissue(tissue, generator(seed, "whole slide", factor))
    return np.stack([square(*corners[place]) for place in chosen[: config.patches]])


def half_tissue(tissue: NDArray[np.float64], stream: np.random.Generator) -> list[int]:
    """Which squares, by their shares of tissue, are at least half tissue, shuffled; if none, all, most tissue first."""
    full = [int(place) for place in stream.permutation(len(tissue)) if tissue[place] >= 0.5]
    return full or [int(place) for place in np.argsort(-tissue)]


def thumbnail(pixels: Pixels, longest: int) -> Pixels:
    """The picture, made smaller where a side is longer than ``longest`` pixels."""
    factor = -(-max(pixels.shape[:2]) // LARGE)
    if factor > 1:  # band by band first
        height, width = (length // factor * factor for length in pixels.shape[:2])
        bands = (pixels[top : top + 64 * factor, :width] for top in range(0, height, 64 * factor))
        parts = (band[: len(band) // factor * factor] for band in bands)
        pixels = np.concatenate([np.round(average(p, factor)).astype(np.uint8) for p in parts])
    image = Image.fromarray(np.asarray(pixels))
    image.thumbnail((longest, longest), Image.Resampling.BOX)
    return np.asarray(image)
