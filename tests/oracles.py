"""Exact answers to test against: denoisers known in closed form, operators as dense matrices; and a small network."""

import math

import torch
from torch import Tensor

from wsigen.arrays import Images
from wsigen.denoiser import EDMDenoiser
from wsigen.networks.unet import UNet, UNetConfig


class GaussianDenoiser:
    """The optimal denoiser where every pixel is an independent Gaussian, N(mean, std^2)."""

    def __init__(self, mean: float = 0.3, std: float = 0.4) -> None:
        self.mean, self.std = mean, std
        self.calls = 0

    def __call__(self, x: Images, sigma: Tensor | float, mpp: Tensor | float) -> Images:
        self.calls += 1
        sigma = torch.as_tensor(sigma, dtype=x.dtype)
        sigma = sigma[:, None, None, None] if sigma.ndim else sigma
        return (self.std**2 * x + sigma**2 * self.mean) / (self.std**2 + sigma**2)

    def path(self, x: Tensor, sigma: float, sigma_next: float) -> Tensor:
        """Follow the probability-flow ODE from one noise level to another, exactly."""
        ratio = math.sqrt((self.std**2 + sigma_next**2) / (self.std**2 + sigma**2))
        return self.mean + (x - self.mean) * ratio


class FlatDenoiser:
    """The optimal denoiser where every image is ``value`` everywhere."""

    def __init__(self, value: float) -> None:
        self.value = value

    def __call__(self, x: Images, sigma: Tensor | float, mpp: Tensor | float) -> Images:
        return torch.full_like(x, self.value)


def scrambled_network(widths: tuple[int, ...] = (16, 16)) -> EDMDenoiser:
    """A small real network with random weights, no trained zeros."""
    torch.manual_seed(0)
    network = UNet(UNetConfig(widths=widths, blocks=1, condition_channels=2 * widths[0]))
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    return EDMDenoiser(network.eval().requires_grad_(False))


def pooling_matrix(side: int, factor: int) -> Tensor:
    """A of Eq. 8 as a dense matrix, (side/factor)^2 x side^2, for one channel in row-major order."""
    small = side // factor
    matrix = torch.zeros(small * small, side * side, dtype=torch.float64)
    for row in range(side):
        for column in range(side):
            matrix[(row // factor) * small + column // factor, row * side + column] = factor**-2
    return matrix
