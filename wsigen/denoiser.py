"""Eq. 6: precondition a network F into a denoiser D.

    D(x; sigma, s) = c_skip x + c_out F(c_in x; c_noise, s)

so that F always sees inputs and is asked for outputs of variance one (Karras et al. 2022, Table 1).
"""

import contextlib
import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from wsigen.arrays import Images, PerImage
from wsigen.errors import WsigenError

Coefficients = tuple[Tensor, Tensor, Tensor, Tensor]


@dataclass(frozen=True)
class Told:
    """What a denoiser is told besides: a guide as an image of full size, how much noise it has, organ and style.

    Args:
        image: shape (batch, 3, height, width), with noise of level ``sigma``; see `wsigen.guidance.told`.
        sigma: sigma_g, a number or shape (batch,); at ``SIGMA_MAX`` the image says nothing and has to be zero.
        organ: number of the organ for each image, 0 for none, shape (batch,); None says nothing.
        style: of the tissue, shape (batch, length), see `wsigen.networks.styles`; None says nothing.
    """

    image: Images
    sigma: Tensor | float
    organ: Tensor | None = None
    style: Tensor | None = None


def preconditioning(sigma: Tensor, sigma_data: float) -> Coefficients:
    """Return c_skip, c_out, c_in and c_noise of Eq. 6, each of the shape of ``sigma``."""
    total = sigma**2 + sigma_data**2
    c_skip = sigma_data**2 / total
    c_out = sigma * sigma_data / total.sqrt()
    c_in = 1 / total.sqrt()
    c_noise = sigma.log() / 4
    return c_skip, c_out, c_in, c_noise


class EDMDenoiser(nn.Module):
    """A network as a denoiser, ``denoiser(x, sigma, mpp)``; see :class:`wsigen.arrays.Denoiser`.

    Args:
        network: F, called as ``network(x, c_noise, mpp)``.
        sigma_data: standard deviation of the images, in their range of -1 to 1.
        mpp_range: the scales the network knows, or None for any.
        half: run the network in bfloat16.
    """

    def __init__(
        self,
        network: nn.Module,
        sigma_data: float = 0.5,
        *,
        mpp_range: tuple[float, float] | None = None,
        half: bool = False,
    ) -> None:
        super().__init__()
        self.network = network
        self.sigma_data = sigma_data
        self.mpp_range = mpp_range
        self.half_precision = half

    def forward(
        self, x: Images, sigma: Tensor | float, mpp: Tensor | float, told: Told | None = None
    ) -> Images:
        """Return the expected clean images, shape and dtype of ``x``.

        Args:
            x: noisy images in [-1, 1] plus noise, shape (batch, 3, height, width).
            sigma: noise level above 0, a number or shape (batch,).
            mpp: micrometres per pixel, a number or shape (batch,).
            told: a guide and an organ, for a network that knows what to make of them; None for Eq. 6 alone.
        """
        levels, scales = per_image(sigma, x), per_image(mpp, x)
        c_skip, c_out, c_in, c_noise = (
            c[:, None, None, None] for c in preconditioning(levels, self.sigma_data)
        )
        more: tuple[Tensor | None, ...] = ()
        if told is not None:
            levels = per_image(told.sigma, x)
            _, _, c_in_guide, c_guide = preconditioning(levels, self.sigma_data)
            more = (c_in_guide[:, None, None, None] * told.image, c_guide, told.organ, told.style)
        with self._precision(x.device):
            output = self.network(c_in * x, c_noise.flatten(), scales, *more)
        return c_skip * x + c_out * output.to(x.dtype)

    @property
    def is_told(self) -> bool:
        """Whether the network knows what to make of a guide."""
        config = getattr(self.network, "config", None)
        return bool(getattr(config, "told", False))

    def _precision(self, device: torch.device) -> contextlib.AbstractContextManager[None]:
        if not self.half_precision:
            return contextlib.nullcontext()
        # every weight is used once, and threads would share what is kept
        return torch.autocast(device.type, torch.bfloat16, cache_enabled=False)

    def knows(self, mpp: float) -> bool:
        """Whether the network was trained on a scale."""
        low, high = self.mpp_range or (0.0, math.inf)
        return low * 0.999 <= mpp <= high * 1.001

    def check_mpp(self, *scales: float) -> None:
        """Raise where a scale lies outside what the network was trained on."""
        for mpp in scales:
            if self.mpp_range is not None and not self.knows(mpp):
                low, high = self.mpp_range
                raise WsigenError(
                    f"{mpp:g} um/px is outside the model's range of {low:g} to {high:g} um/px; "
                    "choose a scale within it, or train a model for it"
                )


def keep_as_multiplied(network: nn.Module) -> None:
    """Keep weights in bfloat16 where they are multiplied in it: else each call of the network casts them anew."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            layer.to(torch.bfloat16)


def per_image(value: Tensor | float, x: Images) -> PerImage:
    """Spread one number, or keep one per image, as a float tensor of shape (batch,)."""
    if isinstance(value, Tensor):
        return value.to(x.device, torch.float32).expand(x.shape[0])
    # filled on the device: a copy from the processor would make it wait for all that a GPU has yet to do
    return torch.full((x.shape[0],), value, device=x.device)
