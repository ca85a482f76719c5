"""Haematoxylin and eosin as concentrations, and their variation from laboratory to laboratory.

Light is absorbed by each stain in proportion to its concentration (Beer-Lambert):

    -ln(pixel / white) = concentrations @ STAINS

with one row of STAINS for each stain (Ruifrok and Johnston 2001). Scaling a concentration leaves empty glass alone.
"""

import numpy as np
from numpy.typing import NDArray

from wsigen.slides.tissue import BACKGROUND

# haematoxylin, eosin and what neither explains: absorbance of red, green and blue
STAINS = np.array([[0.65, 0.70, 0.29], [0.07, 0.99, 0.11], [0.27, 0.57, 0.78]])
STAINS /= np.linalg.norm(STAINS, axis=1, keepdims=True)


def concentrations(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Amounts of haematoxylin, eosin and rest in each pixel, shape (..., 3), for colours 0 to 255; 0 on empty glass."""
    absorbance = -np.log(np.maximum(pixels, 1) / BACKGROUND)
    return np.asarray(absorbance @ np.linalg.inv(STAINS))


def stained(amounts: NDArray[np.float64]) -> NDArray[np.uint8]:
    """The inverse of :func:`concentrations`: colours, shape (..., 3)."""
    colours = BACKGROUND * np.exp(-(amounts @ STAINS))
    return np.clip(colours + 0.5, 0, 255).astype(np.uint8)


def jitter_stains(
    pixels: NDArray[np.uint8], strength: float, stream: np.random.Generator
) -> NDArray[np.uint8]:
    """Stain a patch, (height, width, 3), a little more or less: each amount times exp(strength n), n ~ N(0, 1)."""
    return stained(concentrations(pixels) * np.exp(strength * stream.standard_normal(3)))
