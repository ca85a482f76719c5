"""What it is worth to tell the network the organ: patches from noise beside held-out ones of the same organs.

Each held-out patch of an organ that the model knows has a generated one at its side, from the same noise whatever the
network is told: nothing, that organ, or another one of them. An organ is said to classifier-free guidance
(:func:`wsigen.guidance.told`), whose strength w drives a patch away from what it would be untold. Where a right organ
is nearer to real patches than none, and a wrong one farther, the network knows what the word means.

No figure of the paper, whose model knows no organs.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from wsigen.denoiser import Told
from wsigen.experiments.lab import Lab
from wsigen.experiments.result import Row, sheet, with_interval
from wsigen.guidance import told
from wsigen.metrics.distance import kid
from wsigen.metrics.manifold import manifold_scores
from wsigen.pixels import to_pixels
from wsigen.sampler import sample
from wsigen.schedule import SIGMA_MAX, karras_sigmas
from wsigen.seeds import generator

NONE, RIGHT, WRONG = "none", "right", "wrong"


@dataclass(frozen=True)
class Config:
    """What is compared.

    Args:
        samples: patches at each scale.
        scales: micrometres per pixel.
        strengths: w of the right organ; the wrong one is told with the first.
        num_steps, solver, sigma_min: of the patches; see `wsigen.sampler` and `wsigen.schedule`.
        split: the held-out split, or None for the cohort's own.
        k: neighbour that bounds the balls of precision and recall.
    """

    samples: int = 96
    scales: tuple[float, ...] = (6.0, 12.0, 25.0, 50.0)
    strengths: tuple[float, ...] = (0.0, 1.0)
    num_steps: int = 16
    solver: str = "2m"
    sigma_min: float = 0.1
    split: str | None = None
    k: int = 3


PROFILES = {
    "smoke": Config(samples=12, scales=(6.0,), strengths=(0.0,), num_steps=4),
    "classroom": Config(),
    "paper": Config(samples=10_000, strengths=(0.0, 0.5, 1.0, 2.0), num_steps=40),
}


def cells(config: Config) -> list[dict[str, Any]]:
    """At each scale no organ, the right one by strength, and a wrong one."""
    said = [(NONE, 0.0), *((RIGHT, w) for w in config.strengths), (WRONG, config.strengths[0])]
    return [
        {"mpp": mpp, "organ": organ, "strength": w} for mpp in config.scales for organ, w in said
    ]


def measure(cell: dict[str, Any], config: Config, lab: Lab) -> Row:
    """Patches at one scale that are told one kind of organ, against real ones."""
    mpp, split = cell["mpp"], config.split or lab.held_out
    if not lab.shows(mpp, split):
        return Row({"samples": 0, "note": f"no slide of the split {split} shows this scale"})
    held = lab.draw(config.samples, mpp, split, "organs")
    organs = numbers_of(held.cases, lab)
    if not organs.any():
        return Row({"samples": 0, "note": "the model knows no organ of these slides"})
    real, organs = held.pixels[organs > 0], organs[organs > 0]
    patches = made(said(organs, cell["organ"]), cell["strength"], mpp, config, lab)
    ours, theirs = lab.features(patches), lab.features(real)
    values: dict[str, Any] = {"samples": len(real), "organs": len(np.unique(organs))}
    values |= with_interval("kid", kid(theirs, ours, seed=lab.seed))
    scores = manifold_scores(theirs, ours, config.k).intervals(seed=lab.seed)
    for name in ("precision", "recall"):
        values |= with_interval(name, scores[name])
    shown = sheet(patches, min(8, len(patches)))[: 2 * lab.patch_px]
    return Row(values, {f"{cell['organ']}_{cell['strength']:g}_{mpp:g}": shown})


def numbers_of(cases: NDArray[np.str_], lab: Lab) -> NDArray[np.int64]:
    """The number that the model has for the organ of each case, 0 where it knows none."""
    known = {name: n for n, name in enumerate(lab.denoiser.info.network.organs, start=1)}
    of_case = {entry.case: known.get(entry.organ, 0) for entry in lab.entries}
    return np.array([of_case[case] for case in cases.tolist()], np.int64)


def said(organs: NDArray[np.int64], kind: str) -> NDArray[np.int64]:
    """What the network is told of patches of these organs; a wrong one is the next of those that there are."""
    if kind == NONE:
        return np.zeros_like(organs)
    if kind == RIGHT:
        return organs
    there = np.unique(organs)
    return there[(np.searchsorted(there, organs) + 1) % len(there)]


def made(
    organs: NDArray[np.int64], strength: float, mpp: float, config: Config, lab: Lab
) -> NDArray[np.uint8]:
    """A patch from noise for each organ, uint8 (n, side, side, 3)."""
    sigmas, side = karras_sigmas(config.num_steps, config.sigma_min), lab.patch_px
    streams = (generator(lab.seed, "organs", n) for n in range(len(organs)))
    noise = np.stack([stream.standard_normal((3, side, side), np.float32) for stream in streams])
    x = torch.from_numpy(noise).to(lab.device) * float(sigmas[0])
    numbers = torch.from_numpy(organs).to(lab.device)

    def sampled(part: tuple[torch.Tensor, ...]) -> NDArray[np.uint8]:
        start, organ = part
        shown = Told(torch.zeros_like(start), SIGMA_MAX, organ)
        asked = told(lab.denoiser, shown, strength)
        return to_pixels(sample(asked, start, sigmas, mpp, solver=config.solver))

    return lab.side_by_side(sampled, x, numbers)
