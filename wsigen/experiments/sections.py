"""Whole sections on their glass against real slides: crops at every scale, each compared with held-out real ones.

`wsigen.experiments.slide_level` looks at slides of half a millimetre. These are of several, begin with an overview,
and are made by the plan that suits the model. Crops are read from the finest stage, reduced to each scale, and cut as
crops of real slides are. KID is given beside that of as many real training patches, the floor; their ratio is what a
model has to bring down. Crops of few sections are not independent, so the intervals are too narrow, and part of the
distance is that of few slides from many: as many real training cases, drawn again and again, say how much. Part is that
of one organ from many: ``breast_kid`` is that of real breast, which a model that draws breast near by cannot pass.
``chroma_share`` says how grainy colours are, see `wsigen.metrics.detail`; ``floor_chroma_share`` is that of real crops.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wsigen.coarse_to_fine import drain, generate
from wsigen.experiments.lab import Lab
from wsigen.experiments.places import PlacedPatches
from wsigen.experiments.result import Row, with_interval
from wsigen.experiments.slide_level import cut, sources
from wsigen.experiments.whole_slide import thumbnail
from wsigen.metrics.detail import chroma_share
from wsigen.metrics.distance import kid
from wsigen.metrics.manifold import manifold_scores
from wsigen.pixels import to_pixels
from wsigen.plan import Stage, stages
from wsigen.runs.painter import Painter
from wsigen.seeds import generator
from wsigen.slides.tissue import tissue_share

Pixels = NDArray[np.uint8]
DRAWS = 6  # of as many real cases as there are sections
LEAST_TISSUE = 0.1  # of a section; one with less is left out, and the next seed taken


@dataclass(frozen=True)
class Config:
    """What is generated and compared.

    Args:
        sections: how many.
        width_mm, height_mm, mpp: of each.
        levels: level l has ``mpp * 2 ** l`` micrometres per pixel.
        crops: at each level, on each side.
        k: neighbour that bounds the balls of precision and recall.
        plans: see `wsigen.plan`; each makes the same sections, from the same overviews.
    """

    sections: int = 4
    width_mm: float = 2.0
    height_mm: float = 1.5
    mpp: float = 1.4
    levels: tuple[int, ...] = (0, 1, 2)
    crops: int = 96
    k: int = 3
    plans: tuple[str, ...] = ("told", "student")


PROFILES = {
    "smoke": Config(2, 0.4, 0.3, 2.0, (0,), 12, plans=("preview",)),
    "classroom": Config(),
    "paper": Config(20, 20.0, 15.0, 0.7, tuple(range(6)), 10_000),
}


def cells(config: Config) -> list[dict[str, Any]]:
    """One for each plan and level."""
    return [
        {"plan": plan, "level": level, "mpp": config.mpp * 2**level}
        for plan in config.plans
        for level in config.levels
    ]


def measure(cell: dict[str, Any], config: Config, lab: Lab) -> Row:
    """Compare crops of one level."""
    made = sections(config, lab, cell["plan"])
    slides = sources([pixels for _, pixels in made], config.mpp)
    real = lab.features(lab.real_patches(config.crops, cell["mpp"], lab.held_out, "crops"))
    sets = {
        "": cut(slides, config.crops, lab.patch_px, cell["mpp"], lab.seed),
        "floor_": lab.real_patches(config.crops, cell["mpp"], "train", "crops"),
    }
    values: dict[str, Any] = {
        "seeds": [seed for seed, _ in made],
        "tissue": [tissue_share(pixels) for _, pixels in made],
        "crops": config.crops,
    }
    for prefix, crops in sets.items():
        found = lab.features(crops)
        values[f"{prefix}chroma_share"] = chroma_share(crops)
        values |= with_interval(f"{prefix}kid", kid(real, found, seed=lab.seed))
        scores = manifold_scores(real, found, config.k).intervals(seed=lab.seed)
        for name in ("precision", "recall"):
            values |= with_interval(prefix + name, scores[name])
    few = [lab.features(crops) for crops in of_few_cases(config, lab, cell["mpp"])]
    distances = [kid(real, crops, seed=lab.seed).value for crops in few]
    values["few_kid"] = float(np.mean(distances))
    values["few_kid_low"], values["few_kid_high"] = min(distances), max(distances)
    recalls = [manifold_scores(real, crops, config.k).recall for crops in few]
    values["few_recall"] = float(np.mean(recalls))
    like = drawn_of(lab, cell["mpp"], config.crops)
    if len(like):
        values |= with_interval("breast_kid", kid(real, lab.features(like), seed=lab.seed))
    pictures = {f"{cell['plan']}_{seed}": thumbnail(pixels, 512) for seed, pixels in made}
    return Row(values, pictures if cell["level"] == config.levels[0] else {})


def of_few_cases(config: Config, lab: Lab, mpp: float) -> list[Pixels]:
    """``DRAWS`` sets of real training crops, each of as many cases as there are sections."""
    side = lab.patch_px
    sources = [source for source in lab.sources("train") if source.tissue.count]
    shown = [source for source in sources if PlacedPatches([source], side).shows(mpp)]
    cases = sorted({source.case for source in shown})
    found = []
    for number in range(DRAWS):
        stream = generator(lab.seed, "few cases", number)
        some = set(stream.choice(cases, min(config.sections, len(cases)), replace=False))
        few = [source for source in shown if source.case in some]
        found.append(PlacedPatches(few, side).draw(config.crops, mpp, stream).pixels)
    return found


def drawn_of(lab: Lab, mpp: float, number: int, organ: str = "breast") -> Pixels:
    """Real training crops of one organ, which a model that draws it near by cannot pass; none where there is none."""
    found = [source for source in lab.sources("train", organ) if source.tissue.count]
    shown = [s for s in found if PlacedPatches([s], lab.patch_px).shows(mpp)]
    stream = generator(lab.seed, "real of an organ", organ)
    if not shown:
        return np.empty((0, lab.patch_px, lab.patch_px, 3), np.uint8)
    return PlacedPatches(shown, lab.patch_px).draw(number, mpp, stream).pixels


def sections(config: Config, lab: Lab, plan_name: str) -> list[tuple[int, Pixels]]:
    """Seeds and pixels (height, width, 3) of the first sections that show tissue; kept in the lab's cache."""
    width, height = (
        round(side * 1000 / config.mpp) for side in (config.width_mm, config.height_mm)
    )
    info, way = lab.denoiser.info, lab.plan(plan_name)
    path = stages(height, width, config.mpp, patch_px=info.patch_px, mpp_max=info.mpp_max)
    found: list[tuple[int, Pixels]] = []
    draw = 0
    while len(found) < config.sections:
        overview = to_pixels(drain(generate(lab.painter(way, draw), path[:1]))[None])[0]
        if tissue_share(overview) >= LEAST_TISSUE:
            made = section(lab.painter(way, draw), path, lab)
            found.append((lab.seed + draw, made[:height, :width]))
        draw += 1
    return found


def section(painter: Painter, path: list[Stage], lab: Lab) -> Pixels:
    """The finest stage of a slide, uint8 (height, width, 3); kept in the lab's cache."""
    key = ("section", lab.denoiser.digest, painter.seed, path, painter.plan, lab.device)

    def make(folder: Path) -> None:
        np.save(folder / "section.npy", to_pixels(drain(generate(painter, path))[None])[0])

    return lab.kept(key, make)[0]
