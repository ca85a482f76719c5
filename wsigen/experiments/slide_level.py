"""Whole generated slides against real ones, which the paper left to readers: crops per level, tissue and nuclei.

Crops of generated slides, read at each level of their pyramids, are compared with crops of held-out real slides at the
same scale: KID, precision and recall, beside the same for real training slides (the floor). All crops are cut in the
same way, most of them on tissue. Then windows of the size of a generated slide: which share of them is tissue;
and how many nuclei (blobs of haematoxylin) there are per square millimetre. Crops of few generated slides are not
independent of each other, so the intervals are too narrow.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.stats import ks_2samp

from wsigen.cohorts.patches import Source
from wsigen.experiments.lab import Lab
from wsigen.experiments.places import PlacedPatches
from wsigen.experiments.result import Pixels, Row, with_interval
from wsigen.experiments.whole_slide import LARGE, film, thumbnail
from wsigen.experiments.whole_slide import Config as SlideConfig
from wsigen.metrics.distance import kid
from wsigen.metrics.manifold import manifold_scores
from wsigen.metrics.nuclei import nuclei_per_mm2
from wsigen.seeds import generator
from wsigen.slides.pyramid import write_pyramid
from wsigen.slides.reader import ImageSlide, open_slide
from wsigen.slides.slide import Slide
from wsigen.slides.tissue import tissue_share


@dataclass(frozen=True)
class Config:
    """What is generated and compared.

    Args:
        slides: seeds of the generated slides.
        size: their side in pixels.
        mpp: their micrometres per pixel; nuclei need at most 1.
        plan: see `wsigen.plan`; by default the one that suits the model.
        levels: of the pyramid; level l has ``mpp * 2 ** l``.
        crops: at each level, on each side.
        fields: squares per side in which nuclei are counted.
        field_px: their side.
        windows: real ones whose share of tissue is taken.
        k: neighbour that bounds the balls of precision and recall.
    """

    slides: tuple[int, ...] = (0, 1, 2, 3)
    size: int = 768
    mpp: float = 0.7
    plan: str | None = None
    levels: tuple[int, ...] = (0, 1, 2)
    crops: int = 64
    fields: int = 24
    field_px: int = 192
    windows: int = 48
    k: int = 3


PROFILES = {
    "smoke": Config((0, 1), 128, 1.0, levels=(0,), crops=12, fields=4, field_px=64, windows=8),
    "classroom": Config(),
    "paper": Config(
        tuple(range(20)), 65_536, 0.625, "paper", tuple(range(7)), 10_000, 2_000, 512, 1_000
    ),
}


def cells(config: Config) -> list[dict[str, Any]]:
    """One for each level, then tissue, then nuclei."""
    levels = [{"what": "crops", "level": n, "mpp": config.mpp * 2**n} for n in config.levels]
    return [*levels, {"what": "tissue"}, {"what": "nuclei"}]


def measure(cell: dict[str, Any], config: Config, lab: Lab) -> Row:
    """Compare crops of one level, or the tissue, or the nuclei."""
    slides = [generated(seed, config, lab) for seed in config.slides]
    if cell["what"] == "tissue":
        return tissue(slides, config, lab)
    if cell["what"] == "nuclei":
        return nuclei(slides, config, lab)
    sets = {
        "": cut(sources(slides, config.mpp), config.crops, lab.patch_px, cell["mpp"], lab.seed),
        "floor_": lab.real_patches(config.crops, cell["mpp"], "train", "crops"),
    }
    real = lab.features(lab.real_patches(config.crops, cell["mpp"], lab.held_out, "crops"))
    values: dict[str, Any] = {"slides": len(slides), "samples": config.crops}
    for prefix, crops in sets.items():
        made = lab.features(crops)
        values |= with_interval(f"{prefix}kid", kid(real, made, seed=lab.seed))
        scores = manifold_scores(real, made, config.k).intervals(seed=lab.seed)
        for name in ("precision", "recall"):
            values |= with_interval(prefix + name, scores[name])
    return Row(values)


def tissue(slides: list[Pixels], config: Config, lab: Lab) -> Row:
    """Share of tissue of generated slides, and of windows of their size of held-out slides."""
    mpp = config.mpp * config.size / lab.patch_px
    real = [tissue_share(window) for window in lab.real_patches(config.windows, mpp, lab.held_out)]
    small = [thumbnail(slide, 192) for slide in slides]
    pictures = {f"slide_{seed}": image for seed, image in zip(config.slides, small, strict=True)}
    return Row(two_samples([tissue_share(slide) for slide in slides], real), pictures)


def nuclei(slides: list[Pixels], config: Config, lab: Lab) -> Row:
    """Nuclei per square millimetre in fields of generated, held-out and training slides."""
    side, mpp = config.field_px, config.mpp
    sides = {
        "generated": cut(sources(slides, mpp), config.fields, side, mpp, lab.seed),
        "real": cut(lab.sources(lab.held_out), config.fields, side, mpp, lab.seed),
        "train": cut(lab.sources("train"), config.fields, side, mpp, lab.seed),
    }
    counts = {
        name: [nuclei_per_mm2(field, mpp) for field in fields] for name, fields in sides.items()
    }
    values = two_samples(counts["generated"], counts["real"])
    return Row(
        values | {"train": counts["train"], "train_median": float(np.median(counts["train"]))}
    )


def two_samples(made: list[float], real: list[float]) -> dict[str, Any]:
    """Both distributions, their medians, and the p-value of the two-sample test of Kolmogorov and Smirnov."""
    return {
        "generated": sorted(made),
        "real": sorted(real),
        "generated_median": float(np.median(made)),
        "real_median": float(np.median(real)),
        "p_value": float(ks_2samp(made, real).pvalue),
    }


def generated(seed: int, config: Config, lab: Lab) -> Pixels:
    """A generated slide, uint8 (height, width, 3); kept in the lab's cache."""
    return film(seed, SlideConfig(size=config.size, mpp=config.mpp, plan=config.plan), lab)[-1]


def sources(slides: list[Pixels], mpp: float) -> list[Source]:
    """Generated slides, to be cut as real ones are."""
    images = (opened(slide, mpp) for slide in slides)
    return [Source.of(image, f"generated {i}") for i, image in enumerate(images)]


def opened(slide: Pixels, mpp: float) -> Slide:
    """A generated slide in memory; a large one from a pyramid beside the file it is mapped from."""
    if max(slide.shape[:2]) <= LARGE:
        return ImageSlide(Image.fromarray(slide), mpp)
    assert isinstance(slide, np.memmap)  # as `film` keeps it
    file = Path(str(slide.filename)).with_suffix(".tiff")
    if not file.is_file():
        write_pyramid(file, slide, mpp)
    return open_slide(file)


def cut(slides: list[Source], number: int, side: int, mpp: float, seed: int) -> NDArray[np.uint8]:
    """Crops of slides at one scale, uint8 (number, side, side, 3)."""
    return PlacedPatches(slides, side).draw(number, mpp, generator(seed, "crops", side)).pixels
