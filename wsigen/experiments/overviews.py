"""Does a slide look like a slide from afar? Overviews from noise, each in one patch: pieces of tissue on glass.

Not in the paper, whose 512 px patch at 80 to 150 um/px holds a whole section; here a patch of 64 px does at up to
800 um/px. For each size, of every seed: the share of tissue, the number of its pieces, and whether any of it touches
the edge. Tissue that ends at the edge of the canvas ends in a cut that no slide has. Real overviews of the cohort are
counted the same way, beside them.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from wsigen.coarse_to_fine import drain, generate
from wsigen.experiments.lab import Lab
from wsigen.experiments.result import Row
from wsigen.pixels import to_pixels
from wsigen.plan import stages
from wsigen.slides.tissue import darker

PIECE = 0.002  # of an overview: a smaller piece is a crumb


@dataclass(frozen=True)
class Config:
    """What is drawn.

    Args:
        seeds: slides at each size.
        sizes_mm: width and height.
        mpp: of the finest stage, which decides the overview's scale.
        plan: see `wsigen.plan`; by default the one that suits the model.
    """

    seeds: int = 20
    sizes_mm: tuple[tuple[float, float], ...] = ((6.0, 4.0), (20.0, 15.0))
    mpp: float = 0.7
    plan: str | None = None


PROFILES = {
    "smoke": Config(seeds=3, sizes_mm=((1.2, 0.8),), mpp=2.0, plan="preview"),
    "classroom": Config(),
    "paper": Config(seeds=200),
}


def cells(config: Config) -> list[dict[str, Any]]:
    """One for each size."""
    return [{"width_mm": width, "height_mm": height} for width, height in config.sizes_mm]


def measure(cell: dict[str, Any], config: Config, lab: Lab) -> Row:
    """Draw the overviews and look at their tissue."""
    width, height = (round(cell[side] * 1000 / config.mpp) for side in ("width_mm", "height_mm"))
    info = lab.denoiser.info
    way = lab.plan(config.plan)
    path = stages(height, width, config.mpp, patch_px=info.patch_px, mpp_max=info.mpp_max)
    images = [
        to_pixels(drain(generate(lab.painter(way, draw), path[:1]))[None])[0]
        for draw in range(config.seeds)
    ]
    found = [tissue_of(image) for image in images]
    values = {
        "mpp": path[0].mpp,
        "height": path[0].height,
        "width": path[0].width,
        "slides": config.seeds,
        "share": [share for share, _, _ in found],
        "pieces": [pieces for _, pieces, _ in found],
        "touching": sum(touches for _, _, touches in found),
        "empty": sum(share < 0.05 for share, _, _ in found),
    }
    return Row(values, {f"overviews_{cell['width_mm']:g}mm": sheet(images)})


def tissue_of(image: NDArray[np.uint8]) -> tuple[float, int, bool]:
    """Share of tissue, number of pieces, and whether any of it touches the edge of an image."""
    mask = darker(image)
    labels, number = ndimage.label(mask, np.ones((3, 3)))
    sizes = np.bincount(labels.ravel(), minlength=number + 1)[1:]
    border = np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]])
    return float(mask.mean()), int((sizes >= PIECE * mask.size).sum()), bool(border.any())


def sheet(images: list[NDArray[np.uint8]], columns: int = 5, zoom: int = 3) -> NDArray[np.uint8]:
    """Images of one size side by side, each pixel ``zoom`` x ``zoom``, with a grey line between."""
    framed = [
        np.pad(
            image.repeat(zoom, 0).repeat(zoom, 1),
            ((1, 1), (1, 1), (0, 0)),
            constant_values=128,
        )
        for image in images
    ]
    framed += [np.full_like(framed[0], 255)] * (-len(framed) % columns)
    rows = [np.concatenate(framed[i : i + columns], 1) for i in range(0, len(framed), columns)]
    return np.concatenate(rows, 0)
