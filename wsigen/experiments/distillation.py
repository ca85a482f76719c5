"""What a student has learnt: real patches magnified by it in one evaluation, two or four, beside its teacher.

The appendix's experiment, asked of a student. Guides are averages of held-out patches, half as soft as a stage of the
teacher's makes them. ``untaught`` is the teacher taking the student's two steps: what distilling has to beat.

    kid, precision, recall   against other real patches of the scale; ``real`` patches against them are what to hope for
    sharpness                of what is made; see `wsigen.metrics.detail`
    guide_error              mean |A made - true averages| in grey levels of 255
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from wsigen.arrays import Guides, Images
from wsigen.denoiser import Told
from wsigen.errors import WsigenError
from wsigen.experiments.lab import Lab
from wsigen.experiments.result import Row, with_interval
from wsigen.guidance import AveragePool, told
from wsigen.mending import binomial
from wsigen.metrics.detail import sharpness
from wsigen.metrics.distance import kid
from wsigen.metrics.manifold import manifold_scores
from wsigen.pixels import GREY, to_images, to_pixels
from wsigen.plan import STUDENT, TOLD, StagePlan
from wsigen.sampler import sample
from wsigen.seeds import generator

BATCH = 32  # patches


@dataclass(frozen=True)
class Config:
    """What is magnified.

    Args:
        patches: real patches.
        scales: of them, in micrometres per pixel.
        evaluations: of the student, for each patch; none for the teacher alone.
        split: where the patches are from; None for the held-out one.
        k: neighbour that bounds the balls of precision and recall.
    """

    patches: int = 192
    scales: tuple[float, ...] = (1.4, 2.8)
    evaluations: tuple[int, ...] = (1, 2, 4)
    split: str | None = None
    k: int = 3


PROFILES = {
    "smoke": Config(12, (2.0,), (2,)),
    "classroom": Config(),
    "paper": Config(2000, (0.7, 1.4, 2.8, 5.6)),
}


def cells(config: Config) -> list[dict[str, Any]]:
    """At each scale real patches, the teacher by its plan and by the student's, the student by evaluations."""
    who = [("real", 0), ("teacher", TOLD.num_steps)]
    who += [("untaught", STUDENT.num_steps)] if config.evaluations else []
    who += [("student", number) for number in config.evaluations]
    return [
        {"mpp": mpp, "who": name, "evaluations": number}
        for mpp in config.scales
        for name, number in who
    ]


def measure(cell: dict[str, Any], config: Config, lab: Lab) -> Row:
    """Magnify the patches, and compare with others."""
    mpp, who, split = cell["mpp"], cell["who"], config.split or lab.held_out
    true = lab.real_patches(config.patches, mpp, split)
    others = lab.features(lab.real_patches(config.patches, mpp, split, "other real"))
    operator = AveragePool()
    guides = operator(to_images(true)).to(lab.device)
    made = true
    if who != "real":
        plan = TOLD if who == "teacher" else replace(STUDENT, num_steps=cell["evaluations"])
        if config.evaluations and lab.denoiser.student is None:  # before any teacher is asked
            raise WsigenError(f"{lab.denoiser.name} has no student; choose a --model with one")
        denoiser = lab.denoiser.student if who == "student" else lab.denoiser
        soft = torch.lerp(guides, binomial(guides), 0.5)
        made = to_pixels(magnified(soft, denoiser, plan, mpp, lab))
    found = lab.features(made)
    scores = manifold_scores(others, found, config.k).intervals(seed=lab.seed)
    error = operator(to_images(made)).to(lab.device) - guides
    values: dict[str, Any] = {
        "split": split,
        "sharpness": float(np.mean([sharpness(patch) for patch in made])),
        "guide_error": float(error.abs().mean()) * GREY,
    }
    for name in ("precision", "recall"):
        values |= with_interval(name, scores[name])
    return Row(values | with_interval("kid", kid(others, found, seed=lab.seed)))


def magnified(guides: Guides, denoiser: Any, plan: StagePlan, mpp: float, lab: Lab) -> Images:
    """Each guide magnified as one patch, told with the plan's sigma_g."""
    operator, sigmas, sigma_g = AveragePool(plan.factor), plan.sigmas(), plan.guide_sigma or 0.0
    height, width = (plan.factor * side for side in guides.shape[2:])

    def noise(name: str, *shape: int) -> Tensor:
        drawn = [
            generator(lab.seed, "distillation", name, n).standard_normal(shape, np.float32)
            for n in range(len(guides))
        ]
        return torch.from_numpy(np.stack(drawn)).to(guides)

    shown = operator.enlarged(guides + sigma_g * noise("guide noise", *guides.shape[1:]))
    x = operator.pinv(guides) + float(sigmas[0]) * noise("noise", 3, height, width)
    fresh = [noise(f"noise of step {i}", 3, height, width) for i in range(1, plan.num_steps)]
    done = []
    with torch.inference_mode():
        for first in range(0, len(guides), BATCH):
            some = slice(first, first + BATCH)
            asked = told(denoiser, Told(shown[some], sigma_g))
            noises = [each[some] for each in fresh]
            done.append(sample(asked, x[some], sigmas, mpp, solver=plan.solver, fresh=noises))
    return torch.cat(done).clamp(-1, 1)
