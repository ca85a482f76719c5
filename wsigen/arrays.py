"""Shape names shared by the whole method, and the one protocol everything is written against.

Shapes are jaxtyping annotations: read by people everywhere, checked by the test suite only.
Images are float tensors with values in [-1, 1]; a noisy image at noise level sigma is ``image + sigma * noise``.
"""

from typing import Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor

Images = Float[Tensor, "batch 3 height width"]
Guides = Float[Tensor, "batch 3 guide_height guide_width"]
PerImage = Float[Tensor, " batch"]
Levels = Float[Tensor, " levels"]


@runtime_checkable
class Denoiser(Protocol):
    """Anything that estimates the clean images from noisy ones."""

    def __call__(self, x: Images, sigma: Tensor | float, mpp: Tensor | float) -> Images:
        """Return the expected clean images.

        Args:
            x: noisy images, shape (batch, 3, height, width).
            sigma: noise level(s), one number or one per image.
            mpp: micrometres per pixel, one number or one per image.
        """
        ...
