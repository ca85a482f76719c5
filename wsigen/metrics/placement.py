"""Does a place look the same in two patches that contain it?

A denoiser sees a patch only. Where its answer at a place depends on where the patch lies, neighbouring patches differ,
and their border shows. The gap is the difference between the answers of two patches, one shifted against the other,
where both see the same noisy pixels; and its part that is constant over the patch, which shows as tiles of different
shade (Buglakova et al. 2025).
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from wsigen.arrays import Denoiser
from wsigen.errors import WsigenError


@dataclass(frozen=True)
class PlacementGap:
    """Root mean square differences, in the range of images (-1 to 1): of pixels, and of the means of whole overlaps."""

    pixels: float
    shade: float


def placement_gap(
    denoiser: Denoiser,
    noisy: Tensor,
    sigma: float,
    mpp: float,
    *,
    patch_px: int,
    margin: int = 8,
) -> PlacementGap:
    """Denoise the same places in two patches, the second shifted down and right as far as there is room.

    Args:
        denoiser: D of Eq. 6.
        noisy: images larger than a patch, shape (batch, 3, side, side), at noise level ``sigma``.
        sigma, mpp: noise level and micrometres per pixel of all of them.
        patch_px: side of the patches.
        margin: pixels along the overlap's border that are not compared: there, one patch sees less than the other.

    Raises:
        WsigenError: images too small to shift a patch, or so large that nothing overlaps.
    """
    shift = noisy.shape[-1] - patch_px
    overlap = patch_px - shift - 2 * margin
    if not (shift > 0 and overlap > 0):
        raise WsigenError(
            f"images of {noisy.shape[-1]} px and patches of {patch_px} px; expected a side above {patch_px} and "
            f"below {2 * (patch_px - margin)}, so that two patches overlap in more than their margins"
        )
    with torch.no_grad():
        first = denoiser(noisy[..., :patch_px, :patch_px], sigma, mpp)
        second = denoiser(noisy[..., shift:, shift:], sigma, mpp)
    inner = slice(shift + margin, patch_px - margin)
    seen = slice(margin, patch_px - shift - margin)
    difference = first[..., inner, inner] - second[..., seen, seen]
    return PlacementGap(_rms(difference), _rms(difference.mean(dim=(-2, -1))))


def _rms(values: Tensor) -> float:
    return float(values.square().mean().sqrt())
