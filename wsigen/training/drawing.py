"""Training patches drawn in bulk, on the device, from slides that lie decoded in its memory.

A slide is a pyramid of bytes, each level half the size of the one before. A patch is read from the nearest level that
is finer: an upright window that holds it is gathered, and each of the patch's pixels is the mean of four squares of
width w <= 1. Over a square at p, where pixel k of the level covers k to k + 1, the mean is what interpolation gives at

    p' = e + clamp((p - e) / w, -1/2, 1/2),    e = round(p),

along each axis: exactly the mean of the tissue under it for a patch that stands upright.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from wsigen.cohorts.entry import Entry
from wsigen.cohorts.ground import Ground
from wsigen.cohorts.patches import Source
from wsigen.cohorts.placing import Places, Placing
from wsigen.devices import sent
from wsigen.pixels import GREY
from wsigen.slides.tissue import BACKGROUND
from wsigen.training.progress import Watch, unwatched

TOGETHER = {"cpu": 2}  # patches drawn at once: on a processor as few as its cache holds


@dataclass(frozen=True)
class Decoded:
    """One image as a pyramid: levels uint8 (height, width, 3), each half the size of the one before."""

    ground: Ground
    organ: str
    levels: tuple[NDArray[np.uint8], ...]


def decode(entry: Entry, mpp_min: float) -> Decoded:
    """Read a whole slide at ``mpp_min`` or its own scale, bring its glass to one grey, and halve it again and again."""
    with entry.open() as slide:
        source = Source.of(slide, entry.case)
        ground = Ground.of(source, entry, mpp_min)
        levels = [source.read(0, 0, ground.height, ground.width, ground.mpp)]
    while min(levels[-1].shape[:2]) >= 16:
        levels.append(halved(levels[-1]))
    return Decoded(ground, entry.organ, tuple(levels))


def halved(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Means of squares of 2 x 2 pixels; an odd last row or column is left out."""
    height, width = (side // 2 * 2 for side in pixels.shape[:2])
    even = pixels[:height, :width].astype(np.uint16)
    total = even[::2, ::2] + even[1::2, ::2] + even[::2, 1::2] + even[1::2, 1::2]
    return ((total + 2) >> 2).astype(np.uint8)


@dataclass(frozen=True)
class Drawn:
    """Patches: clean (batch, 3, side, side) in [-1, 1]; mpp, overview, numbers of organ and slide, shape (batch,)."""

    clean: Tensor
    mpp: Tensor
    overview: Tensor
    organ: Tensor
    source: Tensor


class Pyramids:
    """Decoded slides in one block of memory, on a device.

    Args:
        slides: what :func:`decode` made.
        device: where they lie, and where patches are drawn.
    """

    def __init__(self, slides: Sequence[Decoded], device: str = "cpu") -> None:
        self.grounds = [slide.ground for slide in slides]
        self.organs = [slide.organ for slide in slides]
        most = max(len(slide.levels) for slide in slides)
        sizes = np.zeros((len(slides), most, 2), np.int64)
        starts = np.zeros((len(slides), most), np.int64)
        total = 1
        for i, slide in enumerate(slides):
            for k, level in enumerate(slide.levels):
                sizes[i, k], starts[i, k] = level.shape[:2], total
                total += level.shape[0] * level.shape[1]
        # four bytes a pixel, so that one number is read for each; the first is glass
        pixels = np.empty((total, 4), np.uint8)
        pixels[0] = BACKGROUND
        for i, slide in enumerate(slides):
            for k, level in enumerate(slide.levels):
                flat = level.reshape(-1, 3)
                pixels[starts[i, k] : starts[i, k] + len(flat), :3] = flat
        self.pixels = torch.from_numpy(pixels.view(np.int32)[:, 0]).to(device)
        self.sizes, self.starts = sizes, starts
        self.number = np.array([len(slide.levels) for slide in slides])
        self._mpp = np.array([ground.mpp for ground in self.grounds])
        self.device = device

    @classmethod
    def of(
        cls,
        entries: Sequence[Entry],
        mpp_min: float,
        device: str = "cpu",
        watch: Watch = unwatched,
    ) -> "Pyramids":
        """Decode the slides of a cohort; ``watch`` is given one step for each."""
        with ThreadPoolExecutor() as pool:
            decoded = pool.map(lambda entry: decode(entry, mpp_min), entries)
            slides = [next(decoded) for _ in watch(range(len(entries)), "decoding slides")]
        return cls(slides, device)

    def draw(self, places: Places, patch_px: int) -> Tensor:
        """Patches, float in [-1, 1], shape (batch, 3, patch_px, patch_px); beyond a slide lies its glass."""
        number = len(places.source)
        step = TOGETHER.get(torch.device(self.device).type, number)
        mpp = self._mpp[places.source]
        level = np.floor(np.log2(places.mpp / mpp * (1 + 1e-6))).astype(np.int64)
        level = np.clip(level, 0, self.number[places.source] - 1)
        mpp = mpp * 2.0**level
        half = patch_px * places.mpp / mpp / 2  # of a side, in pixels of the level
        centre = places.centre / mpp[:, None]
        reach = half * (np.abs(np.cos(places.angle)) + np.abs(np.sin(places.angle)))
        corner = np.floor(centre - reach[:, None]).astype(np.int64) - 1
        sides = np.ceil(2 * reach).astype(np.int64) + 3  # of windows that hold them
        size, start = self.sizes[places.source, level], self.starts[places.source, level]
        maps_ = _maps(centre - corner, half, places.angle, places.mirror).astype(np.float32)
        squares = self._squares(patch_px)
        maps = sent(torch.from_numpy(maps_), self.device)
        widths = torch.from_numpy(np.minimum(half / patch_px, 1).astype(np.float32))
        width = sent(widths, self.device)[:, None, None, None]
        parts = []
        for first in range(0, number, step):
            some = slice(first, first + step)
            side = int(sides[some].max())
            window = self._windows(corner[some], side, size[some], start[some])
            at = (maps[some] @ squares).view(-1, 2, 4 * patch_px, patch_px)
            edge = at.round()
            at.sub_(edge).div_(width[some]).clamp_(-0.5, 0.5).add_(edge).mul_(2 / side).sub_(1)
            grid = at.permute(0, 2, 3, 1)  # -1 to 1 over the window
            samples = functional.grid_sample(window, grid, align_corners=False)
            parts.append(samples.view(-1, 3, 4, patch_px, patch_px).sum(2))
        return torch.cat(parts).div_(4 * GREY).sub_(1)

    def _squares(self, patch_px: int) -> Tensor:
        """Where a patch is sampled: (x, y, 1) of the squares of its pixels, x and y in -1 .. 1, shape (3, 4 pixels)."""
        centre = (torch.arange(patch_px, device=self.device) + 0.5) * (2 / patch_px) - 1
        quarter = (torch.arange(2, device=self.device) - 0.5) / patch_px
        places = centre + quarter[:, None]  # (2, patch_px)
        shape = (2, 2, patch_px, patch_px)
        x, y = places[None, :, None, :].expand(shape), places[:, None, :, None].expand(shape)
        return torch.stack([x, y, torch.ones_like(x)]).view(3, -1)

    def _windows(
        self,
        corner: NDArray[np.int64],
        side: int,
        size: NDArray[np.int64],
        start: NDArray[np.int64],
    ) -> Tensor:
        """Squares of levels, 0 to 255, shape (batch, 3, side, side).

        Beyond its edge an image goes on for a pixel; then comes glass.
        """
        numbers = torch.from_numpy(np.stack([*corner.T, *size.T, start]))
        top, left, height, width, first = sent(numbers, self.device)[:, :, None]
        steps = torch.arange(side, device=self.device)
        rows, columns = top + steps, left + steps
        down = first + torch.minimum(rows.clamp(min=0), height - 1) * width
        across = torch.minimum(columns.clamp(min=0), width - 1)
        index = down[:, :, None] + across[:, None, :]
        if ((corner < -1) | (corner + side > size + 1)).any():
            rows_in, columns_in = (
                (at >= -1) & (at <= end) for at, end in ((rows, height), (columns, width))
            )
            index = torch.where(rows_in[:, :, None] & columns_in[:, None, :], index, 0)
        found = self.pixels.index_select(0, index.view(-1)).view(torch.uint8)
        return found.view(-1, side, side, 4).float().permute(0, 3, 1, 2)[:, :3]


def _maps(
    centre: NDArray[np.float64],
    half: NDArray[np.float64],
    angle: NDArray[np.float64],
    mirror: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """Affine maps, shape (n, 2, 3), from a patch's (x, y) of -1 to 1 to pixels (x, y) of its window."""
    cos, sin = np.cos(angle) * half, np.sin(angle) * half
    hand = np.where(mirror, -1.0, 1.0)
    across = np.stack([hand * cos, sin, centre[:, 1]], axis=-1)
    down = np.stack([-hand * sin, cos, centre[:, 0]], axis=-1)
    return np.stack([across, down], axis=1)


class Drawer:
    """Patches by number from slides in memory.

    Args:
        pyramids: the slides.
        placing: where patches lie on them.
        organs: names of the organs that a network knows, the first of number 1.
    """

    def __init__(self, pyramids: Pyramids, placing: Placing, organs: Sequence[str] = ()) -> None:
        self.pyramids, self.placing = pyramids, placing
        self.cases = [ground.case for ground in pyramids.grounds]
        numbers = {organ: i for i, organ in enumerate(organs, start=1)}
        self._organ = np.array([numbers.get(organ, 0) for organ in pyramids.organs])

    def draw(self, numbers: Sequence[int]) -> Drawn:
        """The patches of these numbers."""
        places = self.placing.places(numbers)
        device = self.pyramids.device
        told, organ = places.told_mpp.astype(np.float32), self._organ[places.source]
        mpp, overview, organs, source = (
            sent(torch.from_numpy(values), device)
            for values in (told, places.overview, organ, places.source)
        )
        clean = self.pyramids.draw(places, self.placing.patch_px)
        return Drawn(clean, mpp, overview, organs, source)
