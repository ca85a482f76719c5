"""wsigen generate: from noise to a slide that pathology software opens."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from wsigen.canvas import Image
    from wsigen.coarse_to_fine import Progress


@click.command()
@click.argument("out", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--model", default="small", show_default=True, help="Name of a shipped model, or a file."
)
@click.option("--width", type=int, help="Width in pixels.")
@click.option("--height", type=int, help="Height in pixels.")
@click.option("--width-mm", type=float, help="Width in millimetres instead.")
@click.option("--height-mm", type=float, help="Height in millimetres instead.")
@click.option("--mpp", type=float, default=0.7, show_default=True, help="Micrometres per pixel.")
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Name of the slide."
)
@click.option(
    "--plan", "plan_name", default="fast", show_default=True, help="fast, or paper as published."
)
@click.option("--num-steps", type=click.IntRange(min=1), help="N, instead of the plan's.")
@click.option("--guided-steps", type=click.IntRange(min=0), help="r, instead of the plan's.")
@click.option("--solver", type=click.Choice(["euler", "heun", "2m"]), help="Instead of the plan's.")
@click.option(
    "--sigma-start", type=float, help="Noise level at which stages start, instead of the plan's."
)
@click.option("--boundary", type=click.Choice(["pad", "wrap"]), help="What lies beyond the edge.")
@click.option(
    "--batch-size",
    type=click.IntRange(min=1),
    default=32,
    show_default=True,
    help="Patches at once.",
)
@click.option("--device", help="cpu or cuda; by default a GPU where there is one.")
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
    model: str,
    width: int | None,
    height: int | None,
    width_mm: float | None,
    height_mm: float | None,
    mpp: float,
    seed: int,
    plan_name: str,
    batch_size: int,
    device: str | None,
    workdir: Path | None,
    canvas: str,
    half: bool | None,
    png: Path | None,
    overwrite: bool,
    **changes: Any,
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
    from dataclasses import asdict, replace

    from wsigen.coarse_to_fine import generate as run
    from wsigen.devices import choose_device
    from wsigen.plan import plan as named_plan
    from wsigen.plan import stages
    from wsigen.slides.pyramid import check_output
    from wsigen.storage import Storage, choose_storage
    from wsigen.training.checkpoint import load_denoiser
    from wsigen.workdir import Workdir

    check_output(out, overwrite=overwrite)
    plan = replace(named_plan(plan_name), **{k: v for k, v in changes.items() if v is not None})
    plan.check()
    width, height = (
        size_px(width, width_mm, mpp, "width"),
        size_px(height, height_mm, mpp, "height"),
    )
    device = choose_device(device)
    denoiser = load_denoiser(model, device=device)
    info = denoiser.info
    path = stages(
        height,
        width,
        mpp,
        patch_px=info.patch_px,
        mpp_max=info.mpp_max,
        factor=plan.factor,
        boundary=plan.boundary,
    )
    denoiser.check_mpp(*(stage.mpp for stage in path))
    kind, half, place, where = choose_storage(
        path, device, kind=canvas, half=half, resumable=workdir is not None
    )
    described = {
        "model": denoiser.name,
        "model_sha256": denoiser.sha256,
        "seed": seed,
        "width": width,
        "height": height,
        "mpp": mpp,
        "plan": asdict(plan),
        "half": half,
    }
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
        patch_px=info.patch_px,
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


def size_px(pixels: int | None, millimetres: float | None, mpp: float, name: str) -> int:
    """Return a side in pixels, given either way."""
    from wsigen.errors import WsigenError

    if pixels is not None and millimetres is not None:
        raise WsigenError(f"--{name} and --{name}-mm both given; expected one of them")
    if mpp <= 0:
        raise WsigenError(f"--mpp is {mpp}; expected micrometres per pixel above 0, such as 0.7")
    if millimetres is not None:
        return round(millimetres * 1000 / mpp)
    return 2048 if pixels is None else pixels


def watch(
    steps: "Generator[Progress, None, Image]",
) -> "tuple[Image, list[dict[str, float]]]":
    """Run to the end under a progress bar per stage; return the image and what each stage spent."""
    from tqdm import tqdm

    ledger: dict[int, dict[str, float]] = {}
    bar: Any = None
    try:
        while True:
            progress = next(steps)
            stage = progress.stage
            if stage.index not in ledger:
                if bar is not None:
                    bar.close()
                title = (
                    f"stage {stage.index}: {stage.width} x {stage.height} px, {stage.mpp:.4g} um/px"
                )
                bar = tqdm(total=progress.patches_in_all, desc=title, unit="patch")
            bar.update(progress.patches - bar.n)
            ledger[stage.index] = {
                "stage": stage.index,
                "width": stage.width,
                "height": stage.height,
                "mpp": stage.mpp,
                "patches": progress.patches,
                "evaluations": progress.evaluations,
                "seconds": round(progress.seconds, 2),
            }
    except StopIteration as end:
        return end.value, list(ledger.values())
    finally:
        if bar is not None:
            bar.close()


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
