"""Empty glass need not be asked for: patches whose guide is background are not shown to the network.

There the guide's tone is answer enough. It is the same at all noise levels, so that the path of a pixel is a straight
line

    x(sigma) = b + (sigma / sigma_0) (x_0 - b)

that every solver follows exactly: noise that fades into glass. So what is skipped stays at the noise level of its
neighbours, whose patches reach into it a step later, and has the tone of the glass round it.

Generated glass is not one value: its pixels have noise and specks. So a guide y is taken for empty by its means over
small squares, which see faint tissue where a pixel does not, and by a wider bound for single pixels, which keeps lone
cells and thin strands:

    |mean of y over a square - b| <= TOLERANCE  for all squares,    |y - b| <= PIXEL_TOLERANCE  for all pixels

Of real sections at 22 um/px no window of tissue was taken for glass, and of windows with a little tissue less than one
in a hundred; of those of glass, whose dust and halos generated glass has not, two thirds were found.
"""

import torch
from jaxtyping import Bool
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, avg_pool2d, interpolate

from wsigen.arrays import Denoiser, Guides, Images
from wsigen.pixels import GREY

# The largest distances from the background that are still empty glass, in values of -1 to 1: 8 grey levels of 255 for
# a mean over a square, 32 for a pixel.
TOLERANCE = 8 / GREY
PIXEL_TOLERANCE = 32 / GREY
SQUARE_PX = 8  # side of the squares, in pixels of the guide; they overlap by half

Skipped = Bool[Tensor, " batch"]


def is_background(guides: Guides, background: float) -> Skipped:
    """Which guides, seen with their surroundings, hold nothing but background."""
    off = guides.float() - background
    side = min(SQUARE_PX, *off.shape[-2:])
    means = avg_pool2d(off, side, stride=max(side // 2, 1), ceil_mode=True)
    of_means, of_pixels = (values.abs().flatten(1).amax(1) for values in (means, off))
    return (of_means <= TOLERANCE) & (of_pixels <= PIXEL_TOLERANCE)


def tone(guides: Guides, factor: int) -> Images:
    """Guides of empty glass at ``factor`` times their size: means over squares, without the specks between them."""
    height, width = guides.shape[-2:]
    squares = (max(height // SQUARE_PX, 1), max(width // SQUARE_PX, 1))
    means = adaptive_avg_pool2d(guides, squares)
    return interpolate(means, size=(factor * height, factor * width), mode="bilinear")


def sparing(denoiser: Denoiser, skipped: Skipped, glass: Images) -> Denoiser:
    """Wrap a denoiser: for skipped images it answers ``glass``, an image for each of them, without being asked."""
    kept = (~skipped).nonzero().flatten()  # here, since a GPU is waited for to say how many

    def estimate(x: Images, sigma: Tensor | float, mpp: Tensor | float) -> Images:
        u = torch.empty_like(x)
        u[skipped] = glass.to(x.dtype)
        if len(kept) > 0:
            u[kept] = denoiser(x[kept], sigma, mpp)
        return u

    return estimate
