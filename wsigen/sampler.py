"""Eq. 3 and 5: the slope of the probability-flow ODE, its solvers, and the sampling loop.

    dx/dsigma = (x - D(x; sigma, s)) / sigma

A solver takes one step from sigma_i to sigma_(i+1). Euler spends one network evaluation, Heun a second
one at the end of the step to correct the first; the last step, to sigma = 0, has no slope at its end
and is not corrected: N Heun steps spend 2N - 1 evaluations. DPM-Solver++(2M) is of second order at one
evaluation per step: instead of asking again it remembers its last estimate. A student, distilled from a
denoiser, goes to sigma = 0 in one evaluation from anywhere; where it is asked again, fresh noise comes before.
"""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

from torch import Tensor

from wsigen.arrays import Denoiser, Images, Levels
from wsigen.errors import WsigenError

Solver = Callable[[Denoiser, Images, float, float, Tensor | float], Images]


def slope(denoiser: Denoiser, x: Images, sigma: float, mpp: Tensor | float) -> Images:
    """dx/dsigma of Eq. 3, with the score of Eq. 5 from the denoiser's estimate."""
    return (x - denoiser(x, sigma, mpp)) / sigma


def euler(
    denoiser: Denoiser, x: Images, sigma: float, sigma_next: float, mpp: Tensor | float
) -> Images:
    """One step of first order (Algorithm 1, line 7)."""
    return x + (sigma_next - sigma) * slope(denoiser, x, sigma, mpp)


def heun(
    denoiser: Denoiser, x: Images, sigma: float, sigma_next: float, mpp: Tensor | float
) -> Images:
    """One step of second order (Algorithm 1, line 15): the mean of the slopes at both ends of the Euler step."""
    first = slope(denoiser, x, sigma, mpp)
    predicted = x + (sigma_next - sigma) * first
    if sigma_next == 0:
        return predicted
    second = slope(denoiser, predicted, sigma_next, mpp)
    return x + (sigma_next - sigma) * (first + second) / 2


def dpm2m(
    denoiser: Denoiser,
    x: Images,
    sigma: float,
    sigma_next: float,
    mpp: Tensor | float,
    previous: tuple[Images, float] | None = None,
) -> tuple[Images, Images]:
    """One step of second order from this estimate u and the step before's: DPM-Solver++(2M).

        h = ln(sigma / sigma'),  h0 = ln(sigma0 / sigma),  v = u + h / (2 h0) (u - u0)
        x' = (sigma' / sigma) x + (1 - sigma' / sigma) v

    Lu et al. 2022, Algorithm 2. Without u0, and in the step to 0, v = u: an Euler step.

    Args:
        denoiser, x, sigma, sigma_next, mpp: as for the others.
        previous: u0 and sigma0, the estimate of the step before and its noise level.

    Returns:
        The next x and this step's estimate, to be remembered.
    """
    u = v = denoiser(x, sigma, mpp)
    if previous is not None and sigma_next > 0:
        u0, sigma0 = previous
        v = u + math.log(sigma / sigma_next) / (2 * math.log(sigma0 / sigma)) * (u - u0)
    return x * (sigma_next / sigma) + v * (1 - sigma_next / sigma), u


def student(
    denoiser: Denoiser,
    x: Images,
    sigma: float,
    sigma_next: float,
    mpp: Tensor | float,
    noise: Images | None = None,
) -> Images:
    """One step of a student: x' = D(x; sigma, s) + sigma' n.

    Song et al. 2023, "Consistency models", Algorithm 1.

    Args:
        denoiser, x, sigma, sigma_next, mpp: as for the others.
        noise: n, fresh standard normal noise; not needed in the step to 0.
    """
    u = denoiser(x, sigma, mpp)
    return u if noise is None or sigma_next == 0 else u + sigma_next * noise


def solver_step(solver: str) -> Solver:
    """Return the step function of a solver that remembers nothing: "euler" or "heun"."""
    steps: dict[str, Solver] = {"euler": euler, "heun": heun}
    if solver not in steps:
        raise WsigenError(
            f"no solver {solver!r}; expected one of {', '.join(steps)}, 2m or student"
        )
    return steps[solver]


def take_step(
    solver: str,
    denoiser: Denoiser,
    x: Images,
    sigma: float,
    sigma_next: float,
    mpp: Tensor | float,
    previous: tuple[Images, float] | None = None,
    noise: Images | None = None,
) -> tuple[Images, Images | None]:
    """One step of any solver; returns the next x and what "2m" is given back as ``previous``, or None.

    ``noise`` is fresh, for "student".
    """
    if solver == "student":
        return student(denoiser, x, sigma, sigma_next, mpp, noise), None
    if solver == "2m":
        return dpm2m(denoiser, x, sigma, sigma_next, mpp, previous)
    return solver_step(solver)(denoiser, x, sigma, sigma_next, mpp), None


def evaluations(num_steps: int, solver: str) -> int:
    """Network evaluations that ``num_steps`` steps spend on one patch (N, or 2N - 1 with Heun)."""
    return 2 * num_steps - 1 if solver == "heun" else num_steps


def sample(
    denoiser: Denoiser,
    x: Images,
    sigmas: Levels,
    mpp: Tensor | float,
    *,
    solver: str = "heun",
    fresh: Sequence[Images] = (),
) -> Images:
    """Turn noisy images into clean ones.

    Args:
        denoiser: D of Eq. 6.
        x: images at noise level ``sigmas[0]``, shape (batch, 3, height, width); pure noise is ``sigmas[0]`` times
            standard normal noise.
        sigmas: falling noise levels, ending in 0; see :func:`wsigen.schedule.karras_sigmas`.
        mpp: micrometres per pixel, a number or one per image.
        solver: "euler", "heun", "2m" or "student".
        fresh: for "student" standard normal noise of each step but the last.
    """
    previous = None
    for i, (sigma, sigma_next) in enumerate(pairwise(sigmas.tolist())):
        noise = fresh[i] if i < len(fresh) else None
        x, u = take_step(solver, denoiser, x, sigma, sigma_next, mpp, previous, noise)
        previous = None if u is None else (u, sigma)
    return x
