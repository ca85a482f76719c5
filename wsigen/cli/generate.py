"""wsigen generate: from noise to a slide that pathology software opens."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wsigen.cli.slide import ask, slide_options, watch

if TYPE_CHECKING:
    from collections.abc import Callable

    from wsigen.canvas import Image


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
    "--png", type=click.Path(path_type=Path, dir_okay=False), help="Also write an overview as PNG."
)
@click.option("--overwrite", is_flag=True, help="Replace OUT if it exists.")
def generate(
    out: Path,
    mpp: float,
    seed: int,
    batch_size: int,
    device: str | None,
    workdir: Path | None,
    canvas: str,
    half: bool | None,
    png: Path | None,
    overwrite: bool,
    **named: Any,
) -> None:
    """Generate a synthetic slide and write it to OUT, a pyramidal TIFF.

    The size is given in pixels or in millimetres; the default is 2048 x 2048 px. A slide larger than the memory is
    made in files, in --workdir or beside OUT; a run that was ended goes on when the same command is given again.

    \b
    Examples:
      wsigen generate slide.tiff --width 2048 --height 2048 --mpp 0.7 --seed 0
      wsigen generate strip.tiff --width-mm 4 --height-mm 1.5 --mpp 1
      wsigen generate large.tiff --width 16384 --height 16384 --workdir work
    """
    from wsigen.coarse_to_fine import generate as run
    from wsigen.devices import choose_device
    from wsigen.slides.pyramid import check_output
    from wsigen.storage import Storage, choose_storage
    from wsigen.workdir import Workdir

    check_output(out, overwrite=overwrite)
    device = choose_device(device)
    asked = ask(mpp=mpp, seed=seed, device=device, **named)
    denoiser, path, plan = asked.denoiser, asked.path, asked.plan
    width, height = asked.width, asked.height
    kind, half, place, where = choose_storage(
        path, device, kind=canvas, half=half, resumable=workdir is not None
    )
    described = asked.described | {"half": half}
    scratch = None  # files need a place, and a run that needs files is worth resuming
    if workdir is None and kind == "files":
        workdir = scratch = out.with_suffix(".work")
    kept = Workdir(workdir, described) if workdir else None
    storage = Storage(kind, half, place, kept)
    click.echo(f"{where}{f' ({workdir})' if workdir else ''}")
    steps = run(
        denoiser,
        path,
        plan,
        patch_px=denoiser.info.patch_px,
        seed=seed,
        batch_size=batch_size,
        background=denoiser.background,
        storage=storage,
    )
    image, ledger = watch(steps)
    described |= {"ledger": ledger}
    write(out, png, image, height, width, mpp, described, overwrite, storage.release)
    if scratch:
        shutil.rmtree(scratch)
    spent = sum(row["evaluations"] for row in ledger)
    seconds = sum(row["seconds"] for row in ledger)
    click.echo(
        f"{out}: {width} x {height} px at {mpp:g} um/px, SYNTHETIC, {spent} evaluations of the network "
        f"in {seconds:.0f} s on {device}"
    )
    click.echo(
        f"look at it: wsigen info {out}, or open it in QuPath or any viewer that reads OpenSlide's formats"
    )
    if png:
        click.echo(f"overview: {png}")


def write(
    out: Path,
    png: Path | None,
    image: "Image",
    height: int,
    width: int,
    mpp: float,
    described: dict[str, Any],
    overwrite: bool,
    release: "Callable[[], None]",
) -> None:
    """Write the pyramid, and an overview of at most 1024 px; ``release`` lets go of memory between strips."""
    from PIL import Image as Picture

    from wsigen import __version__
    from wsigen.canvas import strips
    from wsigen.slides import open_slide, write_pyramid

    out.parent.mkdir(parents=True, exist_ok=True)
    description = {"SYNTHETIC": True, "generator": f"wsigen {__version__}", **described}
    write_pyramid(
        out,
        strips(image, height, width, release=release),
        mpp,
        height=height,
        width=width,
        description=description,
        overwrite=overwrite,
    )
    if png:
        png.parent.mkdir(parents=True, exist_ok=True)
        with open_slide(out) as slide:
            Picture.fromarray(slide.overview()[0]).save(png)
