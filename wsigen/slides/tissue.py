"""Find tissue, and the white of the background, on an overview.

scipy and scikit-image are imported where they look: training from a pack, whose tissue is known, needs neither.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BACKGROUND = 245  # the grey that the background of every slide is brought to
ENOUGH_BACKGROUND = 0.05  # of an overview; with less there is no white to be seen


@dataclass(frozen=True)
class Tissue:
    """Where a slide shows tissue, on an overview of ``mpp``, and the colour of its empty glass, if it has any."""

    mask: NDArray[np.bool_]
    mpp: float
    white: NDArray[np.float32] | None


def white_point(overview: NDArray[np.uint8]) -> NDArray[np.float32] | None:
    """Return the colour of the empty slide, shape (3,), in 0..255, or None where there is no empty slide.

    It is the median of the bright, flat and nearly grey pixels. A camera image that is all tissue has
    too few of them to say.
    """
    from scipy import ndimage

    smooth = ndimage.uniform_filter(overview, size=(3, 3, 1))
    brightness = smooth.mean(axis=2)
    flat = ndimage.maximum_filter(brightness, 5) - ndimage.minimum_filter(brightness, 5) < 12
    flat &= (brightness > 160) & (np.ptp(smooth, axis=2) < 24)
    if flat.mean() < ENOUGH_BACKGROUND:
        return None
    return np.asarray(np.median(smooth[flat], axis=0), np.float32)


def whiten(pixels: NDArray[np.uint8], white: NDArray[np.float32] | None) -> NDArray[np.uint8]:
    """Scale colours, shape (..., 3), so that ``white`` becomes ``BACKGROUND`` grey; None leaves them."""
    if white is None:
        return pixels
    return np.minimum(pixels * (BACKGROUND / white) + 0.5, 255).astype(np.uint8)


def tissue_mask(overview: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return where an overview, uint8 (height, width, 3), shows tissue, shape (height, width).

    Tissue is darker than the slide's own white: optical density against ``white_point``, thresholded by Otsu
    within bounds, cleaned of specks and with small holes (lumina, fat) filled. Ink, frames and pen marks pass.
    """
    from skimage import filters, morphology

    white = white_point(overview)
    white = np.full(3, BACKGROUND, np.float32) if white is None else white
    density = -np.log10(np.clip(overview, 1, None) / white).mean(axis=2)
    density = filters.gaussian(np.clip(density, 0, 1.5), 1.5)
    threshold = float(np.clip(filters.threshold_otsu(density), 0.03, 0.06))
    mask = density > threshold
    speck = max(16, mask.size // 2000)
    mask = morphology.remove_small_objects(mask, max_size=speck)
    return np.asarray(morphology.remove_small_holes(mask, max_size=speck), np.bool_)
