"""wsigen generate: from noise to a slide that pathology software opens."""

import contextlib
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wsigen.cli.field import make_field
from wsigen.cli.finite import Finite
from wsigen.cli.options import slide_options, threads_used
from wsigen.cli.slide import ask
from wsigen.cli.wait import SOON, in_words, interruptible, spent, told, watch

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray


@click.command()
@click.argument("out", type=click.Path(path_type=Path, dir_okay=False))
@slide_options
@click.option("--boundary", type=click.Choice(["pad", "wrap"]), help="What lies beyond the edge.")
@click.option(
    "--workdir",
    type=click.Path(path_type=Path, file_okay=False),
    help="Keep the run here; the same command goes on from wherever it was ended.",
)
@click.option(
    "--canvas",
    type=click.Choice(["auto", "memory", "files"]),
    default="auto",
    show_default=True,
    help="Where the canvas lies; auto goes by its size.",
)
@click.option(
    "--half/--full",
    default=None,
    help="Keep the canvas in half or full precision; by default large ones in half.",
)
@click.option(
    "--peer-timeout",
    type=Finite(min=1),
    default=1800.0,
    show_default=True,
    help="Seconds to wait for other workers, under torchrun.",
)
@click.option(
    "--png", type=click.Path(path_type=Path, dir_okay=False), help="Also write an overview as PNG."
)
@click.option(
    "--choose",
    type=click.IntRange(min=2),
    metavar="N",
    help="Show the overviews of N seeds on a sheet beside OUT, and make no slide.",
)
@click.option(
    "--field",
    is_flag=True,
    help="A field out of the middle of tissue, cut from a larger slide, instead of a slide on its glass.",
)
@click.option("--overwrite", is_flag=True, help="Replace OUT if it exists.")
def generate(
    out: Path,
    device: str | None,
    workdir: Path | None,
    canvas: str,
    half: bool | None,
    peer_timeout: float,
    png: Path | None,
    choose: int | None,
    field: bool,
    overwrite: bool,
    **named: Any,
) -> None:
    """Generate a synthetic slide and write it to OUT, a pyramidal TIFF.

    The size is given in pixels or in millimetres; the default is 2048 x 2048 px. Where the first drawing of the
    overview shows next to no tissue, or is slate, the next is taken, and the file says which. A run that takes
    longer than two minutes, or a slide larger than the memory, is kept in --workdir or beside OUT until it is done:
    ended, it goes on when the same command is given again. Under torchrun workers on one or more hosts share the
    slide; it is the same, and the first of them writes it.

    \b
    Examples:
      wsigen generate slide.tiff --width 2048 --height 2048 --mpp 0.7 --seed 0
      wsigen generate slide.tiff --choose 12
      wsigen generate tissue.tiff --field --width 1024 --height 1024
      wsigen generate strip.tiff --width-mm 4 --height-mm 1.5 --mpp 1
      wsigen generate large.tiff --width 16384 --height 16384 --workdir work
      torchrun --nproc-per-node 2 -m wsigen generate shared.tiff --width 16384 --height 16384
    """
    from wsigen.coarse_to_fine import generate as run
    from wsigen.devices import choose_device
    from wsigen.errors import WsigenError
    from wsigen.outputs import PICTURE, SLIDE, check_file
    from wsigen.runs.canvas import strips
    from wsigen.runs.estimate import evaluations_due, seconds_each
    from wsigen.runs.storage import Storage, choose_storage
    from wsigen.runs.workdir import Workdir

    rank, workers = (int(os.environ.get(name, d)) for name, d in (("RANK", 0), ("WORLD_SIZE", 1)))
    if rank == 0:
        check_file(out, overwrite=overwrite or choose is not None, suffixes=SLIDE)
        if png:
            check_file(png, overwrite=overwrite, suffixes=PICTURE, apart_from=[out])
    device = choose_device(device)
    if device == "cuda" and workers > 1:
        device = f"cuda:{os.environ.get('LOCAL_RANK', 0)}"
    if field and (workdir or workers > 1 or choose or named["boundary"] == "wrap"):
        raise WsigenError(
            "--field is made at once and in memory, from a slide that ends in glass; expected it without --workdir, "
            "--choose, --boundary wrap and torchrun"
        )
    asked = ask(device=device, field=field, **named)
    if field:
        return make_field(asked, out, png, half=bool(half), overwrite=overwrite)
    if choose is not None:
        from wsigen.cli.choose import choose as show_choice

        return show_choice(asked, choose, out, overwrite=overwrite)
    painter, path = asked.painter, asked.path
    width, height, mpp = asked.width, asked.height, asked.mpp
    due = evaluations_due(painter, path)
    seconds = sum(due) * seconds_each(painter, path[-1]) / workers
    beside, scratch = out.with_suffix(".work"), None
    if workdir is None and workers == 1 and (seconds > SOON or beside.is_dir()):
        workdir = scratch = beside  # which goes when the slide is written
    kind, half, place, where = choose_storage(
        path,
        device,
        kind=canvas,
        half=half,
        resumable=workdir is not None,
        canvases=painter.plan.num_canvases,
        workers=workers,
        workers_here=int(os.environ.get("LOCAL_WORLD_SIZE", 1)),
    )
    described = asked.described | {"half": half}
    if workdir is None and kind == "files":  # which need a place
        workdir = scratch = beside
    kept = None
    if workdir and workers == 1:
        kept = Workdir(workdir, described)
    elif workdir:
        kind, place = (
            "files",
            "cpu",
        )  # the copies that workers make of their memory are not of one step
        own = {"worker": rank, "workers": workers, "batch_size": painter.batch_size}
        kept = Workdir(workdir / f"worker_{rank}_of_{workers}", described | own)
    storage = Storage(kind, half, place, kept)
    if rank == 0:
        threads = f"; {threads_used()}" if device == "cpu" else ""
        if asked.overview is not None:
            click.echo(told(asked.overview))
        click.echo(f"{where}{f' ({workdir})' if workdir else ''}{threads}")
        click.echo(
            f"{len(path)} stages, at most {sum(due)} evaluations of the network: about {in_words(seconds)} on {device}"
        )
    if workers == 1:
        with interruptible(workdir):
            image, ledger = watch(run(painter, path, storage=storage), due)
        pixels = strips(image, height, width, release=storage.release)
    else:
        from wsigen.workers.distributed import generate_together
        from wsigen.workers.team import Team

        team = Team.join(peer_timeout)
        made, ledger = watch(
            generate_together(painter, path, team, storage=storage), due, quiet=rank > 0
        )
        ledger = in_all(team.tell(ledger))
        pixels = cropped(made, height, width)
    if rank == 0:
        about = described | {"ledger": ledger}
        if asked.overview is not None:
            about["overview_tissue"] = round(asked.overview.tissue, 3)
            about["overview_evaluations"] = asked.overview.evaluations
        write(out, png, pixels, height, width, mpp, about, overwrite)
    else:
        for _ in pixels:
            pass  # going through them sends this worker's rows
    if workers > 1:
        team.wait()
        team.leave()
    if scratch and kept:
        shutil.rmtree(kept.folder)
        with contextlib.suppress(OSError):  # gone, or another worker's is still there
            scratch.rmdir()
    if rank > 0:
        return
    click.echo(f"{out}: {width} x {height} px at {mpp:g} um/px, SYNTHETIC, {spent(ledger, device)}")
    click.echo(
        f"look at it: wsigen info {out}, or open it in QuPath or any viewer that reads OpenSlide's formats"
    )
    if png:
        click.echo(f"overview: {png}")


def in_all(ledgers: list[list[dict[str, float]]]) -> list[dict[str, float]]:
    """What all workers spent: counts add up, and time passes for all at once."""
    rows: dict[float, dict[str, float]] = {}
    for row in (row for ledger in ledgers for row in ledger):
        total = rows.setdefault(row["stage"], row | {"patches": 0, "evaluations": 0, "skipped": 0})
        for name in ("patches", "evaluations", "skipped"):
            total[name] += row[name]
        total["seconds"] = max(total["seconds"], row["seconds"])
    return [rows[stage] for stage in sorted(rows)]


def cropped(
    pixels: "Iterator[NDArray[np.uint8]]", height: int, width: int
) -> "Iterator[NDArray[np.uint8]]":
    """Strips cut to a size; all are asked for, since each may be waited for elsewhere."""
    top = 0
    for strip in pixels:
        wanted = strip[: max(0, height - top), :width]
        top += len(strip)
        if len(wanted):
            yield wanted


def write(
    out: Path,
    png: Path | None,
    pixels: "Iterator[NDArray[np.uint8]]",
    height: int,
    width: int,
    mpp: float,
    described: dict[str, Any],
    overwrite: bool,
) -> None:
    """Write the pyramid, and an overview of at most 1024 px."""
    from wsigen import __version__
    from wsigen.slides import open_slide, write_pyramid
    from wsigen.training.monitor import save_image

    out.parent.mkdir(parents=True, exist_ok=True)
    description = {"SYNTHETIC": True, "generator": f"wsigen {__version__}", **described}
    write_pyramid(
        out,
        pixels,
        mpp,
        height=height,
        width=width,
        description=description,
        overwrite=overwrite,
    )
    if png:
        with open_slide(out) as slide:
            save_image(png, slide.overview()[0], zoom=1)
