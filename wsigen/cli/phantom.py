"""wsigen phantom: a cohort of procedural slides, to try things on without data."""

from pathlib import Path

import click

from wsigen.cli.finite import FINITE


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--slides", type=int, default=8, show_default=True, help="How many, one to a case.")
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Name of the cohort."
)
@click.option("--mpp", type=FINITE, default=1.0, show_default=True, help="Micrometres per pixel.")
@click.option("--size", type=int, default=4096, show_default=True, help="Side in pixels.")
@click.option("--overwrite", is_flag=True, help="Write into a folder that holds files.")
def phantom(folder: Path, slides: int, seed: int, mpp: float, size: int, overwrite: bool) -> None:
    """Draw slides that look like H&E into DIR, with a cohort.csv for wsigen train.

    They are procedural: fibres, fat, glands and nuclei drawn from a seed. Good for trying and teaching, no data.

    \b
    Examples:
      wsigen phantom slides
      wsigen phantom more --slides 40 --seed 1
      wsigen phantom fine --slides 2 --mpp 0.5 --size 8192
    """
    from tqdm import tqdm

    from wsigen.cohorts.drawn import write_phantom_cohort

    write_phantom_cohort(
        folder,
        slides,
        seed,
        mpp,
        size,
        overwrite=overwrite,
        progress=lambda range_: tqdm(range_, desc="phantoms", unit="slide", disable=None),
    )
    click.echo(f"{folder}/cohort.csv lists {slides} slides of {size} x {size} px at {mpp:g} um/px")
