"""Eq. 1 and 4: the noise levels of sampling; and the log-normal noise levels of training.

t_i = (smax^(1/rho) + i / (N - 1) (smin^(1/rho) - smax^(1/rho)))^rho,   i = 0 .. N-1,   t_N = 0
"""

import torch
from torch import Tensor

from wsigen.arrays import Levels
from wsigen.errors import WsigenError

SIGMA_MIN, SIGMA_MAX, RHO = 0.002, 80.0, 7.0


def karras_sigmas(
    num_steps: int, sigma_min: float = SIGMA_MIN, sigma_max: float = SIGMA_MAX, rho: float = RHO
) -> Levels:
    """Noise levels of ``num_steps`` sampling steps, shape (num_steps + 1,), falling to an exact 0.

    float64, as in Karras et al. 2022, Eq. 5; Harb et al. 2023, Eq. 1 and 4.

    Raises:
        WsigenError: no step, or levels that do not fall.
    """
    if num_steps < 1:
        raise WsigenError(f"num_steps is {num_steps}; expected at least 1")
    if not 0 < sigma_min <= sigma_max:
        raise WsigenError(
            f"sigma_min is {sigma_min:g}; expected above 0, and at most the first level, {sigma_max:g}"
        )
    fraction = torch.arange(num_steps, dtype=torch.float64) / max(num_steps - 1, 1)
    low, high = sigma_min ** (1 / rho), sigma_max ** (1 / rho)
    sigmas = (high + fraction * (low - high)) ** rho
    return torch.cat([sigmas, sigmas.new_zeros(1)])


def lognormal_sigmas(noise: Tensor, mean: float = -1.2, std: float = 1.2) -> Tensor:
    """Training noise levels, ln sigma ~ N(mean, std^2), from standard normal ``noise``."""
    return (mean + std * noise).exp()
