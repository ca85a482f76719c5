"""Overlapping windows: where they lie, how much each counts at each of its pixels, and their weighted mean."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from wsigen.arrays import Images
from wsigen.errors import WsigenError
from wsigen.grid import Grid, Window
from wsigen.runs.canvas import Image

Weights = Float[Tensor, "patch patch"]

GAUSSIAN_SPREAD = 0.1  # of the patch's side, as in Jimenez 2023 (Mixture of Diffusers)


def overlapping(height: int, width: int, patch_px: int, stride: int, boundary: str = "pad") -> Grid:
    """Windows a stride apart.

    Args:
        height, width: of the canvas.
        patch_px, stride: in pixels.
        boundary: "pad": the windows lie inside, the last ones flush with the edge. "wrap": they go
            round, the last perhaps nearer to the first.
    """
    if min(height, width) < patch_px or not 0 < stride <= patch_px:
        raise WsigenError(
            f"patches of {patch_px} px every {stride} px on {width} x {height} px; expected a canvas of at least "
            "one patch and a stride from 1 px to a patch"
        )
    return Grid(
        _starts(height, patch_px, stride, boundary),
        _starts(width, patch_px, stride, boundary),
        patch_px,
    )


def _starts(length: int, patch_px: int, stride: int, boundary: str) -> list[int]:
    if boundary == "wrap":
        return list(range(0, length, stride))
    return [*range(0, length - patch_px, stride), length - patch_px]


def weights(kind: str, patch_px: int, overlap: int = 0) -> Weights:
    """How much a patch counts at each of its pixels.

    Args:
        kind: "flat"; "gaussian", falling from the middle; or "fade", flat but for a straight fall over the overlap.
        patch_px: side of the patch.
        overlap: of neighbours, for "fade".
    """
    places = torch.arange(patch_px) + 0.5
    if kind == "flat":
        profile = torch.ones(patch_px)
    elif kind == "gaussian":
        profile = torch.exp(-((places / patch_px - 0.5) ** 2) / (2 * GAUSSIAN_SPREAD**2))
    elif kind == "fade":
        profile = (torch.minimum(places, patch_px - places) / max(overlap, 1)).clamp(max=1)
    else:
        raise WsigenError(f"no weights {kind!r}; expected flat, gaussian or fade")
    return profile[:, None] * profile


class WeightedMean:
    """The weighted mean of patches that overlap.

    Args:
        height, width: of the canvas; windows that leave it go round.
        weights: of each patch.
        device: where patches lie.
    """

    def __init__(
        self, height: int, width: int, weights: Weights, device: torch.device | str = "cpu"
    ) -> None:
        self.weights = weights.to(device)
        self.sums = torch.zeros(3, height, width, device=device)
        self.total = torch.zeros(1, height, width, device=device)

    def add(self, windows: Sequence[Window], patches: Images) -> None:
        """Add patches, shape (batch, 3, patch, patch)."""
        for window, patch in zip(windows, patches, strict=True):
            for piece, place in window.pieces(*self.sums.shape[1:]):
                part = self.weights[place.slices()[1:]]
                self.sums[piece.slices()] += part * patch[place.slices()]
                self.total[piece.slices()] += part

    @property
    def image(self) -> Image:
        """The mean, shape (3, height, width)."""
        return self.sums / self.total
