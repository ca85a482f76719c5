"""Five ways to say what a student should have made of a batch.

adversarial    tissue, as far as two critics can tell (Goodfellow et al. 2014), near the truth, of the guide's tone
progressive    what its teacher makes of the same noise in six steps (Salimans and Ho 2022, in one go)
consistency    what it makes itself of the same patch with less of the same noise (Song et al. 2023, Geng et al. 2024)
styled         patches that are described as the truth is, as far as their guide and the style of their case can say
slides         of what it has painted itself, where there is no truth: patches whose crowd is that of tissue
"""

from collections.abc import Callable
from typing import NamedTuple, Protocol

import torch
from torch import Tensor
from torch.nn import functional

from wsigen.arrays import Images, PerImage
from wsigen.guidance import told
from wsigen.loss import loss_weight
from wsigen.plan import STUDENT, TOLD
from wsigen.sampler import sample
from wsigen.schedule import karras_sigmas
from wsigen.training.checkpoint import LoadedDenoiser
from wsigen.training.contrast import contrast
from wsigen.training.critic import Critics, steepness, taken_for_real
from wsigen.training.crowd import described
from wsigen.training.perception import Maps, shown
from wsigen.training.upscaling import OPERATOR, WINDOWS, DistilConfig, Upscaling, joined, windows


class Student(Protocol):
    """What a way needs of a :class:`wsigen.training.distil.Distiller`."""

    config: DistilConfig
    teacher: LoadedDenoiser
    student: LoadedDenoiser
    before: LoadedDenoiser
    critics: Critics
    images_seen: int

    def start(self, batch: Upscaling) -> Images:
        """What a stage starts from."""
        ...

    def two_steps(self, batch: Upscaling) -> tuple[Images, PerImage]:
        """Half of the batch before the first step, half before a later one."""
        ...


class Found(NamedTuple):
    """What comes of a batch.

    Args:
        loss: the student's.
        told_apart: the critics' loss, where there are some.
        seen: the patches that the student made, as the crowd has them.
    """

    loss: Tensor
    told_apart: Tensor | None = None
    seen: Tensor | None = None


GRAIN = 2.0  # how much the critic that sees grain counts beside the others, lest strong detail be stipple
FROM_TISSUE = 1  # pixels
NOW_AND_THEN = 8  # steps between those in which the steepness counts, so many times as much


def adversarial(run: Student, batch: Upscaling, maps: Maps | None) -> Found:
    """Both steps of a stage, judged by the critics and by the crowd; and the critics' own loss.

    ``maps`` are those of the batch's real fields, where they are known.

    Gradients are brought to one length, as Esser et al. 2021 (VQGAN, Eq. 7) do with a layer's, so that each critic
    counts as it should, and all together as much as the error does.
    """
    config, x, sigma = run.config, *run.two_steps(batch)
    u = run.student(x, sigma, batch.mpp, batch.told)
    made, clean = joined(u.detach()).requires_grad_(), joined(batch.clean)
    seen, mpp = OPERATOR.enlarged(joined(batch.guide)), batch.mpp[::WINDOWS]
    error = made - clean
    away = (
        config.truth * error.square().mean()
        + 4 * config.guide * OPERATOR(error).square().mean()
        + 64 * config.tone * functional.avg_pool2d(made - seen, 8).square().mean()
        + config.contrast * (contrast(made) - contrast(clean)).square().mean()
    )
    (pull,) = torch.autograd.grad(away, made)
    length = 2 / error.numel() * error.detach().flatten(1).norm(dim=1)
    real, false = run.critics(clean, seen, mpp, maps), run.critics(made, seen, mpp)
    patches = described(false.maps)
    wishes = (
        (GRAIN, taken_for_real(false.grain)),
        (1.0, taken_for_real(false.tissue)),
        (1.0, run.critics.crowd(patches, batch.mpp, batch.style).mean()),
    )
    push = torch.zeros_like(pull)
    for share, wish in wishes:
        (its,) = torch.autograd.grad(wish, made, retain_graph=True)
        push = push + share * brought_to(length, its)
    push = brought_to(length, push)
    told_apart = torch.stack(
        [
            taken_for_real(of_real) + taken_for_real([-a for a in of_made])
            for of_real, of_made in ((real.grain, false.grain), (real.tissue, false.tissue))
        ]
    ).sum()
    if run.images_seen // config.batch_size % NOW_AND_THEN == 0:
        steep = steepness(run.critics.grain, clean, seen, mpp)
        told_apart = told_apart + NOW_AND_THEN / 2 * config.smooth * steep
    return Found(100 * (u * windows(pull + push)).sum(), told_apart, patches.detach())


def brought_to(length: PerImage, gradients: Images) -> Images:
    """Gradients of a batch, all times the one number that brings them to these lengths in the mean."""
    return gradients * (length / gradients.flatten(1).norm(dim=1).clamp(min=1e-12)).mean()


def progressive(run: Student, batch: Upscaling, _: Maps | None) -> Found:
    """What the teacher makes of the same start; and, for the second step, of that with fresh noise."""
    half, x = len(batch) // 2, run.start(batch)
    second = batch.part(slice(half, None))
    with torch.no_grad():
        teacher = told(run.teacher, batch.told)
        target = sample(teacher, x, TOLD.sigmas(), batch.mpp, solver=TOLD.solver)
        again = target[half:] + STUDENT.sigma_min * second.fresh
        levels = karras_sigmas(3, TOLD.sigma_min, STUDENT.sigma_min)
        teacher = told(run.teacher, second.told)
        refined = sample(teacher, again, levels, second.mpp, solver=TOLD.solver)
    x, target = torch.cat([x[:half], again]), torch.cat([target[:half], refined])
    sigma = torch.full((len(batch),), STUDENT.sigma_min)
    sigma[:half] = STUDENT.sigma_start
    error = (run.student(x, sigma, batch.mpp, batch.told) - target).square().mean((1, 2, 3))
    return Found((loss_weight(sigma, run.teacher.sigma_data) * error).mean())


def consistency(run: Student, batch: Upscaling, _: Maps | None) -> Found:
    """What the student makes of the same patch with half of the same noise, and at last the patch itself."""
    sigma = 2 * (-3 * batch.chance).exp()  # 0.1 to 2
    less = torch.where(sigma / 2 < 0.05, 0.0, sigma / 2)
    more, some = sigma[:, None, None, None], less[:, None, None, None]
    with torch.no_grad():
        x = batch.clean + some * batch.noise
        target = run.student(x, less.clamp(min=0.05), batch.mpp, batch.told)
        target = torch.where(some > 0, target, batch.clean)
    u = run.student(batch.clean + more * batch.noise, sigma, batch.mpp, batch.told)
    error = (u - target).square().mean((1, 2, 3))
    return Found((error / (sigma - less)).mean())


def styled(run: Student, batch: Upscaling, maps: Maps | None) -> Found:
    """What a network that knows photographs sees in the patches is to be what it sees in the truth.

    Means and spreads of its maps are compared, not places (the style loss of Gatys et al. 2016). On glass, which has no
    style, the truth itself counts: else what is missing elsewhere is strewn there. A student that is told no style is
    to paint as before.
    """
    assert maps is not None
    x, sigma = run.two_steps(batch)
    u = run.student(x, sigma, batch.mpp, batch.told)
    is_told, apart = batch.style.any(1), u.new_zeros(())
    fields = is_told[::WINDOWS]
    if fields.any():
        made = described(run.critics.perception(joined(u)[fields]))
        real = described([found[fields] for found in maps])
        apart = run.critics.crowd.apart(made, real).sum() / len(batch)
    wanted, counts = batch.clean.clone(), glass(batch.clean)
    if not is_told.all():
        rest = batch.each(lambda tensor: tensor[~is_told])
        with torch.no_grad():
            wanted[~is_told] = run.before(x[~is_told], sigma[~is_told], rest.mpp, rest.told)
        counts[~is_told] = 1.0
    off = (counts * (u - wanted)).square().mean()
    return Found(apart + run.config.kept * off)


def slides(run: Student, batch: Upscaling, _: Maps | None) -> Found:
    """Both steps of a stage of its own slides, judged by the crowd; of the guide's tone, and on glass as before."""
    config, x, sigma = run.config, *run.two_steps(batch)
    u = run.student(x, sigma, batch.mpp, batch.told)
    with torch.no_grad():
        was = run.before(x, sigma, batch.mpp, batch.told)
    seen = OPERATOR.enlarged(batch.guide)
    patches = described(run.critics.perception(joined(u)))
    away = (
        config.kept * (glass(seen) * (u - was)).square().mean()
        + 64 * config.tone * functional.avg_pool2d(joined(u - seen), 8).square().mean()
    )
    wish = config.crowd * run.critics.crowd(patches, batch.mpp, batch.style).mean()
    return Found(wish + away, seen=patches.detach())


def glass(clean: Images) -> Images:
    """1 on glass, at least ``FROM_TISSUE`` pixels from any tissue, else 0; shape (batch, 1, side, side)."""
    return 1 - functional.max_pool2d(shown(clean), 2 * FROM_TISSUE + 1, 1, FROM_TISSUE)


Way = Callable[[Student, Upscaling, Maps | None], Found]
LOSSES: dict[str, Way] = {
    "adversarial": adversarial,
    "progressive": progressive,
    "consistency": consistency,
    "styled": styled,
    "slides": slides,
}
