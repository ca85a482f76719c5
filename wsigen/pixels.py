"""Images in [-1, 1], and the bytes in which they are shown and kept."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

GREY = 127.5  # grey levels to one of an image


def to_images(pixels: NDArray[np.uint8]) -> Tensor:
    """Pixels, uint8 (..., height, width, 3), as images (..., 3, height, width) in [-1, 1]."""
    return in_range(torch.from_numpy(np.array(pixels)).movedim(-1, -3))


def in_range(pixels: Tensor) -> Tensor:
    """Grey levels, uint8 of any shape, as numbers in [-1, 1]."""
    return pixels.float() / GREY - 1


def to_pixels(images: Tensor) -> NDArray[np.uint8]:
    """Images (..., 3, height, width) in [-1, 1] as the nearest pixels, uint8 (..., height, width, 3)."""
    grey = ((images.float() + 1) * GREY).round().clamp(0, 255).to(torch.uint8)
    return grey.movedim(-3, -1).contiguous().cpu().numpy()
