"""Figures as a notebook shows them: a file, and words for those who cannot see it."""

import base64
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

DPI = 110


class Shown:
    """A PNG file that a notebook shows with its alt text.

    Args:
        file: the picture.
        alt: what can be seen there.
    """

    def __init__(self, file: str | Path, alt: str) -> None:
        self.file, self.alt = Path(file), alt

    def __repr__(self) -> str:  # without an address, so that two runs of a notebook are the same
        return f"Shown({self.file.name!r})"

    def _repr_mimebundle_(self, **asked: Any) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
        """The picture and what is said of it, as Jupyter asks for them."""
        pixels = base64.b64encode(self.file.read_bytes()).decode()
        return {"image/png": pixels}, {"image/png": {"alt": self.alt}}


def show(folder: str | Path, figure: Figure, name: str, alt: str) -> Shown:
    """Save a figure as ``folder/name.png`` and show it, with words for those who cannot see it."""
    file = Path(folder) / f"{name}.png"
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=DPI)
    return Shown(file, alt)
