"""One place of a slide at every scale, as a picture."""

import numpy as np
import torch
from PIL import Image as Picture
from PIL import ImageDraw

from wsigen.plan import Stage
from wsigen.runs.canvas import Image, strips

CROP_PX = 384


def tissue(overview: Image, background: float) -> tuple[float, float]:
    """The place of the overview with most tissue round it, as shares of its height and width."""
    far = (overview.float() - background).abs().mean(0)[None, None]
    side = max(3, min(far.shape[2:]) // 6) | 1
    smooth = torch.nn.functional.avg_pool2d(far, side, 1, side // 2, count_include_pad=True)[0, 0]
    row, column = divmod(int(smooth.argmax()), smooth.shape[1])
    return (row + 0.5) / smooth.shape[0], (column + 0.5) / smooth.shape[1]


def crop(image: Image, place: tuple[float, float]) -> Picture.Image:
    """A square round a place, or all of a small stage, enlarged by whole pixels."""
    height, width = image.shape[1:]
    tall, wide = min(CROP_PX, height), min(CROP_PX, width)
    top = min(max(int(place[0] * height) - tall // 2, 0), height - tall)
    left = min(max(int(place[1] * width) - wide // 2, 0), width - wide)
    part = image[:, top : top + tall, left : left + wide]
    pixels = np.concatenate(list(strips(part, tall, wide)))
    times = max(1, CROP_PX // max(tall, wide))
    return Picture.fromarray(pixels.repeat(times, 0).repeat(times, 1))


def sheet(crops: list[tuple[Stage, Picture.Image]], columns: int = 4) -> Picture.Image:
    """All crops side by side, each with its scale."""
    rows = -(-len(crops) // columns)
    cell = CROP_PX + 8, CROP_PX + 24
    page = Picture.new("RGB", (cell[0] * columns, cell[1] * rows), "white")
    draw = ImageDraw.Draw(page)
    for number, (stage, picture) in enumerate(crops):
        left, top = cell[0] * (number % columns) + 4, cell[1] * (number // columns)
        page.paste(picture, (left, top + 20))
        text = f"stage {stage.index}: {stage.width} x {stage.height} px, {stage.mpp:.4g} um/px"
        draw.text((left, top + 4), text, fill="black")
    return page
