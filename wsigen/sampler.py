"""Eq. 3, 5 and 11: the slope of the probability-flow ODE, its solvers, and the sampling loop.

    dx/dsigma = (x - D(x; sigma, s)) / sigma

A solver takes one step from sigma_i to sigma_(i+1). Euler spends one network evaluation, Heun a second
one at the end of the step to correct the first; the last step, to sigma = 0, has no slope at its end
and is not corrected: N Heun steps spend 2N - 1 evaluations.
"""

from collections.abc import Callable
from itertools import pairwise

from torch import Tensor

from wsigen.arrays import Denoiser, Images, Levels
from wsigen.errors import WsigenError

Solver = Callable[[Denoiser, Images, float, float, Tensor | float], Images]


def slope(denoiser: Denoiser, x: Images, sigma: float, mpp: Tensor | float) -> Images:
    """dx/dsigma of Eq. 3, from the denoiser's estimate."""
    return (x - denoiser(x, sigma, mpp)) / sigma


def euler(
    denoiser: Denoiser, x: Images, sigma: float, sigma_next: float, mpp: Tensor | float
) -> Images:
    """One step of first order (Eq. 5)."""
    return x + (sigma_next - sigma) * slope(denoiser, x, sigma, mpp)


def heun(
    denoiser: Denoiser, x: Images, sigma: float, sigma_next: float, mpp: Tensor | float
) -> Images:
    """One step of second order (Eq. 11): the mean of the slopes at both ends of the Euler step."""
    first = slope(denoiser, x, sigma, mpp)
    predicted = x + (sigma_next - sigma) * first
    if sigma_next == 0:
        return predicted
    second = slope(denoiser, predicted, sigma_next, mpp)
    return x + (sigma_next - sigma) * (first + second) / 2


def solver_step(solver: str) -> Solver:
    """Return the step function of a solver's name."""
    steps: dict[str, Solver] = {"euler": euler, "heun": heun}
    if solver not in steps:
        raise WsigenError(f"no solver {solver!r}; expected one of {', '.join(steps)}")
    return steps[solver]


def evaluations(num_steps: int, solver: str) -> int:
    """Network evaluations that ``num_steps`` steps spend on one patch (N, or 2N - 1)."""
    return num_steps if solver == "euler" else 2 * num_steps - 1


def sample(
    denoiser: Denoiser, x: Images, sigmas: Levels, mpp: Tensor | float, *, solver: str = "heun"
) -> Images:
    """Turn noisy images into clean ones.

    Args:
        denoiser: D of Eq. 6.
        x: images at noise level ``sigmas[0]``, shape (batch, 3, height, width); pure noise is ``sigmas[0]`` times
            standard normal noise.
        sigmas: falling noise levels, ending in 0; see :func:`wsigen.schedule.karras_sigmas`.
        mpp: micrometres per pixel, a number or one per image.
        solver: "heun" or "euler".
    """
    step = solver_step(solver)
    levels = sigmas.tolist()
    for sigma, sigma_next in pairwise(levels):
        x = step(denoiser, x, sigma, sigma_next, mpp)
    return x
