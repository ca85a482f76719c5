"""Windows and shifted grids: the geometry of grid-shift (Fig. 4), whole numbers only.

At every step the canvas is cut into patches along a grid that starts at a newly drawn corner. No
place stays at a patch border for long, so no border leaves a seam.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, overload

import numpy as np

GOLDEN = (5**0.5 - 1) / 2


class Window(NamedTuple):
    """A rectangle, in pixels of one canvas; it may reach outside."""

    top: int
    left: int
    height: int
    width: int

    @property
    def bottom(self) -> int:
        """The row below the last."""
        return self.top + self.height

    @property
    def right(self) -> int:
        """The column right of the last."""
        return self.left + self.width

    def reduced(self, factor: int) -> "Window":
        """The same rectangle on a canvas ``factor`` times coarser."""
        return Window(*(value // factor for value in self))

    def grown(self, margin: int) -> "Window":
        """The rectangle with a margin all round."""
        top, left, height, width = self
        return Window(top - margin, left - margin, height + 2 * margin, width + 2 * margin)

    def holds(self, other: "Window") -> bool:
        """Whether another rectangle lies within this one."""
        return (
            self.top <= other.top
            and self.left <= other.left
            and self.bottom >= other.bottom
            and self.right >= other.right
        )

    def clipped(self, height: int, width: int) -> "Window":
        """The part of it on a plane of this size; it has no pixels where it lies beside the plane."""
        top, left = min(max(self.top, 0), height), min(max(self.left, 0), width)
        bottom, right = min(max(self.bottom, top), height), min(max(self.right, left), width)
        return Window(top, left, bottom - top, right - left)

    def shared(self, other: "Window") -> "Window":
        """What lies in both; it has no pixels where they do not meet."""
        top, left = max(self.top, other.top), max(self.left, other.left)
        bottom, right = min(self.bottom, other.bottom), min(self.right, other.right)
        return Window(top, left, max(bottom - top, 0), max(right - left, 0))

    def pieces(self, height: int, width: int) -> "list[tuple[Window, Window]]":
        """Cut it where a wrapped plane ends: each piece as a window of the plane, and its place in this window."""
        return [
            (Window(row, column, rows, columns), Window(down, right, rows, columns))
            for row, down, rows in _runs(self.top, self.height, height)
            for column, right, columns in _runs(self.left, self.width, width)
        ]

    def slices(self, top: int = 0, left: int = 0) -> tuple[slice, slice, slice]:
        """Its place in an image (3, height, width) whose corner lies at ``top``, ``left``."""
        return (
            slice(None),
            slice(self.top - top, self.bottom - top),
            slice(self.left - left, self.right - left),
        )

    def inside(self, height: int, width: int) -> bool:
        """Whether it lies within a canvas of this size."""
        return self.top >= 0 and self.left >= 0 and self.bottom <= height and self.right <= width


def draw_shift(stream: np.random.Generator, patch_px: int, factor: int) -> tuple[int, int]:
    """Draw where the grid starts: whole guide pixels, multiples of ``factor`` in [0, patch_px)."""
    down, right = stream.integers(patch_px // factor, size=2) * factor
    return int(down), int(right)


def spread_shift(
    stream: np.random.Generator, step: int, patch_px: int, factor: int
) -> tuple[int, int]:
    """Where the grid starts at a step if steps near each other shall lie far apart: whole guide pixels, as above.

        shift_i = k floor(n frac(u + i (sqrt(5) - 1) / 2)),  n = patch_px / k

    Kronecker's sequence of the golden ratio, in each direction: of any m steps in a row no two come nearer than about
    n / (sqrt(5) m), while independent draws come near n / m^2. ``stream`` draws u, the same for all steps.
    """
    down, right = np.floor((stream.random(2) + step * GOLDEN) % 1 * (patch_px // factor)) * factor
    return int(down), int(right)


@dataclass(frozen=True)
class Grid(Sequence[Window]):
    """The windows of a grid, row by row; made when they are asked for, since a large canvas has millions.

    Args:
        tops, lefts: where the rows and the columns of windows start, rising.
        patch_px: side of a window.
    """

    tops: Sequence[int]
    lefts: Sequence[int]
    patch_px: int

    def __len__(self) -> int:
        return len(self.tops) * len(self.lefts)

    @overload
    def __getitem__(self, index: int) -> Window: ...
    @overload
    def __getitem__(self, index: slice) -> list[Window]: ...
    def __getitem__(self, index: int | slice) -> Window | list[Window]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        row, column = divmod(range(len(self))[index], len(self.lefts))
        return Window(self.tops[row], self.lefts[column], self.patch_px, self.patch_px)

    def touching(self, area: Window) -> "Grid":
        """The part of the grid whose windows reach into ``area``."""
        return Grid(
            between(self.tops, area.top - self.patch_px, area.bottom),
            between(self.lefts, area.left - self.patch_px, area.right),
            self.patch_px,
        )

    def groups(self, batch_size: int) -> "list[Grid]":
        """Whole rows of windows, as many together as fill batches well; see :func:`rows_together`."""
        rows = rows_together(max(1, len(self.lefts)), batch_size)
        return [
            Grid(self.tops[first : first + rows], self.lefts, self.patch_px)
            for first in range(0, len(self.tops), rows)
        ]

    def batches(self, batch_size: int) -> Iterator[list[Window]]:
        """The windows in batches of at most ``batch_size``, none across two groups.

        So a batch holds the same windows whoever runs which of the groups. Batches of a group are equally large,
        give or take one.
        """
        for group in self.groups(batch_size):
            yield from evenly(group, batch_size)


def between(rising: Sequence[int], low: int, high: int) -> Sequence[int]:
    """The part of rising numbers that lie above ``low`` and below ``high``."""
    return rising[bisect_right(rising, low) : bisect_left(rising, high)]


def evenly(windows: Sequence[Window], most: int, multiple: int = 1) -> Iterator[list[Window]]:
    """Cut windows into as few batches of up to ``most`` as it takes, equally large, give or take one.

    Their number is a multiple of ``multiple``, so that as many threads have equally much to do, or that of windows.
    """
    number = -(-len(windows) // (most * multiple)) * multiple
    number = min(number, len(windows))
    for n in range(number):
        yield list(windows[n * len(windows) // number : (n + 1) * len(windows) // number])


def side_by_side(
    windows: Sequence[Window],
    may_join: Callable[[Window], bool] = lambda _: True,
    *,
    overlapping: bool = False,
) -> Iterator[tuple[Window, int]]:
    """Join windows that follow each other along a row: each joined rectangle, and of how many windows it is made.

    An image is read and written in few large pieces so, instead of in many small ones.

    Args:
        windows: of one size.
        may_join: whether a window may be joined with others.
        overlapping: join also windows that overlap, if each begins as far behind the one before: to be read.
    """
    first = 0
    while first < len(windows):
        top, left, height, width = windows[first]
        number, pitch = 1, width
        if overlapping and first + 1 < len(windows):
            behind = windows[first + 1].left - left
            pitch = behind if 0 < behind < width else width
        if may_join(windows[first]):
            while first + number < len(windows):
                window = windows[first + number]
                if (window.top, window.left) != (top, left + number * pitch):
                    break
                if not may_join(window):
                    break
                number += 1
        yield Window(top, left, height, (number - 1) * pitch + width), number
        first += number


def rows_together(in_a_row: int, batch_size: int, *, fill: float = 0.85, most: int = 8) -> int:
    """The fewest rows whose windows make batches that are ``fill`` full; if none of up to ``most`` do, the fullest."""
    least = max(1, batch_size // in_a_row)  # what fits into one batch goes together

    def full(rows: int) -> float:
        windows = rows * in_a_row
        return windows / (-(-windows // batch_size) * batch_size)

    choices = range(least, max(least, most) + 1)
    return next((rows for rows in choices if full(rows) >= fill), max(choices, key=full))


def shifted_grid(
    height: int, width: int, patch_px: int, shift: tuple[int, int] = (0, 0), boundary: str = "pad"
) -> Grid:
    """Cut a canvas into patches along a grid with a corner at ``shift``; each pixel is in exactly one.

    Args:
        height, width: of the canvas; whole numbers of patches if ``boundary`` is "wrap".
        patch_px: side of a patch.
        shift: rows and columns, each in [0, patch_px).
        boundary: "pad": patches reach over the edge, n + 1 to a row. "wrap": what leaves at one edge enters at
            the other, n to a row.
    """
    return Grid(
        _starts(height, patch_px, shift[0], boundary),
        _starts(width, patch_px, shift[1], boundary),
        patch_px,
    )


def _starts(length: int, patch_px: int, shift: int, boundary: str) -> range:
    if boundary == "wrap":
        return range(shift, shift + length, patch_px)
    return range(shift - patch_px if shift else 0, length, patch_px)


def _runs(start: int, length: int, around: int) -> list[tuple[int, int, int]]:
    """Cut [start, start + length) at multiples of ``around``: start modulo it, place, and length of each run."""
    runs, done = [], 0
    while done < length:
        begin = (start + done) % around
        run = min(around - begin, length - done)
        runs.append((begin, done, run))
        done += run
    return runs
