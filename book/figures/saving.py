"""What the scripts of this folder share: they save their figures, and beside them what made them."""

import io
import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from PIL import Image

from wsigen.provenance import run_info

QUALITY = 80  # of a JPEG; with whole chroma, since frames and words are of thin coloured lines


def save(
    script: str,
    figures: Mapping[str, Callable[[], Figure]],
    *,
    dpi: int,
    tissue: bool = False,
    **arguments: Any,
) -> dict[str, Any]:
    """Draw every figure and list them in the script's ``.json``.

    Args:
        script: the script's ``__file__``.
        figures: what draws each, by name.
        dpi: pixels per inch.
        tissue: the figures hold pictures, not lines; see :func:`write`.
        arguments: what the figures depend on, for the note.

    Returns:
        What made them.
    """
    path = Path(script)
    began = time.monotonic()
    info = run_info(dpi=dpi, **arguments)  # before a new picture counts as a change
    for name, draw in figures.items():
        write(draw(), path.with_name(name), dpi, tissue)
    seconds = round(time.monotonic() - began, 1)
    note = {"figures": sorted(figures), "seconds": seconds, "info": info}
    path.with_suffix(".json").write_text(json.dumps(note, indent=1) + "\n", "utf-8")
    return info


def write(figure: Figure, stem: Path, dpi: int, tissue: bool) -> None:
    """Write ``stem.jpg`` where a figure shows tissue, else ``stem.png`` of at most 256 colours.

    Each is the smaller by far for what it shows. (WebP would be smaller still, but LaTeX cannot show it.)
    """
    drawn = io.BytesIO()
    figure.savefig(drawn, dpi=dpi)
    picture = Image.open(drawn).convert("RGB")
    size = {"dpi": (dpi, dpi), "optimize": True}
    if tissue:
        picture.save(f"{stem}.jpg", quality=QUALITY, subsampling=0, **size)
    else:
        picture.quantize(256, dither=Image.Dither.NONE).save(f"{stem}.png", **size)
