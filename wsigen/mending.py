"""What a trained network's estimates have that tissue has not, and is taken from them at the end of a stage.

A mesh: a pattern of two pixels, of the network's unfolding. And grain in colour: stain tints structures, and scanners
keep chroma at half the resolution, so that what changes from one pixel of a slide to the next is brightness. At
1.4 um/px crops of real slides change a tenth as much in chroma as in luma, those of a student left as it is a fifth
as much (``chroma_share`` in results/classroom/sections_grain.json). At coarser scales, where a slide is reduced, chroma
is as fine as luma again, and stays.
"""

import torch
from torch import Tensor
from torch.nn import functional

from wsigen.arrays import Denoiser, Images

MESH = 8  # 2 x 2 squares along a side over which a pattern that repeats is a mesh
SOFT_BELOW = 4.0  # um/px
LUMA = (0.299, 0.587, 0.114)  # of red, green and blue, as JPEG has it (ITU-R BT.601)


def mended(denoiser: Denoiser) -> Denoiser:
    """Wrap a denoiser: its estimates have neither mesh nor grain in colour."""

    def estimate(x: Images, sigma: Tensor | float, mpp: Tensor | float) -> Images:
        u = denoiser(x, sigma, mpp)
        return softly_coloured(unmeshed(u), mpp)

    return estimate


def softly_coloured(u: Images, mpp: Tensor | float) -> Images:
    """An estimate with its chroma blurred, at scales finer than ``SOFT_BELOW``.

    Y + B B (u - Y)         Y: luma of u,  B: :func:`binomial`

    Args:
        u: shape (batch, 3, height, width).
        mpp: micrometres per pixel, a number or shape (batch,).
    """
    y = luma(u)
    fine = torch.as_tensor(mpp, device=u.device).reshape(-1, 1, 1, 1) < SOFT_BELOW
    return torch.where(fine, y + binomial(binomial(u - y)), u)


def luma(image: Images) -> Tensor:
    """Y, the brightness of an image (batch, 3, height, width), shape (batch, 1, height, width)."""
    weights = torch.tensor(LUMA, device=image.device, dtype=image.dtype)[:, None, None]
    return (weights * image).sum(1, keepdim=True)


def unmeshed(u: Images) -> Images:
    """An estimate without mesh, without a pattern that repeats from one 2 x 2 square to the next.

        u - E M (H u)        H: see :func:`alternation`

    M: each of the four pixels' mean over all 2 x 2 squares of a larger one, less the mean of the four; E: interpolation
    between the larger squares' centres. A network that unfolds its pixels from channels (`wsigen.networks.unet`) can be
    off by a sign of their own for the four. Tissue repeats nothing every other pixel.
    """
    height, width = u.shape[-2] // 2, u.shape[-1] // 2
    four = functional.pixel_unshuffle(alternation(u), 2).unflatten(1, (-1, 4))
    mesh = (four - four.mean(2, keepdim=True)).flatten(1, 2)
    mesh = functional.adaptive_avg_pool2d(mesh, (-(-height // MESH), -(-width // MESH)))
    mesh = functional.interpolate(mesh, size=(height, width), mode="bilinear")
    return u - functional.pixel_shuffle(mesh, 2)


def alternation(image: Images) -> Tensor:
    """What of an image alternates from pixel to pixel: it less its blur, which keeps slopes.

    Without the two pixels along its border, where a blur sees too little.
    """
    return (image - binomial(image))[..., 2:-2, 2:-2]


def binomial(image: Images) -> Images:
    """The image under a filter of (1, 2, 1) / 4 along each axis; its border is repeated."""
    wider = functional.pad(image, (1, 1, 1, 1), mode="replicate")
    across = wider[..., :-2] / 4 + wider[..., 1:-1] / 2 + wider[..., 2:] / 4
    return across[..., :-2, :] / 4 + across[..., 1:-1, :] / 2 + across[..., 2:, :] / 4
