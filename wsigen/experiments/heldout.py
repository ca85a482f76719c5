"""How far generated patches are from patients that the model has not seen, per scale: ``wsigen evaluate``.

Generated patches and real training patches are compared with the same real held-out patches, as many of each. The
second comparison is the floor: what a perfect generator of the training patches would reach on these patients. The
ratio of the two KID is the number to look at; where the floor is not above 0 there is none. ``train_kid`` compares
generated with training patches.

Patches that show the same tissue are fewer samples than they seem. At each scale those that overlap least are kept, and
``apart`` says how many held-out ones hardly overlap. Intervals take patches as the units, and know nothing of how
patients differ: with few patients they are too narrow. At coarse scales a slide holds a few patches only.
"""

from dataclasses import dataclass
from typing import Any

from wsigen.experiments.lab import Lab
from wsigen.experiments.places import Drawn
from wsigen.experiments.result import Row, sheet, with_interval
from wsigen.metrics.distance import kid
from wsigen.metrics.manifold import manifold_scores
from wsigen.schedule import SIGMA_MIN

MOST_OVERLAP = 0.25  # of patches that count as apart


@dataclass(frozen=True)
class Config:
    """What is compared.

    Args:
        samples: patches at each scale on each side, where the slides have so many that are apart.
        least: as many are taken even if they overlap.
        scales: micrometres per pixel.
        num_steps, solver, sigma_min: of the generated patches; see `wsigen.sampler` and `wsigen.schedule`.
        split: the held-out split, or None for the cohort's own ("heldout", else "test").
        k: neighbour that bounds the balls of precision and recall.
    """

    samples: int = 256
    least: int = 48
    scales: tuple[float, ...] = (0.7, 1.5, 3.0, 6.0, 12.0, 25.0, 50.0)
    num_steps: int = 20
    solver: str = "2m"
    sigma_min: float = 0.1
    split: str | None = None
    k: int = 3


PROFILES = {
    "smoke": Config(samples=24, least=24, scales=(1.5, 6.0), num_steps=6),
    "classroom": Config(samples=128),
    "paper": Config(samples=10_000, num_steps=40, solver="heun", sigma_min=SIGMA_MIN),
}


def cells(config: Config) -> list[dict[str, Any]]:
    """One for each scale."""
    return [{"mpp": mpp} for mpp in config.scales]


def measure(cell: dict[str, Any], config: Config, lab: Lab) -> Row:
    """Compare generated and training patches with held-out ones at one scale."""
    mpp, split = cell["mpp"], config.split or lab.held_out
    missing = [name for name in (split, "train") if not lab.shows(mpp, name)]
    if missing:
        return Row({"samples": 0, "note": f"no slide of the split {missing[0]} shows this scale"})
    held = lab.draw(config.samples, mpp, split)
    train = lab.draw(config.samples, mpp)
    number = max(min(apart(held), apart(train)), min(config.least, config.samples))
    real, other = (lab.features(side.least_overlapping(number).pixels) for side in (held, train))
    patches = lab.generated_patches(
        number,
        mpp,
        num_steps=config.num_steps,
        solver=config.solver,
        sigma_min=config.sigma_min,
        stream="evaluate",
    )
    made = lab.features(patches)
    distance, floor = (kid(real, side, seed=lab.seed) for side in (made, other))
    values: dict[str, Any] = {"samples": number, "apart": min(apart(held), number)}
    values["patients"] = held.patients
    values |= with_interval("kid", distance) | with_interval("floor_kid", floor)
    values["ratio"] = distance.value / floor.value if floor.value > 0 else None
    values |= with_interval("train_kid", kid(other, made, seed=lab.seed))
    for prefix, side in (("", made), ("floor_", other)):
        scores = manifold_scores(real, side, config.k).intervals(seed=lab.seed)
        for name in ("precision", "recall"):
            values |= with_interval(prefix + name, scores[name])
    return Row(values, {f"generated_{mpp:g}": sheet(patches, min(8, number))[: 2 * lab.patch_px]})


def apart(drawn: Drawn) -> int:
    """How many patches hardly overlap with one drawn before."""
    return int((drawn.overlap <= MOST_OVERLAP).sum())
