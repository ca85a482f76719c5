"""How much fine structure an image has: what a guide k times coarser could not have told.

    detail      mean spectral power at frequencies above the guide's Nyquist, 1 / (2 k) cycles per pixel along either
                axis, under a Hann window; in squared grey levels. Its ratio to that of real tissue is 1 where textures
                are as rich, below where they are blurred, above where they are noisy
    sharpness   mean length of the gradient, in grey levels per pixel
    chroma share  how much changes from pixel to pixel in chroma, over what does in luma: stain tints structures, and
                what is finer than them is grain

Images are (height, width, 3), 0 to 255.
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from wsigen.mending import binomial, luma

Image = NDArray[np.floating[Any]] | NDArray[np.uint8]


def detail(image: Image, factor: int = 2) -> float:
    """Power above the Nyquist frequency of a guide ``factor`` times coarser, in squared grey levels."""
    pixels = np.asarray(image, np.float64)
    height, width = pixels.shape[:2]
    window = np.outer(np.hanning(height), np.hanning(width))
    window /= np.sqrt((window**2).mean())
    waves = np.fft.fft2((pixels - pixels.mean((0, 1))) * window[..., None], axes=(0, 1))
    down, right = np.abs(np.fft.fftfreq(height))[:, None], np.abs(np.fft.fftfreq(width))
    fine = np.maximum(down, right) > 0.5 / factor
    return float((np.abs(waves[fine]) ** 2).sum() / (3 * (height * width) ** 2))


def sharpness(image: Image) -> float:
    """Mean length of the gradient of the grey image, in grey levels per pixel."""
    grey = np.asarray(image, np.float64).mean(2)
    down, right = np.diff(grey, axis=0)[:, :-1], np.diff(grey, axis=1)[:-1]
    return float(np.hypot(down, right).mean())


def chroma_share(images: NDArray[np.uint8]) -> float:
    """Root mean square of what images (n, height, width, 3) lose to a blur of one pixel, in chroma over luma."""
    pixels = torch.from_numpy(np.moveaxis(images, -1, 1).astype(np.float64))
    brightness = luma(pixels)
    chroma, light = (part - binomial(part) for part in (pixels - brightness, brightness))
    return float((chroma.square().mean() / light.square().mean()).sqrt())
