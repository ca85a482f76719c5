"""wsigen generate --choose: overviews of many seeds on one sheet, so that a slide can be picked before it is made."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wsigen.cli.slide import Asked
    from wsigen.zoom.overview import Overview

ACROSS = 4
THUMB_PX = 256  # longer side of an overview on the sheet
PIECE = 0.005  # of the overview, to count as a piece of tissue
COLOURS = ((0, "pink"), (-40, "purple"), (-255, "blue"))  # by least red minus blue


@dataclass(frozen=True)
class Choice:
    """One overview on the sheet, and what it shows in words."""

    seed: int
    overview: "Overview"

    @property
    def words(self) -> str:
        """Tissue, pieces and colour."""
        from scipy import ndimage

        from wsigen.slides.tissue import darker

        shown = darker(self.overview.pixels)
        if not shown.any():
            return "empty glass"
        pieces, _ = ndimage.label(shown, np.ones((3, 3)))
        large = int((np.bincount(pieces.ravel())[1:] >= PIECE * shown.size).sum())
        red, _, blue = self.overview.pixels[shown].mean(axis=0)
        colour = next(name for least, name in COLOURS if red - blue >= least)
        number = f"{large} piece{'s' if large != 1 else ''}" if large else "specks"
        return f"{self.overview.tissue:.0%} tissue in {number}, {colour}"


def choices(asked: "Asked", number: int) -> "list[Choice]":
    """The overviews of ``number`` seeds, from the one that was asked for on.

    Raises:
        WsigenError: the slide is so large that its overview is no quick look.
    """
    from tqdm import tqdm

    from wsigen.errors import WsigenError

    if asked.overview is None:
        first = asked.path[0]
        raise WsigenError(
            f"--choose: the overview of this slide has {first.width} x {first.height} px, too many for a quick look; "
            "leave --choose out, or ask for a smaller slide"
        )
    first_seed = asked.painter.seed
    found = [Choice(first_seed, asked.overview)]
    for seed in tqdm(range(first_seed + 1, first_seed + number), "overviews", disable=None):
        overview = asked.of_seed(seed).overview
        assert overview is not None
        found.append(Choice(seed, overview))
    return found


def write_sheet(found: "Sequence[Choice]", path: Path) -> None:
    """Write the contact sheet as PNG."""
    from PIL import Image

    from wsigen.outputs import whole
    from wsigen.plots.quality import sheets

    images = []
    for choice in found:
        height, width = choice.overview.pixels.shape[:2]
        zoom = THUMB_PX / max(height, width)
        size = (max(1, round(width * zoom)), max(1, round(height * zoom)))
        picture = Image.fromarray(choice.overview.pixels)
        images.append(np.asarray(picture.resize(size, Image.Resampling.BICUBIC)))
    labels = [f"seed {c.seed}: {c.overview.tissue:.0%}" for c in found]
    drawn = sheets(images, labels, across=min(ACROSS, len(found)))
    with whole(path) as part:
        drawn.savefig(part, format="png", dpi=110)


def choose(asked: "Asked", number: int, out: Path, *, overwrite: bool) -> None:
    """Show overviews on a sheet beside ``out`` and in words, and say how to take one."""
    from wsigen.cli.wait import command
    from wsigen.outputs import check_file

    sheet = out.with_suffix(".choices.png")
    check_file(sheet, overwrite=overwrite)
    found = choices(asked, number)
    write_sheet(found, sheet)
    for choice in found:
        click.echo(f"seed {choice.seed}: {choice.words}")
    click.echo(f"{sheet}: {number} overviews; take the one that pleases by its seed:")
    click.echo(f"  {command('--choose', '--seed')} --seed {found[0].seed}")
