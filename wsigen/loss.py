"""Eq. 7: denoising score matching, weighted so that every noise level matters alike."""

from torch import Tensor

from wsigen.arrays import Denoiser, Images, PerImage


def loss_weight(sigma: PerImage, sigma_data: float) -> PerImage:
    """(sigma^2 + sigma_data^2) / (sigma sigma_data)^2, which makes the loss of an untrained F about 1."""
    return (sigma**2 + sigma_data**2) / (sigma * sigma_data) ** 2


def denoising_loss(
    denoiser: Denoiser,
    clean: Images,
    noise: Images,
    sigma: PerImage,
    mpp: PerImage,
    sigma_data: float = 0.5,
) -> PerImage:
    """The weighted squared error of each image, shape (batch,), mean over pixels (Eq. 7).

    Args:
        denoiser: D of Eq. 6.
        clean: images in [-1, 1].
        noise: standard normal, of the same shape.
        sigma: noise levels, shape (batch,).
        mpp: micrometres per pixel, shape (batch,).
        sigma_data: standard deviation of the images.
    """
    noisy = clean + sigma[:, None, None, None] * noise
    error: Tensor = (denoiser(noisy, sigma, mpp) - clean).square().mean(dim=(1, 2, 3))
    return loss_weight(sigma, sigma_data) * error
