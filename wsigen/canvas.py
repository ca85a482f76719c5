"""One large image, read and written in windows; it knows what lies beyond its edges."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from wsigen.arrays import Images
from wsigen.errors import WsigenError
from wsigen.grid import Window

Image = Float[Tensor, "3 height width"]
Outside = Callable[[Window], Image]


class Canvas:
    """An image of shape (3, height, width) under patches.

    Args:
        image: the pixels; written in place.
        boundary: "pad" asks ``outside`` what lies beyond the edge, "wrap" goes on at the other edge.
        outside: what a window shows where it leaves the canvas ("pad" only).
    """

    def __init__(self, image: Image, boundary: str, outside: Outside) -> None:
        if boundary not in ("pad", "wrap"):
            raise WsigenError(f"no boundary {boundary!r}; expected pad or wrap")
        self.image = image
        self.boundary = boundary
        self.outside = outside
        self.height, self.width = image.shape[1:]

    def read(self, windows: Sequence[Window]) -> Images:
        """Return windows of one size, shape (batch, 3, height, width)."""
        return torch.stack([self._read(window) for window in windows])

    def write(self, windows: Sequence[Window], patches: Images) -> None:
        """Put patches back; what lies beyond the edge is dropped or, with "wrap", goes round."""
        for window, patch in zip(windows, patches, strict=True):
            if self.boundary == "wrap":
                rows, columns = self._wrapped(window)
                self.image[:, rows[:, None], columns] = patch
            else:
                canvas_part, patch_part = self._overlap(window)
                self.image[canvas_part] = patch[patch_part]

    def _read(self, window: Window) -> Image:
        if window.inside(self.height, self.width):
            top, left, height, width = window
            return self.image[:, top : top + height, left : left + width]
        if self.boundary == "wrap":
            rows, columns = self._wrapped(window)
            return self.image[:, rows[:, None], columns]
        canvas_part, patch_part = self._overlap(window)
        patch = self.outside(window)
        patch[patch_part] = self.image[canvas_part]
        return patch

    def _wrapped(self, window: Window) -> tuple[Tensor, Tensor]:
        top, left, height, width = window
        return (
            torch.arange(top, top + height, device=self.image.device) % self.height,
            torch.arange(left, left + width, device=self.image.device) % self.width,
        )

    def _overlap(self, window: Window) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
        """Slices of the part of a window on the canvas, as the canvas and as the window see it."""
        top, bottom = max(window.top, 0), min(window.top + window.height, self.height)
        left, right = max(window.left, 0), min(window.left + window.width, self.width)
        every = slice(None)
        return (every, slice(top, bottom), slice(left, right)), (
            every,
            slice(top - window.top, bottom - window.top),
            slice(left - window.left, right - window.left),
        )


def strips(image: Image, height: int, width: int, rows: int = 256) -> Iterator[NDArray[np.uint8]]:
    """Yield an image in [-1, 1], cut to ``height`` x ``width``, as strips of uint8, (rows, width, 3)."""
    for top in range(0, height, rows):
        strip = image[:, top : min(top + rows, height), :width]
        bytes_ = ((strip.float() + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
        yield bytes_.permute(1, 2, 0).contiguous().cpu().numpy()
