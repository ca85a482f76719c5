"""What the live microscope has on offer: slides by their stages, and their tiles in the form that is asked for."""

import hashlib
import io
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from PIL import Image

from wsigen.grid import Window
from wsigen.zoom.desk import Piece, Pixels

TILE_PX = 256
QUALITY = 90


@dataclass(frozen=True)
class Scale:
    """A stage as it is shown: its size in pixels, cut as the slide is, and micrometres per pixel."""

    height: int
    width: int
    mpp: float


@dataclass(frozen=True)
class Offer:
    """What can be looked at.

    Args:
        scales: of the stages, coarse to fine.
        seed: of the slide that is shown first.
        described: what names the slide, but for the seed, as its file says it.
        command: what makes the whole slide, with SEED in place of the seed; empty where it is not for others to see.
    """

    scales: Sequence[Scale]
    seed: int
    described: dict[str, Any]
    command: str = ""

    @property
    def run(self) -> str:
        """A name of the slides offered, the same for the same: a browser may keep their tiles."""
        return hashlib.sha256(json.dumps(self.described).encode()).hexdigest()[:12]

    def piece(self, seed: int, address: str, form: str = "jpg") -> Piece | None:
        """The tile at stage/column_row; None where the slide has no such tile."""
        stage, column, row = map(int, address.replace("_", "/").split("/"))
        if stage >= len(self.scales):
            return None
        scale = self.scales[stage]
        top, left = row * TILE_PX, column * TILE_PX
        height, width = min(TILE_PX, scale.height - top), min(TILE_PX, scale.width - left)
        if height <= 0 or width <= 0:
            return None
        return Piece(seed, stage, Window(top, left, height, width), form)


def scales(sizes: Sequence[tuple[int, int, float]], height: int, width: int) -> list[Scale]:
    """The stages of a slide of height x width px, from their (height, width, mpp): each cut where the slide ends."""
    last = sizes[-1][0]
    found = []
    for stage_height, _, mpp in sizes:
        factor = last // stage_height
        found.append(Scale(math.ceil(height / factor), math.ceil(width / factor), mpp))
    return found


def formed(piece: Piece, pixels: Pixels) -> Any:
    """The pixels of a piece in its form: bytes of a JPEG or PNG, or the pixels as they are."""
    if piece.form == "pixels":
        return pixels
    out = io.BytesIO()
    if piece.form == "jpg":
        Image.fromarray(pixels).save(out, "JPEG", quality=QUALITY, subsampling=0)
    else:
        Image.fromarray(pixels).save(out, "PNG", compress_level=1)
    return out.getvalue()
