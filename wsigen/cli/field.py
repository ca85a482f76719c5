"""wsigen generate --field: a field of view out of the middle of tissue."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from wsigen.cli.wait import in_words, interruptible, spent, told, watch

if TYPE_CHECKING:
    from wsigen.cli.slide import Asked


def make_field(asked: "Asked", out: Path, png: Path | None, *, half: bool, overwrite: bool) -> None:
    """Make the window of the slide that was asked for, and write it as a slide of its own."""
    from wsigen.cli.generate import write
    from wsigen.runs.canvas import strips
    from wsigen.runs.estimate import seconds_each
    from wsigen.zoom.field import field_cones
    from wsigen.zoom.path import evaluations_of, zoom

    window = asked.field
    assert window is not None
    needs = field_cones(asked.painter, asked.path, window)
    due = evaluations_of(needs)
    seconds = sum(due) * seconds_each(asked.painter, asked.path[-1])
    if asked.overview is not None:
        click.echo(told(asked.overview))
    last = asked.path[-1]
    click.echo(
        f"a field at column {window.left}, row {window.top} of a slide of {last.width} x {last.height} px; at most "
        f"{sum(due)} evaluations of the network: about {in_words(seconds)} on {asked.device}"
    )
    with interruptible(None):
        views, ledger = watch(zoom(needs, half=half), due)
    pixels = strips(views[-1].image, window.height, window.width)
    about = asked.described | {"half": half, "ledger": ledger}
    write(out, png, pixels, window.height, window.width, asked.mpp, about, overwrite)
    click.echo(
        f"{out}: {window.width} x {window.height} px at {asked.mpp:g} um/px, SYNTHETIC, {spent(ledger, asked.device)}"
    )
