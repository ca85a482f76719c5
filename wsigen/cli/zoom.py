"""wsigen zoom: one place of a slide at every scale, without the rest of the slide."""

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wsigen.cli.options import slide_options
from wsigen.cli.slide import ask
from wsigen.cli.wait import spent, watch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wsigen.zoom.cone import Cone
    from wsigen.zoom.path import View


@click.command()
@click.argument("out", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--at", required=True, metavar="X,Y", help="The place, in pixels of the finished slide."
)
@click.option(
    "--view-px",
    type=click.IntRange(min=8),
    default=256,
    show_default=True,
    help="Side of each picture in pixels.",
)
@click.option(
    "--margin-px",
    type=click.IntRange(min=0),
    help="Evaluate patches no further round what is shown; by default as far as it depends on, which is exact.",
)
@slide_options
@click.option(
    "--half/--full", default=False, help="Canvases in half precision, as of large slides."
)
@click.option("--overwrite", is_flag=True, help="Write into OUT though it holds files.")
def zoom(
    out: Path,
    at: str,
    view_px: int,
    margin_px: int | None,
    half: bool,
    overwrite: bool,
    **named: Any,
) -> None:
    """See one place of a slide at every scale, from overview to cell.

    Only what the place depends on is made, at about the same cost for each stage however large the slide is. The
    pictures are crops of the slide that generate makes with the same options; with --margin-px nearly so, at less
    cost. OUT gets a picture for each scale, strip.png with scale bars, and zoom.json, which says what was spent.

    \b
    Examples:
      wsigen zoom place --at 800,1200
      wsigen zoom deep --at 30000,41000 --width 65536 --height 65536 --seed 3
      wsigen zoom quick --at 30000,41000 --width 65536 --height 65536 --seed 3 --plan preview --margin-px 32
    """
    from wsigen.errors import WsigenError
    from wsigen.outputs import check_place
    from wsigen.provenance import run_info
    from wsigen.runs.estimate import evaluations_due
    from wsigen.zoom.cone import cones
    from wsigen.zoom.path import evaluations_of
    from wsigen.zoom.path import zoom as run

    if out.is_dir() and any(out.iterdir()) and not overwrite:
        raise WsigenError(f"{out}: not empty; choose another folder or add --overwrite")
    check_place(out.absolute())
    column, row = place_of(at)
    asked = ask(**named)
    if not (column < asked.width and row < asked.height):
        raise WsigenError(
            f"--at is {at}; expected a place on the slide, {asked.width} x {asked.height} px"
        )
    needed = cones(asked.painter, asked.path, (row, column), view_px=view_px, margin_px=margin_px)
    views, ledger = watch(run(needed, half=half), evaluations_of(needed))
    ledger = [line | account(cone) for line, cone in zip(ledger, needed, strict=True)]
    table = {
        "SYNTHETIC": True,
        **asked.described,
        "at": [column, row],
        "margin_px": margin_px,
        "exact": not any(cone.cut for cone in needed),
        "ledger": ledger,
        "run": run_info(asked.device, batch_size=asked.painter.batch_size, half=half),
    }
    write(out, views, table)
    of_whole = sum(evaluations_due(asked.painter, [cone.stage for cone in needed]))
    share = sum(evaluations_of(needed)) / of_whole
    click.echo(
        f"{out}: {len(views)} scales of one place of {asked.width} x {asked.height} px, SYNTHETIC, "
        f"{spent(ledger, asked.device)}: {share:.2%} of the whole slide's"
    )
    click.echo(f"look at it: {out / 'strip.png'}")


def place_of(text: str) -> tuple[float, float]:
    """Read X,Y."""
    from wsigen.errors import WsigenError

    try:
        x, y = map(float, text.split(","))
        if not (math.isfinite(x) and math.isfinite(y)):
            raise ValueError(text)
    except ValueError as error:
        raise WsigenError(
            f"--at is {text!r}; expected two numbers X,Y, in pixels of the finished slide"
        ) from error
    return x, y


def account(cone: "Cone") -> dict[str, Any]:
    """What of a stage was made, and what share of all of it that is."""
    return {
        "view": cone.view._asdict(),
        "made": cone.region._asdict(),
        "patches_of_whole": cone.patches_of_whole,
        "share": cone.patches / cone.patches_of_whole,
    }


def write(out: Path, views: "Sequence[View]", table: dict[str, Any]) -> None:
    """Write the pictures, the strip and the table, all of them or none; the pictures of an earlier zoom go."""
    from PIL import Image as Picture

    from wsigen.outputs import whole_folder
    from wsigen.plots.zoom import zoom_path
    from wsigen.zoom.path import inner_boxes, pixels

    images = [pixels(view) for view in views]
    mpps = [view.stage.mpp for view in views]
    with whole_folder(out, replaces="stage_*_um_per_px.png") as part:
        for view, image in zip(views, images, strict=True):
            name = f"stage_{view.stage.index:02d}_{view.stage.mpp:.4g}_um_per_px.png"
            Picture.fromarray(image).save(part / name)
        zoom_path(images, mpps, inner_boxes(views)).savefig(part / "strip.png", dpi=150)
        (part / "zoom.json").write_text(json.dumps(table, indent=1) + "\n")
