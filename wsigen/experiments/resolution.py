"""Table 1: improved precision and recall per spatial resolution, and for the mixture of all.

The paper's row, 512 px patches of TCGA-BRCA, stands beside ours. Comparable: whether one network serves all scales
about equally well, and whether the mixture is as good as its parts. Not comparable: the values themselves. They depend
on the number of samples (recall above all), the size of the patches (a 64 px patch shows a 64th of the tissue of the
paper's), the cohort, and the features (ImageNet's EfficientNet here, VGG-16 there). So the same two numbers
are given for real patches against other real patches of the same slides, which a perfect generator would reach. At
coarse scales these overlap, as there are few slides: ``apart`` says how many hardly do, and real patches look better
than new slides would. A scale that the model was not trained on, or that no slide shows, keeps the paper's values only.
"""

from dataclasses import dataclass
from typing import Any

from wsigen.experiments.lab import Lab
from wsigen.experiments.places import Drawn
from wsigen.experiments.result import Row, sheet, with_interval
from wsigen.metrics.distance import kid
from wsigen.metrics.manifold import manifold_scores

# scale: precision and recall in Table 1
PAPER_ROW: dict[float | str, tuple[float, float]] = {
    0.3: (0.81, 0.32), 1.0: (0.82, 0.33), 25.0: (0.82, 0.36), 50.0: (0.85, 0.38), 100.0: (0.82, 0.37),
    150.0: (0.84, 0.36), "uniform": (0.86, 0.34),
}  # fmt: skip


@dataclass(frozen=True)
class Config:
    """What is sampled and compared.

    Args:
        samples: generated patches at each scale, and as many real ones.
        scales: micrometres per pixel.
        mixtures: of scales over ``mpp_range``: "uniform", the paper's, and "log", ours.
        mpp_range: both ends of the mixtures.
        num_steps, solver: see `wsigen.sampler`.
        k: neighbour that bounds the balls of precision and recall.
        split: of the real patches; "train" as in the paper.
    """

    samples: int = 96
    scales: tuple[float, ...] = (0.3, 1.0, 25.0, 50.0, 100.0, 150.0)
    mixtures: tuple[str, ...] = ("uniform", "log")
    mpp_range: tuple[float, float] = (0.3, 100.0)
    num_steps: int = 12
    solver: str = "2m"
    k: int = 3
    split: str = "train"


PROFILES = {
    "smoke": Config(24, (1.0, 8.0), ("log",), (1.0, 16.0), num_steps=6),
    "classroom": Config(),
    "paper": Config(50_000, mpp_range=(0.3, 150.0), num_steps=40, solver="heun"),
}  # fmt: skip


def cells(config: Config) -> list[dict[str, Any]]:
    """Each scale, then each mixture."""
    table = []
    scales: list[float | str] = [*config.scales, *config.mixtures]
    for scale in scales:
        precision, recall = PAPER_ROW.get(scale, (None, None))
        table.append({"scale": scale, "paper_precision": precision, "paper_recall": recall})
    return table


def measure(cell: dict[str, Any], config: Config, lab: Lab) -> Row:
    """Compare generated and other real patches of one column with real ones."""
    scale = cell["scale"]
    if not isinstance(scale, str) and not lab.shows(scale, config.split):
        note = f"the model or the slides of the split {config.split} do not show this scale"
        return Row({"samples": 0, "note": note})

    def draw(stream: str) -> Drawn:
        mixed = isinstance(scale, str)
        return lab.draw(
            config.samples, config.mpp_range if mixed else scale, config.split, stream,
            spread=scale if mixed else "log",
        )  # fmt: skip

    drawn, other = draw("real"), draw("other real")
    patches = lab.generated_patches(
        config.samples, other.mpp, num_steps=config.num_steps, solver=config.solver, stream=str(scale)
    )  # fmt: skip
    real = lab.features(drawn.pixels)
    values: dict[str, Any] = {"samples": config.samples, "apart": int((drawn.overlap < 0.25).sum())}
    values["patients"] = drawn.patients
    for prefix, images in (("", patches), ("real_", other.pixels)):
        made = lab.features(images)
        scores = manifold_scores(real, made, config.k).intervals(seed=lab.seed)
        for name in ("precision", "recall", "density", "coverage"):
            values |= with_interval(prefix + name, scores[name])
        values |= with_interval(f"{prefix}kid", kid(real, made, seed=lab.seed))
    return Row(values, {f"scale_{scale}": sheet(patches[:16], 8)})
