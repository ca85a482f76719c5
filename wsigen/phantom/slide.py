"""Procedural H&E slides: any window of an endless, seeded tissue, with its nuclei and outline known.

Tissue is drawn as concentrations of haematoxylin and eosin and turned into light by Beer-Lambert,
``light = glass * exp(-concentration @ stain)``, with the stain vectors of Macenko et al. (2009, ISBI), varied a little
per slide. Everything is drawn in blocks at fixed places, so that a pixel is the same from whichever window it is
read. These are phantoms: they test code and teach, they are no data about patients.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wsigen.phantom.anatomy import Plane, Recipe, Tissue, draw_tissue
from wsigen.seeds import generator, white_noise

BLOCK_PX = 512  # windows are cut from blocks of this size
MARGIN_UM = 9.0  # a nucleus this far outside a block can still reach into it
HAEMATOXYLIN = (0.5626, 0.7201, 0.4062)  # optical density in red, green and blue
EOSIN = (0.2159, 0.8012, 0.5581)


class PhantomSlide:
    """A procedural H&E slide.

    Args:
        seed: names the slide; equal arguments give equal pixels.
        height, width: size in pixels. It places the pieces of tissue; windows may lie outside.
        mpp: micrometre per pixel. The same extent in micrometres is the same tissue at any mpp.
    """

    def __init__(
        self, seed: int, *, height: int = 4096, width: int = 4096, mpp: float = 1.0
    ) -> None:
        self.seed, self.height, self.width, self.mpp = seed, height, width, mpp
        draw = generator(seed, "slide")
        stains = np.array([HAEMATOXYLIN, EOSIN]) + draw.normal(0, 0.02, (2, 3))
        self.stains = stains / np.linalg.norm(stains, axis=1, keepdims=True)
        self.strength = draw.uniform(0.9, 1.2, 2)  # of haematoxylin and of eosin
        self.glass = np.array([243.0, 242.0, 244.0]) + draw.uniform(-2, 2, 3)
        fat, glands, tumour = draw.normal((0.1, 0.2, -0.4), (0.35, 0.3, 0.6))
        turn = draw.uniform(0, np.pi)
        self.recipe = Recipe(seed, fat, glands, tumour, turn, tuple(self._pieces(draw)))

    def render(self, top: int, left: int, height: int, width: int) -> NDArray[np.uint8]:
        """The window as RGB, uint8 (height, width, 3); top and left in pixels."""
        out = np.empty((height, width, 3), np.uint8)
        self._mosaic(out, top, left, self._pixels)
        return out

    def tissue(self, top: int, left: int, height: int, width: int) -> NDArray[np.bool_]:
        """Whether each pixel lies within the outline of the tissue, bool (height, width).

        Holes that tissue surrounds, in fat and in glands, count as tissue.
        """
        out = np.empty((height, width), bool)
        self._mosaic(out, top, left, lambda row, column: self._draw(row, column).inside > 0.5)
        return out

    def nuclei(self, top: int, left: int, height: int, width: int) -> NDArray[np.float64]:
        """The centres of the nuclei in the window, (n, 2): row and column in pixels from its corner."""
        found = [np.empty((0, 2))]
        for row, column in _blocks(top, left, height, width):
            centres = self._draw(row, column).nuclei[:, :2] / self.mpp
            found.append(centres[(centres // BLOCK_PX == (row, column)).all(1)] - (top, left))
        centres = np.concatenate(found)
        return centres[((centres >= 0) & (centres < (height, width))).all(1)]

    def strips(self) -> Iterator[NDArray[np.uint8]]:
        """The whole slide from top to bottom, uint8 (rows, width, 3)."""
        for top in range(0, self.height, BLOCK_PX):
            yield self.render(top, 0, min(BLOCK_PX, self.height - top), self.width)

    def _pieces(
        self, draw: np.random.Generator
    ) -> Iterator[tuple[float, float, float, float, float]]:
        height_um, width_um = self.height * self.mpp, self.width * self.mpp
        count, turn = int(draw.integers(1, 4)), draw.uniform(0, 2 * np.pi)
        away, radius = ((0.0, 0.42), (0.23, 0.29), (0.25, 0.23))[count - 1]
        for i in range(count):
            around = turn + 2 * np.pi * i / count
            long, short = (
                radius * draw.uniform((0.95, 0.7), (1.15, 0.95)) * min(height_um, width_um)
            )
            centre_y = height_um * (0.5 + away * np.sin(around))
            centre_x = width_um * (0.5 + away * np.cos(around))
            yield centre_y, centre_x, long, short, draw.uniform(0, np.pi)

    @property
    def _margin(self) -> int:
        return int(np.ceil(MARGIN_UM / self.mpp))

    def _draw(self, row: int, column: int) -> Tissue:
        """The tissue of one block with its margin."""
        side = np.arange(-self._margin, BLOCK_PX + self._margin) + 0.5
        y, x = (
            (self.mpp * (place * BLOCK_PX + side)).astype(np.float32) for place in (row, column)
        )
        return draw_tissue(self.recipe, y, x)

    def _mosaic(
        self, out: NDArray[Any], top: int, left: int, block: Callable[[int, int], NDArray[Any]]
    ) -> None:
        """Fill ``out``, whose corner lies at (top, left), from the blocks it touches."""
        for row, column in _blocks(top, left, *out.shape[:2]):
            y, x = row * BLOCK_PX, column * BLOCK_PX
            rows = slice(max(y, top), min(y + BLOCK_PX, top + out.shape[0]))
            columns = slice(max(x, left), min(x + BLOCK_PX, left + out.shape[1]))
            y, x = y - self._margin, x - self._margin
            out[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left] = (
                block(row, column)[
                    rows.start - y : rows.stop - y, columns.start - x : columns.stop - x
                ]
            )

    def _pixels(self, row: int, column: int) -> NDArray[np.uint8]:
        tissue = self._draw(row, column)
        blue, pink = self._concentrations(tissue)
        nucleus = self._nuclei_plane(tissue.nuclei, row, column, blue.shape)
        covered = np.minimum(nucleus, 1)
        blue = blue * (1 - 0.6 * covered) + nucleus * (1 + 0.22 * tissue.grain)
        pink = pink * (1 - 0.35 * covered)
        stain = np.stack([self.strength[0] * blue, self.strength[1] * pink], -1).astype(np.float32)
        light = self.glass * np.exp(-stain @ self.stains)
        height, width = blue.shape
        noise = white_noise(
            self.seed,
            "camera",
            top=row * BLOCK_PX,
            left=column * BLOCK_PX,
            height=height,
            width=width,
        )
        return np.clip(light + 1.2 * np.moveaxis(noise, 0, -1), 0, 255).astype(np.uint8)

    @staticmethod
    def _concentrations(tissue: Tissue) -> tuple[Plane, Plane]:
        """Haematoxylin and eosin of everything but the nuclei, each (rows, columns)."""
        parts = (
            # plane, haematoxylin, eosin
            (tissue.epithelium, 0.34, 0.42),
            (tissue.tumour, 0.38, 0.40),
            (tissue.muscle, 0.12, 0.78),
            (tissue.blood, 0.06, 1.05),
            (tissue.lymphoid, 0.30, 0.25),
        )
        stroma = 1 - sum(plane for plane, _, _ in parts)
        stroma = np.clip(stroma, 0, 1)
        blue = 0.07 * stroma
        pink = np.clip(0.48 + 0.14 * tissue.fibre, 0.08, 1.1) * stroma
        for plane, haematoxylin, eosin in parts:
            blue = blue + haematoxylin * plane
            pink = pink + eosin * plane
        mottled = tissue.solid * np.clip(1 + 0.12 * tissue.grain, 0, 2)
        return blue * mottled, pink * mottled

    def _nuclei_plane(
        self, nuclei: NDArray[np.float64], row: int, column: int, shape: tuple[int, ...]
    ) -> Plane:
        """Haematoxylin of the nuclei: soft ellipses, a little darker at the rim; the darker one wins."""
        plane = np.zeros(shape, np.float32)
        if not len(nuclei):
            return plane
        y, x, long, short, angle, dark = nuclei.T
        y = y / self.mpp - row * BLOCK_PX + self._margin  # pixels in the block with its margin
        x = x / self.mpp - column * BLOCK_PX + self._margin
        reach = int(np.ceil(long.max() / self.mpp)) + 1
        offset = np.arange(-reach, reach + 1)
        rows = np.floor(y).astype(int)[:, None] + offset  # (n, k)
        columns = np.floor(x).astype(int)[:, None] + offset
        dy = self.mpp * (rows + 0.5 - y[:, None])[:, :, None]
        dx = self.mpp * (columns + 0.5 - x[:, None])[:, None, :]
        cos, sin = np.cos(angle)[:, None, None], np.sin(angle)[:, None, None]
        radius = np.hypot(
            (dx * cos + dy * sin) / long[:, None, None],
            (dy * cos - dx * sin) / short[:, None, None],
        )
        soft = max(self.mpp, 0.7) / short[:, None, None]
        cover = np.clip((1 - radius) / soft + 0.5, 0, 1)
        rim = 0.8 + 0.35 * np.clip(radius, 0, 1) ** 3
        ink = dark[:, None, None] * cover * rim
        seen = (cover > 0) & ((rows >= 0) & (rows < shape[0]))[:, :, None]
        seen &= ((columns >= 0) & (columns < shape[1]))[:, None, :]
        places = (rows[:, :, None] * shape[1] + columns[:, None, :])[seen]
        np.maximum.at(plane.reshape(-1), places, ink[seen].astype(np.float32))
        return plane


def _blocks(top: int, left: int, height: int, width: int) -> Iterator[tuple[int, int]]:
    """The rows and columns of the blocks that a window touches."""
    for row in range(top // BLOCK_PX, -(-(top + height) // BLOCK_PX)):
        for column in range(left // BLOCK_PX, -(-(left + width) // BLOCK_PX)):
            yield row, column
