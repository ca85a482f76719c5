"""Write a slide anew so that nothing but its tissue can tell where it came from.

A scanner and a generator leave different traces around the picture: size, scale, tags, file size, the JPEG grid, the
colour, noise and shading of the empty glass, gaps in the histogram. Each slide therefore goes the same way:

1. a window of one size, in pixels of one mpp, around the middle of the tissue; its corner lies at a random fraction of
   a pixel, so that no old JPEG block meets a new one;
2. colours scaled until the empty slide is ``BACKGROUND`` grey;
3. glass away from tissue replaced by that grey, faded in over a narrow rim;
4. noise of one grey level over everything, which fills the gaps that step 2 leaves in the histogram;
5. one pyramid, tile size and JPEG quality, no description, and in the end one file size and one date.

What remains is the tissue itself. Its sharpness and texture are the question put to the readers, not a leak. That the
tissue of one class touches the edge of the window more often is one, and only the choice of slides can mend it.
"""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from wsigen.errors import WsigenError
from wsigen.slides import Slide, write_pyramid
from wsigen.slides.tissue import BACKGROUND, tissue_mask, white_point, whiten

BLOCK_COLUMNS = 256  # a strip is worked on in blocks of this width: reading costs the square of it
RIM_PX = 3  # of the overview: how far the slide's own glass is kept around tissue, and then faded
DITHER = 1.0  # standard deviation of the added noise in grey levels
SIZE_STEP = 1 << 16  # file sizes are a multiple of this
COARSER = 1 + 1e-3  # than the study: that much is rounding
DATE = 946684800  # every slide file is dated 1 January 2000


@dataclass(frozen=True)
class Format:
    """What all slides of a study share: size in pixels, micrometres per pixel, tile side, JPEG quality."""

    height: int
    width: int
    mpp: float
    tile_px: int
    quality: int


def reencode(slide: Slide, path: Path, form: Format, random: np.random.Generator) -> None:
    """Write ``slide`` to ``path`` in the study's format; ``random`` places the window and makes the noise.

    Raises:
        WsigenError: the slide is damaged, shows no tissue, is smaller than the window or coarser than its mpp.
    """
    if slide.mpp > form.mpp * COARSER:
        raise WsigenError(
            f"{slide.path}: has {slide.mpp:g} um/px, coarser than the study's {form.mpp:g}; "
            "leave it out, or choose a larger --mpp"
        )
    whole = np.array([slide.height, slide.width]) * slide.mpp / form.mpp
    if min(whole - (form.height, form.width)) < 0:
        raise WsigenError(
            f"{slide.path}: {whole[0]:.0f} x {whole[1]:.0f} px at {form.mpp:g} um/px, smaller than the "
            f"study's {form.height} x {form.width}; leave it out, or choose a smaller --height and --width"
        )
    overview, overview_mpp = slide.overview()
    white = white_point(overview)
    tissue = tissue_mask(whiten(overview, white))
    if not tissue.any():
        raise WsigenError(f"{slide.path}: no tissue found; leave it out")
    zoom = overview_mpp / form.mpp  # study pixels per overview pixel
    centre = (np.argwhere(tissue).mean(axis=0) + 0.5) * zoom
    corner = centre - np.array([form.height, form.width]) / 2 + random.uniform(-1, 1, 2)
    top, left = np.clip(corner, 0, whole - (form.height, form.width))
    gain = np.ones(3, np.float32) if white is None else np.float32(BACKGROUND) / white
    write_pyramid(
        path,
        _strips(slide, form, float(top), float(left), gain, _kept(tissue), zoom, random),
        form.mpp,
        height=form.height,
        width=form.width,
        tile_px=form.tile_px,
        quality=form.quality,
    )


def level_files(paths: Iterable[Path]) -> None:
    """Give all files the size of the largest (zeros at the end, which TIFF readers pass over) and one date."""
    paths = list(paths)
    size = -(-max(path.stat().st_size for path in paths) // SIZE_STEP) * SIZE_STEP
    for path in paths:
        os.truncate(path, size)
        os.utime(path, (DATE, DATE))


def _kept(tissue: NDArray[np.bool_]) -> Image.Image:
    """How much of the slide's own pixels stays, 0 to 255, as an overview: all on tissue, none beyond its rim."""
    near = ndimage.binary_dilation(tissue, iterations=RIM_PX)
    weight = ndimage.uniform_filter(near.astype(np.float32), RIM_PX)
    return Image.fromarray((255 * weight + 0.5).astype(np.uint8))


def _strips(
    slide: Slide,
    form: Format,
    top: float,
    left: float,
    gain: NDArray[np.float32],
    kept: Image.Image,
    zoom: float,
    random: np.random.Generator,
) -> Iterator[NDArray[np.uint8]]:
    """The window from top to bottom, uint8 (rows, width, 3)."""
    for row in range(0, form.height, form.tile_px):
        rows = min(form.tile_px, form.height - row)
        strip = np.empty((rows, form.width, 3), np.uint8)
        for column in range(0, form.width, BLOCK_COLUMNS):
            columns = min(BLOCK_COLUMNS, form.width - column)
            y, x = top + row, left + column
            pixels = slide.read(y, x, rows, columns, form.mpp) * gain
            x_first, y_first = x / zoom, y / zoom
            x_last = min((x + columns) / zoom, kept.width)
            y_last = min((y + rows) / zoom, kept.height)
            weight = kept.resize(
                (columns, rows), Image.Resampling.BILINEAR, box=(x_first, y_first, x_last, y_last)
            )
            pixels = BACKGROUND + (pixels - BACKGROUND) * (
                np.asarray(weight)[..., None] / np.float32(255)
            )
            pixels += DITHER * random.standard_normal(pixels.shape, np.float32)
            strip[:, column : column + columns] = np.clip(pixels + 0.5, 0, 255)
        yield strip
