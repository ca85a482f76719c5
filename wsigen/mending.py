"""What a trained network's estimates have that a slide has not, and is taken from them at the end of a stage.

A mesh: a pattern of two pixels, of the network's unfolding. Grain and lines on glass, which is the same everywhere: a
scanner's noise there is half a grey level. Teal: what is bluer than haematoxylin, the bluer of the two dyes.

And grain in colour: stain tints structures, and scanners keep chroma at half the resolution, so that what changes from
one pixel of a slide to the next is brightness. At 1.4 um/px crops of real slides change a tenth as much in chroma as in
luma, those of a student left as it is a fifth as much (``chroma_share`` in results/classroom/sections_grain.json). At
coarser scales, where a slide is reduced, chroma is as fine as luma again, and stays.
"""

import torch
from torch import Tensor
from torch.nn import functional

from wsigen.arrays import Denoiser, Images

MESH = 8  # 2 x 2 squares along a side over which a pattern that repeats is a mesh
SOFT_BELOW = 4.0  # um/px
GLASS = 0.8  # 230 grey levels; what is brighter in all colours is glass
FROM_TISSUE = 4  # pixels; glass nearer to what is none stays as it is, since a blur would see it
LIGHT = 0.96  # of white: what glass lets through
DARK = 1 / 255  # what counts as the least light
BLUEST = (1.1, 0.55)  # least absorption of green and blue, where that of red is 1
LUMA = (0.299, 0.587, 0.114)  # of red, green and blue, as JPEG has it (ITU-R BT.601)


def mended(denoiser: Denoiser) -> Denoiser:
    """Wrap a denoiser: its estimates have no mesh, no lines on glass, no teal and no grain in colour."""

    def estimate(x: Images, sigma: Tensor | float, mpp: Tensor | float) -> Images:
        u = denoiser(x, sigma, mpp)
        return softly_coloured(stained(clear(unmeshed(u))), mpp)

    return estimate


def clear(u: Images) -> Images:
    """An estimate whose glass is blurred, and the rest as it is.

    u + w (B B B B u - u)         w: 1 on glass, 0 near what is none, blurred between,  B: :func:`binomial`

    Nothing dark is blurred into glass: at each stage it would grow.
    """
    bright = (u.amin(1, keepdim=True) > GLASS).to(u.dtype)
    inside = -functional.max_pool2d(-bright, 2 * FROM_TISSUE + 1, 1, FROM_TISSUE)
    w = inside * binomial(binomial(inside))
    return u + w * (binomial(binomial(binomial(binomial(u)))) - u)


def stained(u: Images) -> Images:
    """An estimate in which nothing is bluer than haematoxylin: what absorbs red absorbs green and blue as well.

        min(v, (v_red / w)^k)       for green and blue; v: light, 0 to 1,  w: ``LIGHT``,  k: ``BLUEST``

    Absorption is the logarithm of light (Beer and Lambert). Nine in ten training cases have less than a hundredth of
    their dark pixels below k, while those of one scanner have half of theirs there, and a student that has seen them
    gives such nuclei to tissue of any stain.
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
