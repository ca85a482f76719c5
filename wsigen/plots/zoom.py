"""The figure of a zoom path: one place at every scale (Fig. 2)."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from wsigen.plots import SYNTHETIC

Pixels = NDArray[np.uint8]
Box = tuple[float, float, float, float]


def zoom_path(
    images: Sequence[Pixels], mpps: Sequence[float], boxes: Sequence[Box | None], columns: int = 4
) -> Figure:
    """Each scale with its scale bar, and in it the outline of what the next one shows.

    Args:
        images: (height, width, 3) each, from the overview on.
        mpps: micrometres per pixel of each.
        boxes: top, left, height, width of the next view in pixels of this one; None for the last.
        columns: views side by side.
    """
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    figure = Figure(figsize=(2.4 * columns, 2.65 * rows), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes in grid.flat:
        axes.axis("off")
    for axes, image, mpp, box in zip(grid.flat, images, mpps, boxes, strict=False):
        height, width = image.shape[:2]
        axes.imshow(image, interpolation="nearest")
        axes.set_title(f"{mpp:.4g} µm/px", fontsize=9)
        if box is not None:
            top, left, box_height, box_width = box
            axes.add_patch(
                Rectangle(
                    (left - 0.5, top - 0.5), box_width, box_height,
                    fill=False, edgecolor=SYNTHETIC, linewidth=1.2,
                )
            )  # fmt: skip
        length_um = bar_length(width * mpp / 3)
        start, line = 0.05 * width, 0.94 * height
        axes.plot(
            [start, start + length_um / mpp], [line, line], color="black", linewidth=3,
            solid_capstyle="butt",
        )  # fmt: skip
        axes.text(
            start, line - 0.02 * height, length_name(length_um), fontsize=8, va="bottom",
            bbox={"facecolor": "white", "alpha": 0.7, "linewidth": 0, "pad": 1},
        )  # fmt: skip
    return figure


def bar_length(largest_um: float) -> float:
    """The longest of 1, 2, 5, 10, ... micrometres that is no longer than ``largest_um``."""
    power = 10.0 ** math.floor(math.log10(largest_um))
    return max(step * power for step in (1, 2, 5) if step * power <= largest_um)


def length_name(length_um: float) -> str:
    """A length in the unit in which it is short to write."""
    return f"{length_um / 1000:g} mm" if length_um >= 1000 else f"{length_um:g} µm"
