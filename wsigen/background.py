"""Empty glass need not be asked for: patches whose guide is background all round are not shown to the network.

Where all data is one value b, the denoiser's answer is b, and the path of a pixel is a straight line

    x(sigma) = b + (sigma / sigma_0) (x_0 - b)

that every solver follows exactly: noise that fades into background. So what is skipped stays at the noise level of its
neighbours, whose patches reach into it a step later.
"""

import torch
from jaxtyping import Bool
from torch import Tensor

from wsigen.arrays import Denoiser, Guides, Images

# The largest distance from the background that is still empty glass, in values of -1 to 1: 8 grey levels of 255.
TOLERANCE = 8 / 127.5

Skipped = Bool[Tensor, " batch"]


def is_background(guides: Guides, background: float) -> Skipped:
    """Which guides, seen with their surroundings, hold nothing but background."""
    return ((guides - background).abs() <= TOLERANCE).flatten(1).all(1)


def sparing(denoiser: Denoiser, skipped: Skipped, background: float) -> Denoiser:
    """Wrap a denoiser: it answers ``background`` for skipped images without being asked."""
    kept = (~skipped).nonzero().flatten()  # here, since a GPU is waited for to say how many

    def estimate(x: Images, sigma: Tensor | float, mpp: Tensor | float) -> Images:
        u = torch.full_like(x, background)
        if len(kept) > 0:
            u[kept] = denoiser(x[kept], sigma, mpp)
        return u

    return estimate
