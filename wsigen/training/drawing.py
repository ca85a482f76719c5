"""Training patches drawn in bulk, on the device, from slides that lie decoded in its memory.

A slide is a pyramid of bytes, each level half the size of the one before. A patch is read from the nearest level that
is finer: at the centres of four squares in each of its pixels, between which and the level's pixels it interpolates.
Their mean is the mean of the tissue under the pixel, up to a grey level.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from wsigen.cohorts.cohort import Entry
from wsigen.cohorts.placing import WHOLE_BORDER, Ground, Places, Placing
from wsigen.slides.tissue import BACKGROUND, tissue_mask, white_point, whiten

ESTIMATE_JITTER = 0.2  # standard deviation of ln(mpp) where a scale is an estimate
MASK_PX = 512  # longest side of the overview on which tissue is looked for


@dataclass(frozen=True)
class Decoded:
    """One image as a pyramid: levels uint8 (height, width, 3), each half the size of the one before."""

    ground: Ground
    organ: str
    levels: tuple[NDArray[np.uint8], ...]


def decode(entry: Entry, mpp_min: float) -> Decoded:
    """Read a whole slide at ``mpp_min`` or its own scale, bring its glass to one grey, and halve it again and again."""
    with entry.open() as slide:
        mpp = max(slide.mpp, mpp_min)
        zoom = mpp / slide.mpp
        pixels = slide.read(0, 0, int(slide.height / zoom), int(slide.width / zoom), mpp)
    levels = [pixels]
    while min(levels[-1].shape[:2]) >= 16:
        levels.append(halved(levels[-1]))
    mask_level = next(
        i for i, level in enumerate(levels) if max(level.shape) <= MASK_PX or i == len(levels) - 1
    )
    overview = levels[mask_level]
    white, mask = white_point(overview), tissue_mask(overview)
    border = np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]])
    mask_mpp = mpp * 2**mask_level
    if not mask.any():
        mask[:] = True
    ground = Ground(
        pixels.shape[0],
        pixels.shape[1],
        mpp,
        entry.case,
        "breast" if entry.organ.startswith("breast") else "other",
        ((np.argwhere(mask) + 0.5) * mask_mpp).astype(np.float32),
        float(mask.sum()) * mask_mpp**2,
        white is not None and border.mean() < WHOLE_BORDER,
        ESTIMATE_JITTER if entry.mpp_source.startswith("estimated") else 0.0,
    )
    return Decoded(ground, entry.organ, tuple(whiten(level, white) for level in levels))


def halved(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Means of squares of 2 x 2 pixels; an odd last row or column is left out."""
    height, width = (side // 2 * 2 for side in pixels.shape[:2])
    even = pixels[:height, :width].astype(np.uint16)
    total = even[::2, ::2] + even[1::2, ::2] + even[::2, 1::2] + even[1::2, 1::2]
    return ((total + 2) >> 2).astype(np.uint8)


@dataclass(frozen=True)
class Drawn:
    """Patches: clean (batch, 3, side, side) in [-1, 1]; mpp, overview and the number of the organ, shape (batch,)."""

    clean: Tensor
    mpp: Tensor
    overview: Tensor
    organ: Tensor


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
        total = 0
        for i, slide in enumerate(slides):
            for k, level in enumerate(slide.levels):
                sizes[i, k], starts[i, k] = level.shape[:2], total
                total += level.shape[0] * level.shape[1]
        # four bytes a pixel, so that one number is read for each
        self.pixels = torch.zeros((total, 4), dtype=torch.uint8)
        for i, slide in enumerate(slides):
            for k, level in enumerate(slide.levels):
                flat = torch.from_numpy(level.reshape(-1, 3))
                self.pixels[starts[i, k] : starts[i, k] + len(flat), :3] = flat
        self.pixels = self.pixels.view(torch.int32).flatten()
        self.pixels = self.pixels.to(device)
        self.sizes = torch.from_numpy(sizes).to(device)
        self.starts = torch.from_numpy(starts).to(device)
        self.number = np.array([len(slide.levels) for slide in slides])
        self.device = device

    @classmethod
    def of(cls, entries: Sequence[Entry], mpp_min: float, device: str = "cpu") -> "Pyramids":
        """Decode the slides of a cohort."""
        with ThreadPoolExecutor() as pool:
            return cls(list(pool.map(lambda entry: decode(entry, mpp_min), entries)), device)

    def draw(self, places: Places, patch_px: int) -> Tensor:
        """Patches, float in [-1, 1], shape (batch, 3, patch_px, patch_px); beyond a slide lies its glass."""
        mpp = np.array([g.mpp for g in self.grounds])[places.source]
        level = np.floor(np.log2(places.mpp / mpp * 1.001)).astype(np.int64)
        level = np.clip(level, 0, self.number[places.source] - 1)
        scale = places.mpp / (mpp * 2.0**level)  # pixels of the level per pixel of the patch
        fine = 2 * patch_px  # four samples in each pixel
        offsets = (np.arange(fine) + 0.5) / 2 - patch_px / 2
        down, across = np.meshgrid(offsets, offsets, indexing="ij")
        if_mirrored = np.where(places.mirror, -1.0, 1.0)
        cos, sin = np.cos(places.angle) * scale, np.sin(places.angle) * scale
        centre = places.centre / (mpp * 2.0**level)[:, None]
        as_tensor = lambda values: torch.as_tensor(values, dtype=torch.float32, device=self.device)  # noqa: E731
        y, x = as_tensor(down), as_tensor(across) * as_tensor(if_mirrored)[:, None, None]
        cos_, sin_ = as_tensor(cos)[:, None, None], as_tensor(sin)[:, None, None]
        rows = as_tensor(centre[:, 0])[:, None, None] + cos_ * y - sin_ * x - 0.5
        columns = as_tensor(centre[:, 1])[:, None, None] + sin_ * y + cos_ * x - 0.5
        source = torch.as_tensor(places.source, device=self.device)
        at = torch.as_tensor(level, device=self.device)
        size, start = self.sizes[source, at], self.starts[source, at]
        samples = self._interpolated(rows, columns, size, start)
        images = functional.avg_pool2d(samples.permute(0, 3, 1, 2), 2)
        return images / 127.5 - 1

    def _interpolated(self, rows: Tensor, columns: Tensor, size: Tensor, start: Tensor) -> Tensor:
        """Bilinear values at places of levels, shape (batch, height, width, 3), 0 to 255."""
        height, width = size[:, 0, None, None], size[:, 1, None, None]
        inside = (rows > -1) & (rows < height) & (columns > -1) & (columns < width)
        # up to a pixel beyond its edge an image is taken to go on
        rows = torch.minimum(rows.clamp(min=0), height - 1)
        columns = torch.minimum(columns.clamp(min=0), width - 1)
        top, left = rows.long(), columns.long()
        down, right = (rows - top)[..., None], (columns - left)[..., None]
        first = start[:, None, None] + top * width + left
        beside = torch.where(left < width - 1, 1, 0)
        below = torch.where(top < height - 1, width, 0)

        def at(index: Tensor) -> Tensor:
            return self.pixels[index].view(torch.uint8).view(*index.shape, 4)[..., :3].float()

        first = torch.where(inside, first, 0)
        upper = torch.lerp(at(first), at(first + torch.where(inside, beside, 0)), right)
        first = first + torch.where(inside, below, 0)
        lower = torch.lerp(at(first), at(first + torch.where(inside, beside, 0)), right)
        glass = torch.tensor(float(BACKGROUND), device=self.device)
        return torch.where(inside[..., None], torch.lerp(upper, lower, down), glass)


class Drawer:
    """Patches by number from slides in memory.

    Args:
        pyramids: the slides.
        placing: where patches lie on them.
        organs: names of the organs that a network knows, the first of number 1.
    """

    def __init__(self, pyramids: Pyramids, placing: Placing, organs: Sequence[str] = ()) -> None:
        self.pyramids, self.placing = pyramids, placing
        numbers = {organ: i for i, organ in enumerate(organs, start=1)}
        self._organ = np.array([numbers.get(organ, 0) for organ in pyramids.organs])

    def draw(self, numbers: Sequence[int]) -> Drawn:
        """The patches of these numbers."""
        places = self.placing.places(numbers)
        device = self.pyramids.device
        return Drawn(
            self.pyramids.draw(places, self.placing.patch_px),
            torch.as_tensor(places.told_mpp, dtype=torch.float32, device=device),
            torch.as_tensor(places.overview, device=device),
            torch.as_tensor(self._organ[places.source], device=device),
        )
