"""How firmly does a stage hold to its guide? Projected down to sigma_r, or told with noise sigma_g: on real patches.

The paper enforces the guide and lets it go at a noise level sigma_r, which is what its r of N steps comes to. A network
that is told its guide sees it at every step, with noise of level sigma_g: the more, the less of it is believed. Each
real patch is averaged to half its size and magnified again, either way, from the same noise by the same steps. The
distance of its averages from the guide says how firmly it held, KID and sharpness how much it is like tissue.

The patches are of patients that no training saw, as far as the cohort has some. No picture of real tissue is kept.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from skimage.metrics import peak_signal_noise_ratio

from wsigen.arrays import Guides, Images
from wsigen.denoiser import Told
from wsigen.errors import WsigenError
from wsigen.experiments.lab import Lab
from wsigen.experiments.result import Row, with_interval
from wsigen.experiments.super_resolution import diffused
from wsigen.guidance import AveragePool, told
from wsigen.metrics.detail import sharpness
from wsigen.metrics.distance import kid
from wsigen.pixels import GREY, to_images, to_pixels
from wsigen.plan import TOLD, StagePlan
from wsigen.sampler import sample
from wsigen.seeds import generator

BATCH = 32  # patches
FIRM = replace(TOLD, guide_sigma=0.03)


@dataclass(frozen=True)
class Config:
    """What is magnified and how.

    Args:
        patches: real patches.
        scales: of them, in micrometres per pixel.
        plan: of the stage; its ``guide_sigma`` is each of the levels in turn.
        levels: noise levels, sigma_r or sigma_g.
        strengths: of told stages, at the plan's own ``guide_sigma``.
    """

    patches: int = 96
    scales: tuple[float, ...] = (1.4, 2.8)
    plan: StagePlan = FIRM
    levels: tuple[float, ...] = (0.03, 0.06, 0.12, 0.25, 0.5)
    strengths: tuple[float, ...] = (0.5,)


PROFILES = {
    "smoke": Config(12, (2.0,), replace(TOLD, num_steps=3), (0.05, 0.3), ()),
    "classroom": Config(),
    "paper": Config(2000, (0.7, 1.4, 2.8, 5.6)),
}


def cells(config: Config) -> list[dict[str, Any]]:
    """For each scale the guides projected or told, by level, and told with strength."""
    ways = [(way, level, 0.0) for way in ("projected", "told") for level in config.levels]
    own = config.plan.guide_sigma or config.levels[0]
    ways += [("told", own, strength) for strength in config.strengths]
    return [
        {"mpp": mpp, "way": way, "level": level, "strength": strength}
        for mpp in config.scales
        for way, level, strength in ways
    ]


def measure(cell: dict[str, Any], config: Config, lab: Lab) -> Row:
    """Magnify the patches and compare with the true ones."""
    mpp, operator = cell["mpp"], AveragePool(config.plan.factor)
    true = lab.real_patches(config.patches, mpp, lab.held_out)
    others = lab.features(lab.real_patches(config.patches, mpp, lab.held_out, "other real"))
    guides = operator(to_images(true)).to(lab.device)
    if cell["way"] == "projected":
        plan = replace(config.plan, guide_sigma=None).guided_down_to(cell["level"])
        images = diffused(guides, plan, mpp, lab)
    else:
        images = told_stage(guides, config.plan, mpp, lab, cell["level"], cell["strength"])
    made = to_pixels(images)
    again = operator(to_images(made)).to(lab.device)
    values: dict[str, Any] = {
        "split": lab.held_out,
        "guide_error": float((guides - again).abs().mean()) * GREY,
        "colour_error": float((guides - again).mean((0, 2, 3)).abs().max()) * GREY,
        "psnr": float(
            np.mean([peak_signal_noise_ratio(t, m) for t, m in zip(true, made, strict=True)])
        ),
        "sharpness": float(np.mean([sharpness(patch) for patch in made])),
        "sharpness_real": float(np.mean([sharpness(patch) for patch in true])),
    }
    values |= with_interval("kid", kid(others, lab.features(made), seed=lab.seed))
    return Row(values | with_interval("floor_kid", kid(others, lab.features(true), seed=lab.seed)))


def told_stage(
    guides: Guides, plan: StagePlan, mpp: float, lab: Lab, sigma_g: float, strength: float
) -> Images:
    """Each guide magnified as one patch by a network that is told it."""
    if not lab.denoiser.is_told:
        raise WsigenError(
            f"{lab.denoiser.name} was not trained to be told its guide; choose a --model that was"
        )
    operator, sigmas = AveragePool(plan.factor), plan.sigmas()

    def noise(name: str, *shape: int) -> torch.Tensor:
        drawn = [
            generator(lab.seed, "telling", name, n).standard_normal(shape, np.float32)
            for n in range(len(guides))
        ]
        return torch.from_numpy(np.stack(drawn)).to(guides)

    height, width = (plan.factor * side for side in guides.shape[2:])
    x = operator.pinv(guides) + float(sigmas[0]) * noise("noise", 3, height, width)
    shown = operator.enlarged(guides + sigma_g * noise("guide noise", *guides.shape[1:]))
    done = []
    for part, image in zip(x.split(BATCH), shown.split(BATCH), strict=True):
        denoiser = told(lab.denoiser, Told(image, sigma_g), strength, plan.guide_strength_sigma)
        with torch.inference_mode():
            done.append(sample(denoiser, part, sigmas, mpp, solver=plan.solver))
    return torch.cat(done).clamp(-1, 1)
