"""Eq. 8 to 11 and Algorithm 1: a denoised estimate that agrees with a coarser image.

Of all images whose k x k averages are the guide y, the one nearest to the estimate u is

    u + A+ (y - A u)

with A the average pooling and A+ its pseudo-inverse, nearest-neighbour repetition. What A sees is
taken from the guide, what it cannot see is left to the model: range and null space of A. Guiding only
the first ``guided_steps`` steps relaxes the constraint: the model may correct what the guide got wrong.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from wsigen.arrays import Denoiser, Guides, Images, Levels
from wsigen.denoiser import Told
from wsigen.sampler import take_step


@dataclass(frozen=True)
class AveragePool:
    """A: the mean of each ``factor`` x ``factor`` square, A of Eq. 8."""

    factor: int = 2

    def __call__(self, image: Images) -> Guides:
        return functional.avg_pool2d(image, self.factor)

    def enlarged(self, guide: Guides) -> Images:
        """The guide at full size, interpolated between its pixels' centres: what a told network is shown.

        Not :meth:`pinv`: the squares of repeated pixels would be one more thing to learn to ignore.
        """
        return functional.interpolate(guide, scale_factor=float(self.factor), mode="bilinear")

    def pinv(self, guide: Guides) -> Images:
        """A+: repeat every pixel ``factor`` x ``factor`` times (Eq. 10)."""
        return guide.repeat_interleave(self.factor, -1).repeat_interleave(self.factor, -2)


def project(u: Images, guide: Guides, operator: AveragePool) -> Images:
    """The image nearest to ``u`` whose averages are ``guide`` (Eq. 9)."""
    return u + operator.pinv(guide - operator(u))


def constrained(denoiser: Denoiser, guide: Guides, operator: AveragePool) -> Denoiser:
    """Wrap a denoiser: its estimates agree with ``guide``."""

    def estimate(x: Images, sigma: Tensor | float, mpp: Tensor | float) -> Images:
        return project(denoiser(x, sigma, mpp), guide, operator)

    return estimate


def told(
    denoiser: Callable[..., Images], shown: Told, strength: float = 0.0, down_to: float = 0.0
) -> Denoiser:
    """Wrap a denoiser: it is shown its guide, and carried on away from what it says without.

        u + w (u - u_untold)        at sigma >= down_to;  below, u

    Classifier-free guidance (Ho and Salimans 2022) with the guide as the condition; w = 0 asks the network once.

    Args:
        denoiser: one whose network is told.
        shown: the guide.
        strength: w.
        down_to: lowest noise level of it.
    """

    def estimate(x: Images, sigma: Tensor | float, mpp: Tensor | float) -> Images:
        u: Images = denoiser(x, sigma, mpp, shown)
        if strength == 0 or float(torch.as_tensor(sigma).max()) < down_to:
            return u
        return u + strength * (u - denoiser(x, sigma, mpp))

    return estimate


class Autoguided(nn.Module):
    """A denoiser that is carried on away from what a weaker one says, untold.

        u + w (u - u_weak)        at sigma >= down_to;  below, u

    Karras et al. 2024, "Guiding a diffusion model with a bad version of itself", Eq. 3 with a weight of 1 + w: where a
    network falls short of the best denoiser, an earlier state of it falls short further in the same direction.

    Args:
        denoiser: u.
        weak: the earlier state.
        strength: w.
        down_to: lowest noise level of it.
    """

    def __init__(
        self, denoiser: Denoiser, weak: Denoiser, strength: float, down_to: float = 0.0
    ) -> None:
        super().__init__()
        self.denoiser, self.weak = denoiser, weak
        self.strength, self.down_to = strength, down_to

    def forward(self, x: Images, sigma: Tensor | float, mpp: Tensor | float) -> Images:
        """Return the estimate, shape of ``x``; arguments as of :class:`wsigen.arrays.Denoiser`."""
        u: Images = self.denoiser(x, sigma, mpp)
        if float(torch.as_tensor(sigma).max()) < self.down_to:
            return u
        return u + self.strength * (u - self.weak(x, sigma, mpp))


def toned(denoiser: Denoiser, guide: Guides, operator: AveragePool, side: int) -> Denoiser:
    """Wrap a denoiser: its estimates keep the guide's tone, the means over squares of ``side`` pixels.

        u + E (M A+ y - M u)        M: those means,  E: interpolation between their centres

    What :func:`project` does to single guide pixels, but smoothly and for the coarsest of the guide only: neighbouring
    patches agree on it, and no stage drifts away from the one before. The squares are those of a patch.

    Args:
        denoiser: whose estimates.
        guide: under the patches.
        operator: A.
        side: of the squares in pixels, which divides that of a patch.
    """
    means = functional.avg_pool2d(guide, side // operator.factor)

    def estimate(x: Images, sigma: Tensor | float, mpp: Tensor | float) -> Images:
        u = denoiser(x, sigma, mpp)
        missing = means - functional.avg_pool2d(u, side)
        return u + functional.interpolate(missing, scale_factor=float(side), mode="bilinear")

    return estimate


def guided_estimate(
    denoiser: Denoiser, guide: Guides, i: int, *, guided_steps: int, operator: AveragePool
) -> Denoiser:
    """The denoiser of step i of Algorithm 1: the first ``guided_steps`` steps ask the guided one."""
    return constrained(denoiser, guide, operator) if i < guided_steps else denoiser


def guided_step(
    denoiser: Denoiser,
    x: Images,
    guide: Guides,
    i: int,
    sigmas: Levels,
    mpp: Tensor | float,
    *,
    guided_steps: int,
    operator: AveragePool,
    solver: str = "heun",
    previous: Images | None = None,
    noise: Images | None = None,
) -> tuple[Images, Images | None]:
    """Step i of Algorithm 1, from ``sigmas[i]`` to ``sigmas[i + 1]``.

    The first ``guided_steps`` steps use the guided estimate, in the predictor and in the corrector alike;
    ``guided_steps = N`` is exact super-resolution, 0 ignores the guide.

    Args:
        denoiser: D of Eq. 6.
        x: patches at noise level ``sigmas[i]``, shape (batch, 3, height, width).
        guide: what they must average to, shape (batch, 3, height / factor, width / factor).
        i: the step.
        sigmas: noise levels, ending in 0.
        mpp: micrometres per pixel of ``x``.
        guided_steps: r of Algorithm 1.
        operator: A.
        solver: "euler", "heun", "2m" or "student".
        previous: for "2m" the estimate of step i - 1. It is forgotten where guidance ends, since guided and free
            estimates are not of one path.
        noise: for "student" fresh noise for the next level.

    Returns:
        x at noise level ``sigmas[i + 1]``; and for "2m" the estimate of this step, else None.
    """
    estimate = guided_estimate(denoiser, guide, i, guided_steps=guided_steps, operator=operator)
    if i in (0, guided_steps):
        previous = None
    before = None if previous is None else (previous, float(sigmas[i - 1]))
    sigma, sigma_next = float(sigmas[i]), float(sigmas[i + 1])
    return take_step(solver, estimate, x, sigma, sigma_next, mpp, before, noise)
