"""What the scripts of this folder share: they save their figures, and beside them what made them."""

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from wsigen.provenance import run_info


def save(
    script: str, figures: Mapping[str, Callable[[], Figure]], *, dpi: int, **arguments: Any
) -> dict[str, Any]:
    """Draw every figure as ``<name>.png`` and list them in the script's ``.json``.

    Args:
        script: the script's ``__file__``.
        figures: what draws each, by name.
        dpi: pixels per inch.
        arguments: what the figures depend on, for the note.

    Returns:
        What made them.
    """
    path = Path(script)
    began = time.monotonic()
    info = run_info(dpi=dpi, **arguments)  # before a new picture counts as a change
    for name, draw in figures.items():
        draw().savefig(path.with_name(f"{name}.png"), dpi=dpi, metadata={"Software": None})
    seconds = round(time.monotonic() - began, 1)
    note = {"figures": sorted(figures), "seconds": seconds, "info": info}
    path.with_suffix(".json").write_text(json.dumps(note, indent=1) + "\n", "utf-8")
    return info
