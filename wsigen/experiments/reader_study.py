"""Fig. 8 with simulated readers: does the report of a study find the skill that its readers have?

The paper showed 20 real and 20 generated slides to three pathologists, each in a random order. Here the real class are
drawn phantoms, the other class slides from the model, and the readers are simulated: their true AUC is given, so the
report can be compared with the truth. Comparable: the design and the statistics. Not comparable: what the ratings say,
since the simulated readers look at no slide.
"""

import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from wsigen.coarse_to_fine import drain, generate
from wsigen.experiments.lab import Lab
from wsigen.experiments.result import Pixels, Row
from wsigen.experiments.whole_slide import thumbnail
from wsigen.phantom.slide import PhantomSlide
from wsigen.plan import stages
from wsigen.runs.canvas import strips
from wsigen.slides import open_slide, write_pyramid
from wsigen.study.design import KEY, RATINGS, create_study, load_study, read_key
from wsigen.study.ratings import Ratings, final_ratings, rating_matrix
from wsigen.study.report import Report, analyse
from wsigen.study.simulate import simulate_ratings, sit_study
from wsigen.study.store import Store

SPARE = 10  # one slide in so many more, should one show no tissue
PICTURE_PX = 256  # longest side of a kept picture


@dataclass(frozen=True)
class Config:
    """A study and its readers.

    Args:
        n: slides of each class that count.
        size: side of the slides in pixels.
        mpp: micrometres per pixel of the slides.
        plan: how the synthetic ones are generated, see `wsigen.plan`; by default as suits the model.
        skills: true AUC of each reader.
        shared: part of a reader's impression that all readers have in common, 0 to 1.
        seed: names the slides, the study and the readers.
    """

    n: int = 20
    size: int = 512
    mpp: float = 8.0
    plan: str | None = None
    skills: tuple[float, ...] = (0.5, 0.6, 0.7, 0.8, 0.9)
    shared: float = 0.3
    seed: int = 0


PROFILES = {
    "smoke": Config(n=2, size=128),
    "classroom": Config(),
    "paper": Config(size=65_536, mpp=0.625, plan="paper", skills=(0.5, 0.6, 0.7)),
}


def cells(config: Config) -> list[dict[str, Any]]:
    """One study."""
    return [{"slides_of_each_class": config.n, "readers": len(config.skills)}]


def measure(cell: dict[str, Any], config: Config, lab: Lab) -> Row:
    """Hold the study in a folder that is thrown away afterwards."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        write_slides(folder, config, lab)
        ratings = hold(folder, config)
        images = {
            f"{name}_{i}": overview(folder / name / f"{i:03d}.tiff")
            for name in ("real", "synthetic")
            for i in range(min(3, config.n))
        }
    report = analyse(ratings)
    values = {
        "skills": config.skills,
        "auc": [reader.auc.value for reader in report.readers if reader.auc],
        "auc_low": [reader.auc.lower for reader in report.readers if reader.auc],
        "auc_high": [reader.auc.upper for reader in report.readers if reader.auc],
        "recovered": recovered(report, config),
        **{name: value for name, value in asdict(report).items() if name != "readers"},
        "names": ratings.readers,
        "ratings": ratings.values,
        "synthetic": ratings.synthetic,
    }
    return Row(values, images)


def write_slides(folder: Path, config: Config, lab: Lab) -> None:
    """Write the slides of both classes: phantoms into ``folder/real``, generated ones into ``folder/synthetic``."""
    recipe, info = lab.plan(config.plan), lab.denoiser.info
    size, number = config.size, config.n + 1 + config.n // SPARE
    way = stages(size, size, config.mpp, patch_px=info.patch_px, mpp_max=info.mpp_max)
    for name in ("real", "synthetic"):
        (folder / name).mkdir(parents=True)
    for i in range(number):
        drawn = PhantomSlide(config.seed + 1000 + i, height=size, width=size, mpp=config.mpp)
        image = drain(generate(lab.denoiser.painter(recipe, seed=config.seed + i), way))
        # a phantom stands for a real slide here, so its file does not call itself synthetic
        write_pyramid(
            folder / "real" / f"{i:03d}.tiff", drawn.strips(), config.mpp, height=size, width=size
        )
        write_pyramid(
            folder / "synthetic" / f"{i:03d}.tiff",
            strips(image, size, size),
            config.mpp,
            height=size,
            width=size,
            description={"SYNTHETIC": True},
        )


def hold(folder: Path, config: Config) -> Ratings:
    """Make the study in ``folder/study``, let every reader sit it, and read the ratings back."""
    study_folder = folder / "study"
    for _ in create_study(
        study_folder,
        real=folder / "real",
        synthetic=folder / "synthetic",
        n=config.n,
        seed=config.seed,
        tile_px=32,
    ):
        pass
    study, key = load_study(study_folder), read_key(study_folder / KEY)
    rated = sorted(study.slides, key=lambda name: (key[name]["label"], key[name]["source"]))
    synthetic = np.array([key[name]["label"] == "synthetic" for name in rated])
    impressions = simulate_ratings(config.skills, synthetic, shared=config.shared, seed=config.seed)
    store = Store(study_folder / RATINGS, create=True)
    for name, row in zip(names(config), impressions, strict=True):
        sit_study(study, store, name, dict(zip(rated, row, strict=True)))
    ratings = rating_matrix(final_ratings(store.steps(), key), key)
    store.close()
    return ratings


def names(config: Config) -> list[str]:
    """The readers, by their skill."""
    return [f"skill {skill:g}" for skill in config.skills]


def recovered(report: Report, config: Config) -> int:
    """How many readers' intervals hold their true AUC."""
    return sum(
        reader.auc is not None and reader.auc.lower <= skill <= reader.auc.upper
        for reader, skill in zip(report.readers, config.skills, strict=True)
    )


def overview(path: Path) -> Pixels:
    """A small picture of a slide, uint8 (height, width, 3)."""
    with open_slide(path) as slide:
        return thumbnail(slide.overview()[0], PICTURE_PX)
