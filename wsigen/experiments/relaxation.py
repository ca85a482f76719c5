"""Fig. 7: how long should the guide bind? One region magnified with the first r of N steps guided, r from 0 to N.

The paper shows images over r and picks r = 28 of 40 by eye. Two sentences of its Sec. 4.3 say that the *last* steps are
the guided ones; Algorithm 1 (i < r), Fig. 3 and Fig. 7 say the first, which is what is done here. r is a noise level in
disguise: ``sigma_last`` is that of the last guided step, ``sigma_free`` that of the first free one.

    guide_error  mean |A z - y| in grey levels: 0 at r = N, where the guide binds to the end
    detail       power above the guide's Nyquist over that of real tissue: of the region itself, where it is real,
                 otherwise of real patches
    distance     mean |z - real| in grey levels, where the region is real

Comparable with Fig. 7: the order of the images and the place of the turn. Not comparable: the network and its patches.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from wsigen.experiments.guides import averaged, generated_guide, one_stage, real_square
from wsigen.experiments.lab import Lab
from wsigen.experiments.result import Row
from wsigen.metrics.detail import detail, sharpness
from wsigen.pixels import GREY, to_pixels
from wsigen.plan import FAST, PAPER, StagePlan
from wsigen.runs.canvas import Image


@dataclass(frozen=True)
class Config:
    """What is magnified.

    Args:
        plan: of the stage; its ``guided_steps`` are those of the cell.
        guide_plan: of the stages before, where the guide is generated.
        guided: the values of r.
        guides: "generated" (with pictures) and "real".
        patches: of a side of the image.
        mpp: micrometres per pixel of the image.
        draws: regions of each kind to average over.
        real: real patches whose detail is that of tissue.
        split: where they are from.
    """

    plan: StagePlan = PAPER
    guide_plan: StagePlan = FAST
    guided: tuple[int, ...] = (0, 8, 16, 20, 24, 26, 28, 30, 32, 36, 40)
    guides: tuple[str, ...] = ("generated", "real")
    patches: int = 2
    mpp: float = 1.4
    draws: int = 1
    real: int = 128
    split: str = "train"


PROFILES = {
    "smoke": Config(replace(PAPER, num_steps=10), guided=(0, 4, 7, 10), real=24),
    "classroom": Config(),
    "paper": Config(guide_plan=PAPER, guided=tuple(range(0, 41, 2)), patches=4, draws=8, real=2000),
}


def cells(config: Config) -> list[dict[str, Any]]:
    """Each r on each kind of guide."""
    sigmas = config.plan.sigmas().tolist()
    return [
        {
            "guide": kind,
            "guided_steps": r,
            "num_steps": config.plan.num_steps,
            "sigma_last": sigmas[r - 1] if r else None,
            "sigma_free": sigmas[r],
        }
        for kind in config.guides
        for r in config.guided
    ]


def measure(cell: dict[str, Any], config: Config, lab: Lab) -> Row:
    """Magnify and compare with guide and tissue."""
    plan = replace(config.plan, guided_steps=cell["guided_steps"])
    side = config.patches * lab.patch_px
    columns: dict[str, list[float]] = {"guide_error": [], "detail": [], "sharpness": []}
    pictures = {}
    for draw in range(config.draws):
        guide, real = _guide(cell["guide"], side, config, lab, draw)
        made = one_stage(lab, guide, 2 * config.mpp, plan, draw)
        pixels = to_pixels(made[None])[0]
        columns["guide_error"].append(_grey(averaged(made), guide))
        tissue = detail(to_pixels(real[None])[0]) if real is not None else _patches(config, lab)
        columns["detail"].append(detail(pixels) / tissue)
        columns["sharpness"].append(sharpness(pixels))
        if real is not None:
            columns.setdefault("distance", []).append(_grey(made, real))
        elif draw == 0:
            pictures = {f"guided_{cell['guided_steps']:02d}": pixels}
            if cell["guided_steps"] == config.guided[0]:
                coarse = to_pixels(guide[None])[0]
                pictures["guide"] = coarse.repeat(2, 0).repeat(2, 1)
    return Row({name: float(np.mean(values)) for name, values in columns.items()}, pictures)


def _guide(kind: str, side: int, config: Config, lab: Lab, draw: int) -> tuple[Image, Image | None]:
    """The guide, and the tissue it was averaged from."""
    if kind == "generated":
        plan = config.guide_plan
        return generated_guide(lab, side // 2, 2 * config.mpp, plan, draw), None
    real = real_square(lab, side, config.mpp, config.split, draw)
    return averaged(real), real


def _grey(one: Image, other: Image) -> float:
    """Mean absolute difference in grey levels."""
    return float((one - other).abs().mean()) * GREY


def _patches(config: Config, lab: Lab) -> float:
    """Mean detail of real patches."""
    real = lab.real_patches(config.real, config.mpp, config.split)
    return float(np.mean([detail(patch) for patch in real]))
