"""What a trained network's estimates have that a slide has not, and is taken from them at the end of a stage.

A mesh: a pattern of two or four pixels, of the network's unfolding. Teal: what is bluer than haematoxylin, the bluer of
the two dyes.

And grain in colour: stain tints structures, and scanners keep chroma at half the resolution, so that what changes from
one pixel of a slide to the next is brightness. At 1.4 um/px crops of real slides change a tenth as much in chroma as in
luma, those of a student left as it is a fifth as much (``chroma_share`` in results/classroom/sections_grain.json). At
coarser scales, where a slide is reduced, chroma is as fine as luma again, and stays.
"""

import torch
from torch import Tensor
from torch.nn import functional

from wsigen.arrays import Denoiser, Images

PERIOD = 4  # pixels; of a mesh
MESH = 8  # squares of these along a side over which a pattern that repeats is a mesh
QUIET = 0.05  # of the images' range of 2: what tissue has more of than a mesh
AROUND = 5  # pixels
SOFT_BELOW = 4.0  # um/px
LIGHT = 0.96  # of white: what glass lets through
DARK = 1 / 255  # what counts as the least light
BLUEST = (1.25, 0.7)  # least absorption of green and blue, where that of red is 1
LUMA = (0.299, 0.587, 0.114)  # of red, green and blue, as JPEG has it (ITU-R BT.601)


def mended(denoiser: Denoiser) -> Denoiser:
    """Wrap a denoiser: its estimates have no mesh, no teal and no grain in colour."""

    def estimate(x: Images, sigma: Tensor | float, mpp: Tensor | float) -> Images:
        u = denoiser(x, sigma, mpp)
        return softly_coloured(stained(unmeshed(u)), mpp)

    return estimate


def stained(u: Images) -> Images:
    """An estimate in which nothing is bluer than haematoxylin: what absorbs red absorbs green and blue as well.

        min(v, (v_red / w)^k)       for green and blue; v: light, 0 to 1,  w: ``LIGHT``,  k: ``BLUEST``

    Absorption is the logarithm of light (Beer and Lambert). Half of the training cases have one in seventy of their
    darker pixels beyond k or less, nine in ten about a tenth or less, and six half or more: a student that has seen
    these gives such nuclei to tissue of any stain.
    """
    red, others = (u[:, :1] + 1) / 2, u[:, 1:]
    most = torch.cat([(red.clamp(min=DARK) / LIGHT) ** k for k in BLUEST], dim=1)
    return torch.cat([u[:, :1], torch.minimum(others, 2 * most - 1)], dim=1)


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
    """An estimate without mesh, without what repeats every ``PERIOD`` pixels.

        u - (m - mean of m)         m = E M (w H u) / E M w,  H: see :func:`repeated`,  w: see :func:`quiet`

    M: each place's mean over all squares of ``PERIOD`` within a larger one; the mean of m is over its places; E:
    interpolation between the larger squares' centres. A network that unfolds its pixels from channels, and halves its
    maps beyond (`wsigen.networks.unet`), can be off by a number of its own for each pixel of such a square. Tissue
    repeats nothing; but its means are nothing only in the long run, so quiet places count most.
    """
    away = repeated(u)
    if not away.numel():
        return u
    w, squares = quiet(away), (-(-u.shape[-2] // PERIOD), -(-u.shape[-1] // PERIOD))
    mesh = place_by_place(w * away, squares) / place_by_place(w, squares)
    mesh = functional.pixel_shuffle((mesh - mesh.mean(2, keepdim=True)).flatten(1, 2), PERIOD)
    return u - mesh[..., : u.shape[-2], : u.shape[-1]]


def place_by_place(image: Tensor, squares: tuple[int, int]) -> Tensor:
    """E M of an image: for each place in a square of ``PERIOD``, shape (batch, channels, ``PERIOD`` ** 2, *squares)."""
    places = functional.pixel_unshuffle(image, PERIOD)
    means = functional.adaptive_avg_pool2d(places, (-(-squares[0] // MESH), -(-squares[1] // MESH)))
    enlarged = functional.interpolate(means, size=squares, mode="bilinear")
    return enlarged.unflatten(1, (-1, PERIOD**2))


def quiet(away: Tensor) -> Tensor:
    """How little there is to see at a place, 1 where there is nothing, shape (batch, 1, height, width)."""
    power = away.square().mean(1, keepdim=True)
    around = functional.avg_pool2d(power, AROUND, 1, AROUND // 2, count_include_pad=False)
    return 1 / (1 + (around / QUIET**2).square())


def repeated(image: Images) -> Tensor:
    """What of an image can repeat every ``PERIOD`` pixels: it less its mean over as many, which keeps slopes.

    Of whole squares of ``PERIOD``, without those along the border, where a mean sees too little.
    """
    wider = functional.pad(image, (PERIOD // 2,) * 4, mode="replicate")
    mean = functional.avg_pool2d(functional.avg_pool2d(wider, 2, 1), PERIOD, 1)
    height, width = (max(0, side // PERIOD - 2) * PERIOD for side in image.shape[-2:])
    return (image - mean)[..., PERIOD : PERIOD + height, PERIOD : PERIOD + width]


def binomial(image: Images) -> Images:
    """The image under a filter of (1, 2, 1) / 4 along each axis; its border is repeated."""
    wider = functional.pad(image, (1, 1, 1, 1), mode="replicate")
    across = wider[..., :-2] / 4 + wider[..., 1:-1] / 2 + wider[..., 2:] / 4
    return across[..., :-2, :] / 4 + across[..., 1:-1, :] / 2 + across[..., 2:, :] / 4
