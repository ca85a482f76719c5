"""Fig. 5: how many steps, and of which solver? Improved precision and recall over N and over evaluations at 1 um/px.

The paper samples 50 000 patches of 512 px for each point, 50 000 real ones beside them, and compares second-order
Heun with Euler; 2M is ours. Comparable: the order of the solvers and the place of the knee, on both axes. Not
comparable: the height of the curves, since precision and recall depend on the number of samples, on the size of the
patches and on the network behind the features (ImageNet's EfficientNet here, VGG-16 there).

The row of real patches against other real ones is what a perfect generator of the training patches would reach.
"""

from dataclasses import dataclass
from typing import Any

from wsigen.experiments.lab import Lab
from wsigen.experiments.result import Row, sheet, with_interval
from wsigen.metrics.distance import kid
from wsigen.metrics.manifold import manifold_scores
from wsigen.sampler import evaluations


@dataclass(frozen=True)
class Config:
    """What is sampled and compared.

    Args:
        samples: generated patches for each point, and as many real ones.
        steps: N of each point.
        solvers: see `wsigen.sampler`.
        mpp: micrometres per pixel.
        k: neighbour that bounds the balls of precision and recall.
        split: of the real patches; "train" as in the paper.
    """

    samples: int = 128
    steps: tuple[int, ...] = (4, 8, 16, 40)
    solvers: tuple[str, ...] = ("heun", "euler", "2m")
    mpp: float = 1.0
    k: int = 3
    split: str = "train"


PROFILES = {
    "smoke": Config(samples=24, steps=(2, 6)),
    "classroom": Config(),
    "paper": Config(samples=50_000, steps=(5, 10, 15, 20, 25, 30, 40, 50, 75, 100)),
}


def cells(config: Config) -> list[dict[str, Any]]:
    """The real patches, then each solver at each N."""
    points = [
        {"solver": solver, "num_steps": n, "evaluations": evaluations(n, solver)}
        for solver in config.solvers
        for n in config.steps
    ]
    return [{"solver": "real", "num_steps": None, "evaluations": None}, *points]


def measure(cell: dict[str, Any], config: Config, lab: Lab) -> Row:
    """Compare the patches of one point with the real ones."""
    real = lab.features(lab.real_patches(config.samples, config.mpp, config.split))
    if cell["solver"] == "real":
        patches = lab.real_patches(config.samples, config.mpp, config.split, "other real")
    else:
        patches = lab.generated_patches(
            config.samples, config.mpp, num_steps=cell["num_steps"], solver=cell["solver"]
        )
    made = lab.features(patches)
    scores = manifold_scores(real, made, config.k).intervals(seed=lab.seed)
    values: dict[str, Any] = {"samples": config.samples}
    for name in ("precision", "recall", "density", "coverage"):
        values |= with_interval(name, scores[name])
    values |= with_interval("kid", kid(real, made, seed=lab.seed))
    if cell["solver"] == "real":
        return Row(values)
    return Row(
        values,
        {f"{cell['solver']}_{cell['num_steps']}": sheet(patches[:12], min(12, len(patches)))},
    )
