"""One large image, read and written in windows; it knows what lies beyond its edges."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from wsigen.arrays import Images
from wsigen.errors import WsigenError
from wsigen.grid import Window, side_by_side
from wsigen.pixels import GREY

Image = Float[Tensor, "3 height width"]
Cut = Float[Tensor, "number 3 height part"]
Outside = Callable[[Window], Image]
Slices = tuple[slice, slice, slice]

STRIP_PIXELS = 1 << 22


class Canvas:
    """An image, or a part of one, under patches.

    Args:
        image: the pixels, shape (3, height, width), in float32 or in half precision; written in place.
        boundary: "pad" asks ``outside`` what lies beyond the edge, "wrap" goes on at the other edge.
        outside: what a window shows where it leaves the plane ("pad" only).
        plane: height and width of the whole, where ``image`` is a part of it.
        corner: row and column of the plane at which ``image`` starts.
        unit: what a stored 1 stands for.
    """

    def __init__(
        self,
        image: Image,
        boundary: str,
        outside: Outside,
        *,
        plane: tuple[int, int] | None = None,
        corner: tuple[int, int] = (0, 0),
        unit: float = 1.0,
    ) -> None:
        if boundary not in ("pad", "wrap"):
            raise WsigenError(f"no boundary {boundary!r}; expected pad or wrap")
        self.image = image
        self.boundary = boundary
        self.outside = outside
        self.height, self.width = plane or (image.shape[1], image.shape[2])
        self.top, self.left = corner
        self.unit = unit

    margin = 0  # pixels beyond what is its own to which a patch adds

    def read(self, windows: Sequence[Window]) -> Images:
        """Return windows of one size, float32, shape (batch, 3, height, width)."""
        _, _, height, width = windows[0]
        patches = torch.empty(len(windows), 3, height, width, device=self.image.device)
        first = 0
        for wide, number in self._side_by_side(windows, overlapping=True):
            part = patches[first : first + number]
            first += number
            if self.boundary == "wrap":
                rows, columns = self._wrapped(wide)
                part[:] = cut(self.image[:, rows[:, None], columns], number, width)
            elif wide.inside(self.height, self.width):
                part[:] = cut(self.image[wide.slices(self.top, self.left)], number, width)
            else:
                (patch,) = part
                patch[:] = self.outside(wide)
                canvas_part, patch_part = self._overlap(wide)
                part = patch[patch_part]
                part[:] = self.image[canvas_part]
            if self.unit != 1:
                part *= self.unit
        return patches

    def write(self, windows: Sequence[Window], patches: Images) -> None:
        """Put patches back; what lies beyond the edge is dropped or, with "wrap", goes round."""
        self.put(windows, self.stored(windows, patches))

    def stored(self, windows: Sequence[Window], patches: Images) -> Images:
        """Patches as the canvas keeps them."""
        return (patches if self.unit == 1 else patches / self.unit).to(self.image.dtype)

    def value(self, stored: Image) -> Image:
        """What pixels as the canvas keeps them stand for, in float32."""
        return stored.float() * self.unit

    def lay(self, stored: Image, place: Image) -> None:
        """Put a part of a patch, as the canvas keeps it, into a place of its size."""
        place[:] = stored

    def put(self, windows: Sequence[Window], patches: Images) -> None:
        """Put back what :meth:`stored` gave."""
        first = 0
        for wide, number in self._side_by_side(windows):
            part = patches[first : first + number]
            first += number
            if self.boundary == "wrap":
                rows, columns = self._wrapped(wide)
                joined = part.permute(1, 2, 0, 3).flatten(2)
                self.image[:, rows[:, None], columns] = joined
            elif wide.inside(self.height, self.width):
                place = self.image[wide.slices(self.top, self.left)]
                cut(place, number, wide.width // number)[:] = part
            else:
                canvas_part, patch_part = self._overlap(wide)
                self.image[canvas_part] = part[0][patch_part]

    def _side_by_side(
        self, windows: Sequence[Window], *, overlapping: bool = False
    ) -> Iterator[tuple[Window, int]]:
        """The windows joined; with "pad" those that leave the plane are left alone, since each is a case of its own."""
        if self.boundary == "wrap":
            return side_by_side(windows, overlapping=overlapping)
        return side_by_side(
            windows,
            lambda window: window.inside(self.height, self.width),
            overlapping=overlapping,
        )

    def _wrapped(self, window: Window) -> tuple[Tensor, Tensor]:
        top, left = window.top - self.top, window.left - self.left
        return (
            torch.arange(top, top + window.height, device=self.image.device) % self.height,
            torch.arange(left, left + window.width, device=self.image.device) % self.width,
        )

    def _overlap(self, window: Window) -> tuple[Slices, Slices]:
        """Slices of the part of a window on the plane, as the image and as the window see it."""
        inside = window.clipped(self.height, self.width)
        return inside.slices(self.top, self.left), inside.slices(window.top, window.left)


def cut(image: Image, number: int, width: int) -> Cut:
    """Cut an image into ``number`` patches that follow each other, a view of shape (number, 3, height, width)."""
    pitch = (image.shape[2] - width) // max(number - 1, 1) or 1
    return image.unfold(2, width, pitch).permute(2, 0, 1, 3)


def drawn_together(draw: Callable[[Window], Image], windows: Sequence[Window]) -> Images:
    """Images of windows of one size, drawn in few large pieces: what ``draw`` returns depends on the place alone."""
    width, wide = windows[0].width, side_by_side(windows, overlapping=True)
    return torch.cat([cut(draw(window), number, width) for window, number in wide])


def strips(
    image: Image,
    height: int,
    width: int,
    rows: int | None = None,
    *,
    release: Callable[[], None] = lambda: None,
) -> Iterator[NDArray[np.uint8]]:
    """Yield an image in [-1, 1], cut to ``height`` x ``width``, as strips of uint8, (rows, width, 3).

    Strips are as high as four million pixels allow, or ``rows``. ``release`` is called after each: it may let go of the
    memory that a mapped image was read into.
    """
    rows = rows or min(max(16, STRIP_PIXELS // width), 256)
    for top in range(0, height, rows):
        strip = image[:, top : min(top + rows, height), :width]
        bytes_ = (strip.float() + 1).mul_(GREY).round_().clamp_(0, 255).to(torch.uint8)
        yield bytes_.permute(1, 2, 0).contiguous().cpu().numpy()
        release()
