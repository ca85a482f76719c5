"""Find tissue, glass, and what is neither of them, on an overview.

scipy and scikit-image are imported where they look: training from a pack, whose tissue is known, needs neither.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

BACKGROUND = 245  # the grey that the background of every slide is brought to
ENOUGH_BACKGROUND = 0.05  # of an overview; with less there is no white to be seen
ENOUGH_DIM = (
    0.2  # of an overview, where its brightest is no white: dim glass is more than a pale spot
)
FLAT = 12  # grey values within 5 x 5 px of glass
BRIGHT = 160  # grey value above which flat grey is glass
NEARLY_TOP, DARKEST_GLASS = (
    0.85,
    60,
)  # of the brightest grey, and a grey value: what dim glass exceeds
NEARLY_GREY = 24  # between the channels of glass
BLACK = 20  # the brightest channel of what a scanner or converter filled in
LEAST_FILL = 0.002  # of an overview, in one piece
FILL_RIM_PX = 3  # where fill and picture are mixed
SOME_PEN = 0.001  # of an overview, to be worth a word
MOSTLY_FILL = 0.05  # of an overview without glass: then the ground is black


@dataclass(frozen=True)
class Tissue:
    """Where a slide shows tissue, on an overview of ``mpp``, and the colour of its empty glass, if it has any.

    Args:
        bits: the mask, its rows packed to bits, shape (height, ceil(width / 8)).
        width: of the mask.
        mpp: micrometres per pixel of the mask.
        white: colour of the empty glass, shape (3,), or None.
        fill: where black was filled in, packed as ``bits``, or None where nothing was.
        pen: part of the overview that looks like green or blue ink.
    """

    bits: NDArray[np.uint8]
    width: int
    mpp: float
    white: NDArray[np.float32] | None
    fill: NDArray[np.uint8] | None = None
    pen: float = 0.0

    @classmethod
    def of(
        cls,
        mask: NDArray[np.bool_],
        mpp: float,
        white: NDArray[np.float32] | None,
        fill: NDArray[np.bool_] | None = None,
        pen: float = 0.0,
    ) -> "Tissue":
        """Pack a mask, bool (height, width): thousands of slides stay open at once."""
        packed = None if fill is None or not fill.any() else np.packbits(fill, axis=1)
        return cls(np.packbits(mask, axis=1), mask.shape[1], mpp, white, packed, pen)

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.bits), self.width

    @property
    def mask(self) -> NDArray[np.bool_]:
        return self._unpacked(self.bits)

    @property
    def filled(self) -> NDArray[np.bool_] | None:
        """Where black was filled in, shape (height, width); None where nothing was."""
        return None if self.fill is None else self._unpacked(self.fill)

    @cached_property
    def _ends(self) -> NDArray[np.int64]:
        """Pixels of tissue in all rows down to each, shape (height,)."""
        return np.cumsum(np.bitwise_count(self.bits).sum(axis=1, dtype=np.int64))

    @property
    def count(self) -> int:
        """Pixels of tissue."""
        return int(self._ends[-1])

    def spot(self, number: int) -> NDArray[np.int64]:
        """Row and column of a pixel of tissue, counted along the rows: ``np.argwhere(mask)[number]``."""
        row = int(np.searchsorted(self._ends, number, side="right"))
        columns = np.flatnonzero(np.unpackbits(self.bits[row], count=self.width))
        return np.array([row, columns[number - (self._ends[row - 1] if row else 0)]])

    def _unpacked(self, bits: NDArray[np.uint8]) -> NDArray[np.bool_]:
        return np.unpackbits(bits, axis=1, count=self.width).astype(np.bool_)


def find_tissue(overview: NDArray[np.uint8], mpp: float) -> Tissue:
    """Look at an overview, uint8 (height, width, 3), of ``mpp``.

    A picture on black ground without glass has no tissue: nothing says what its colours are measured against.
    """
    fill = black_fill(overview)
    white = white_point(overview, fill)
    if white is None and fill.mean() > MOSTLY_FILL:
        mask = np.zeros(fill.shape, np.bool_)
    else:
        mask = _darker_than_glass(overview, white, fill)
    return Tissue.of(mask, mpp, white, fill, float(pen_marks(overview).mean()))


def remark(tissue: Tissue) -> str:
    """What is odd about a slide, for people: black fill, pen; empty where nothing is."""
    found = []
    filled = tissue.filled
    if filled is not None:
        ground = "" if tissue.white is not None else ", and no glass"
        found.append(f"black fill on {filled.mean():.0%} of the area{ground}")
    if tissue.pen >= SOME_PEN:
        found.append(f"what looks like green or blue pen on {tissue.pen:.1%} of the area")
    return "; ".join(found)


def white_point(
    overview: NDArray[np.uint8], fill: NDArray[np.bool_] | None = None
) -> NDArray[np.float32] | None:
    """Return the colour of the empty slide, shape (3,), in 0..255, or None where there is no empty slide.

    It is the median of the bright, flat and nearly grey pixels; of the brightest, where a dim scan has no bright ones.
    A camera image that is all tissue has too few of them to say. ``fill``, bool (height, width), is no part of it.
    """
    from scipy import ndimage

    smooth = ndimage.uniform_filter(overview, size=(3, 3, 1))
    red, green, blue = np.moveaxis(smooth, -1, 0)
    total = red.astype(np.uint16) + green + blue
    flat = _varies_less(total, FLAT)
    flat &= _strength(smooth) < NEARLY_GREY
    seen = flat.size
    if fill is not None and fill.any():
        flat &= ~fill
        seen = max(int((~fill).sum()), 1)
    bright = flat & (total > 3 * BRIGHT)
    if bright.sum() >= ENOUGH_BACKGROUND * seen:
        return np.asarray(np.median(smooth[bright], axis=0), np.float32)
    top = float(np.percentile(total[~fill] if seen < flat.size and fill is not None else total, 98))
    dim = flat & (total > max(NEARLY_TOP * top, 3 * DARKEST_GLASS))
    if top <= 3 * BRIGHT and dim.sum() >= ENOUGH_DIM * seen:
        return np.asarray(np.median(smooth[dim], axis=0), np.float32)
    return None


def black_fill(overview: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return where black was filled in, shape (height, width), with its rim: flat, large and nearly 0."""
    from scipy import ndimage

    red, green, blue = np.moveaxis(overview, -1, 0)
    brightest = np.maximum(np.maximum(red, green), blue)
    dark = brightest <= BLACK
    if dark.mean() < LEAST_FILL:  # as on nearly every slide
        return np.zeros(dark.shape, np.bool_)
    dark &= _highest(brightest) - _lowest(brightest) <= np.uint8(BLACK // 2)
    pieces, _ = ndimage.label(dark)
    large = np.bincount(pieces.ravel()) >= LEAST_FILL * dark.size
    large[0] = False
    fill = large[pieces]
    if not fill.any():
        return np.asarray(fill, np.bool_)
    return np.asarray(ndimage.binary_dilation(fill, iterations=2 + FILL_RIM_PX), np.bool_)


def pen_marks(overview: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return where an overview is strongly green or blue, shape (height, width), as pen is and H&E never.

    Red and black pen cannot be told from stain and folds in this way.
    """
    red, green, _ = np.moveaxis(overview, -1, 0)
    return np.asarray((_strength(overview) > 80) & (red <= green) & (red < 160), np.bool_)


def whiten(pixels: NDArray[np.uint8], white: NDArray[np.float32] | None) -> NDArray[np.uint8]:
    """Scale colours, shape (..., 3), so that ``white`` becomes ``BACKGROUND`` grey; None leaves them."""
    if white is None:
        return pixels
    return np.minimum(pixels * (BACKGROUND / white) + 0.5, 255).astype(np.uint8)


def tissue_share(image: NDArray[np.uint8], by: float = 15.0) -> float:
    """Share of pixels that are ``by`` grey levels below the glass of a whitened slide."""
    height, width = image.shape[:2]
    bands = (image[top : top + 1024] for top in range(0, height, 1024))
    return sum(int(darker(band, by).sum()) for band in bands) / (height * width)


def darker(image: NDArray[np.uint8], by: float = 15.0) -> NDArray[np.bool_]:
    """Which pixels are ``by`` grey levels below the glass of a whitened slide, shape (height, width)."""
    return np.asarray(image.mean(axis=-1) < BACKGROUND - by, np.bool_)


def tissue_mask(overview: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return where an overview, uint8 (height, width, 3), shows tissue, shape (height, width).

    Tissue is darker than the slide's own white: optical density against ``white_point``, thresholded by Otsu
    within bounds, cleaned of specks and with small holes (lumina, fat) filled. Ink, frames and pen marks pass; black
    that was filled in does not.
    """
    return find_tissue(overview, 1.0).mask


def _darker_than_glass(
    overview: NDArray[np.uint8], white: NDArray[np.float32] | None, fill: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    # by their full names, for which threads wait: skimage hands out what is not yet whole
    from skimage.filters import gaussian, threshold_otsu
    from skimage.morphology import remove_small_holes, remove_small_objects

    white = np.full(3, BACKGROUND, np.float32) if white is None else white
    values = np.arange(256, dtype=np.uint8)[:, None]
    table = -np.log10(np.clip(values, 1, None) / white)  # (256, 3): a pixel has few values
    red, green, blue = (table[overview[..., c], c] for c in range(3))
    density = (red + green + blue) / np.float32(3)
    density[fill] = 0
    density = gaussian(np.clip(density, 0, 1.5), 1.5)
    seen = density[~fill] if fill.any() else density
    threshold = float(np.clip(threshold_otsu(seen), 0.03, 0.06)) if seen.size else 0.06
    mask = density > threshold
    mask[fill] = False
    speck = max(16, mask.size // 2000)
    mask = remove_small_objects(mask, max_size=speck)
    mask = np.asarray(remove_small_holes(mask, max_size=speck), np.bool_)
    return mask & ~fill if fill.any() else mask


def _strength(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """How far the channels of each pixel differ, shape (height, width)."""
    red, green, blue = np.moveaxis(pixels, -1, 0)
    least = np.minimum(np.minimum(red, green), blue)
    return np.asarray(np.maximum(np.maximum(red, green), blue) - least)


def _varies_less(total: NDArray[np.uint16], than: int) -> NDArray[np.bool_]:
    """Where means of three channels, given as their sums, vary by less than a number within 5 x 5 px."""
    highest, lowest = _highest(total), _lowest(total)
    range_ = highest - lowest
    less = range_ < 3 * than
    on_it = range_ == 3 * than  # then how thirds are rounded decides, as it does for means
    less[on_it] = highest[on_it] / 3 - lowest[on_it] / 3 < than
    return np.asarray(less, np.bool_)


def _highest(plane: NDArray[Any]) -> NDArray[Any]:
    """The largest of the 5 x 5 px round each, mirrored at the edges."""
    return _over_five(plane, np.maximum)


def _lowest(plane: NDArray[Any]) -> NDArray[Any]:
    return _over_five(plane, np.minimum)


def _over_five(plane: NDArray[Any], choose: np.ufunc) -> NDArray[Any]:
    height, width = plane.shape
    wide = np.pad(plane, ((2, 2), (0, 0)), mode="symmetric")
    rows = wide[:height].copy()
    for i in range(1, 5):
        choose(rows, wide[i : i + height], out=rows)
    wide = np.pad(rows, ((0, 0), (2, 2)), mode="symmetric")
    for i in range(5):
        choose(rows, wide[:, i : i + width], out=rows)
    return rows
