"""The last step's patches fade into each other where they overlap, so that no border is left between them.

A patch looks at a margin beyond what is its own, and so do those beside it. In its nearer half, m pixels to either side
of a border, both have an estimate that saw enough round it. Each counts by a weight that falls off linearly,

    x = sum of w_p u_p,    w_p = product over both axes of (1/2, 3/2, ..., 2 m - 1/2) / 2 m at an end, else 1

Weights of all patches add up to 1 at every pixel. Sums are of whole numbers, so that patches may be added in any order,
by any number of workers: the bits are the same.
"""

from collections.abc import Sequence
from threading import Lock

import torch
from torch import Tensor

from wsigen.arrays import Images
from wsigen.grid import Window
from wsigen.runs.canvas import Canvas, Image

ONE = {torch.float16: 1 << 14, torch.float32: 1 << 24}  # what stands for 1, by a canvas's type
WHOLE = {torch.float16: torch.int16, torch.float32: torch.int32}
LOCK = Lock()  # patches that overlap are added by several threads


class Fading(Canvas):
    """A canvas to which patches and what lies round them are added; whole numbers take the place of its floats.

    Args:
        canvas: of the finished stage; its image is zero at first. Nothing goes round at its edges.
        margin: m, how far patches reach beyond what is their own, in pixels.
    """

    def __init__(self, canvas: Canvas, margin: int) -> None:
        plane, corner = (canvas.height, canvas.width), (canvas.top, canvas.left)
        super().__init__(
            canvas.image,
            canvas.boundary,
            canvas.outside,
            plane=plane,
            corner=corner,
            unit=canvas.unit,
        )
        self.margin = margin

    def clear(self) -> None:
        """Take away all that was added."""
        self.image.zero_()

    def stored(self, windows: Sequence[Window], patches: Images) -> Images:
        """What patches add, as the canvas keeps it: times their weights, whole numbers in place of the floats.

        Args:
            windows: what is the patches' own.
            patches: with what lies within ``margin`` of it.
        """
        dtype = self.image.dtype
        weights = torch.stack([self._weights(window) for window in windows])[:, None]
        parts = patches.float() * weights.to(patches.device)
        return (ONE[dtype] * parts).round_().to(WHOLE[dtype]).view(dtype)

    def put(self, windows: Sequence[Window], parts: Images) -> None:
        """Add what :meth:`stored` gave."""
        with LOCK:
            for window, part in zip(windows, parts, strict=True):
                there, here = self._overlap(window.grown(self.margin))
                self.lay(part[here], self.image[there])

    def lay(self, stored: Image, place: Image) -> None:
        """Add a part of a patch."""
        whole = WHOLE[stored.dtype]
        place.view(whole).add_(stored.view(whole))

    def value(self, stored: Image) -> Image:
        """The pixels that sums stand for, as exact as the canvas's type."""
        dtype = stored.dtype
        return (stored.view(WHOLE[dtype]).float() / ONE[dtype]).to(dtype).float()

    def _weights(self, window: Window) -> Tensor:
        """The weights of a patch, (height, width): none fades where there is no other, at the plane's edge."""
        rows = ramp(window.height, self.margin, window.top > 0, window.bottom < self.height)
        columns = ramp(window.width, self.margin, window.left > 0, window.right < self.width)
        return rows[:, None] * columns


def ramp(side: int, margin: int, before: bool, after: bool) -> Tensor:
    """Weights along one axis of a patch of ``side`` and its margins, fading at the ends where others lie beyond."""
    weights = torch.ones(side + 2 * margin)
    rising = (torch.arange(2 * margin) + 0.5) / (2 * margin)
    if before:
        weights[: 2 * margin] *= rising
    if after:
        weights[side:] *= rising.flip(0)
    return weights
