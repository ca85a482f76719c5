"""Tissue side by side: what came out, what it should be, and what goes wrong, each in a frame and under a word."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from wsigen.plots import REAL, SYNTHETIC

Pixels = NDArray[np.uint8]
Kind = Literal["given", "made", "broken"]
FRAMES = {
    "given": REAL,
    "made": "#009e73",
    "broken": SYNTHETIC,
}  # the word in the title says it, too


@dataclass(frozen=True)
class Panel:
    """One picture of a comparison.

    Args:
        pixels: uint8, (height, width, 3).
        title: what it is, in a few words.
        kind: "given" (what one starts from), "made" (as it should be) or "broken" (in the way that is shown).
    """

    pixels: Pixels
    title: str
    kind: Kind = "made"


def side_by_side(
    panels: Sequence[Panel], columns: int | None = None, inches: float = 2.6
) -> Figure:
    """Pictures in a row, or in rows of ``columns``, each ``inches`` wide, in the colour of its kind."""
    columns = columns or len(panels)
    rows = -(-len(panels) // columns)
    shape = panels[0].pixels.shape
    high = inches * shape[0] / shape[1] + 0.3 * (1 + max(p.title.count("\n") for p in panels))
    figure = Figure(figsize=(inches * columns, high * rows), layout="constrained")
    for axes, panel in zip(
        figure.subplots(rows, columns, squeeze=False).ravel(), panels, strict=False
    ):
        _framed(axes, panel)
    for axes in figure.axes[len(panels) :]:
        axes.set_axis_off()
    return figure


def strips(panels: Sequence[Panel], inches: float = 8.0) -> Figure:
    """Rows of patches below each other, each under its title."""
    high = sum(inches * p.pixels.shape[0] / p.pixels.shape[1] + 0.34 for p in panels)
    figure = Figure(figsize=(inches, high), layout="constrained")
    for axes, panel in zip(
        figure.subplots(len(panels), 1, squeeze=False)[:, 0], panels, strict=True
    ):
        _framed(axes, panel, "left")
    return figure


def joined(patches: NDArray[np.uint8], columns: int, gap: int = 0) -> Pixels:
    """Patches (n, height, width, 3) as one picture, ``columns`` in a row, ``gap`` white pixels between them."""
    count, height, width = patches.shape[:3]
    rows = -(-count // columns)
    picture = np.full(
        (rows * (height + gap) - gap, columns * (width + gap) - gap, 3), 255, np.uint8
    )
    for number, patch in enumerate(patches):
        top, left = divmod(number, columns)
        top, left = top * (height + gap), left * (width + gap)
        picture[top : top + height, left : left + width] = patch
    return picture


def cut(picture: Pixels, side: int) -> NDArray[np.uint8]:
    """A picture of joined patches as the patches (n, side, side, 3), row by row."""
    rows, columns = picture.shape[0] // side, picture.shape[1] // side
    squares = picture.reshape(rows, side, columns, side, 3).swapaxes(1, 2)
    return squares.reshape(rows * columns, side, side, 3)


def _framed(axes: Axes, panel: Panel, place: Literal["left", "center"] = "center") -> None:
    axes.imshow(panel.pixels, interpolation="nearest")
    axes.set(xticks=[], yticks=[])
    axes.set_title(panel.title, fontsize=9, loc=place, pad=4)
    for spine in axes.spines.values():
        spine.set(color=FRAMES[panel.kind], linewidth=2.5)
