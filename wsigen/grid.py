"""Windows and shifted grids: the geometry of grid-shift (Fig. 4), whole numbers only.

At every step the canvas is cut into patches along a grid that starts at a newly drawn corner. No
place stays at a patch border for long, so no border leaves a seam.
"""

from typing import NamedTuple

import numpy as np


class Window(NamedTuple):
    """A rectangle, in pixels of one canvas; it may reach outside."""

    top: int
    left: int
    height: int
    width: int

    def reduced(self, factor: int) -> "Window":
        """The same rectangle on a canvas ``factor`` times coarser."""
        return Window(*(value // factor for value in self))

    def inside(self, height: int, width: int) -> bool:
        """Whether it lies within a canvas of this size."""
        return (
            self.top >= 0
            and self.left >= 0
            and self.top + self.height <= height
            and self.left + self.width <= width
        )


def draw_shift(stream: np.random.Generator, patch_px: int, factor: int) -> tuple[int, int]:
    """Draw where the grid starts: whole guide pixels, multiples of ``factor`` in [0, patch_px)."""
    down, right = stream.integers(patch_px // factor, size=2) * factor
    return int(down), int(right)


def shifted_grid(
    height: int, width: int, patch_px: int, shift: tuple[int, int] = (0, 0), boundary: str = "pad"
) -> list[Window]:
    """Cut a canvas into patches along a grid with a corner at ``shift``; each pixel is in exactly one.

    Args:
        height, width: of the canvas; whole numbers of patches if ``boundary`` is "wrap".
        patch_px: side of a patch.
        shift: rows and columns, each in [0, patch_px).
        boundary: "pad": patches reach over the edge, n + 1 to a row. "wrap": what leaves at one edge enters at
            the other, n to a row.
    """
    return [
        Window(top, left, patch_px, patch_px)
        for top in _starts(height, patch_px, shift[0], boundary)
        for left in _starts(width, patch_px, shift[1], boundary)
    ]


def _starts(length: int, patch_px: int, shift: int, boundary: str) -> range:
    if boundary == "wrap":
        return range(shift, shift + length, patch_px)
    return range(shift - patch_px if shift else 0, length, patch_px)
