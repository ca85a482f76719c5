"""wsigen study sheet, wsigen study read: real and generated crops on one sheet, to be told apart by eye."""

from pathlib import Path

import click

from wsigen.cli.finite import FINITE

FOLDER = click.Path(path_type=Path, file_okay=False)
FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.argument("folder", metavar="DIR", type=FOLDER)
@click.argument("slides", metavar="SLIDES...", nargs=-1, required=True, type=FILE)
@click.option(
    "--real", required=True, type=click.Path(path_type=Path), help="Folder, cohort.csv or pack."
)
@click.option("--split", help="Of the real slides, such as test; by default all of them.")
@click.option("--n", type=int, default=24, show_default=True, help="Crops of each class.")
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Places and order."
)
@click.option("--mpp-min", type=FINITE, default=2.8, show_default=True, help="Finest um/px.")
@click.option("--mpp-max", type=FINITE, default=5.0, show_default=True, help="Coarsest um/px.")
@click.option("--crop-px", type=int, default=144, show_default=True, help="Side of a crop.")
@click.option("--columns", type=int, default=8, show_default=True, help="Crops in a row.")
@click.option(
    "--quality", type=click.IntRange(1, 100), default=90, show_default=True, help="Of JPEG."
)
@click.option("--key", type=FILE, help="Where the labels go; by default DIR/key.csv.")
@click.option(
    "--allow-phantoms", is_flag=True, help="Let slides of wsigen phantom stand for real ones."
)
def sheet(
    folder: Path,
    slides: tuple[Path, ...],
    real: Path,
    split: str | None,
    n: int,
    seed: int,
    mpp_min: float,
    mpp_max: float,
    crop_px: int,
    columns: int,
    quality: int,
    key: Path | None,
    allow_phantoms: bool,
) -> None:
    """Put crops of generated SLIDES and of real ones on one numbered sheet in DIR, for a blind reading.

    Show DIR/sheet.png to somebody who has not seen the key, and have each number scored from 0 (surely real) to 100
    (surely generated), in a table with the columns number and score. Then: wsigen study read DIR SCORES.csv

    \b
    Examples:
      wsigen study sheet reading generated.tiff --real scans
      wsigen study sheet judged generated.tiff --real slides/cohort.csv --split test --seed 1
    """
    import json
    from shlex import quote

    from wsigen.study.design import INFO, KEY
    from wsigen.study.sheet import BEHIND, SHEET, create_sheet

    steps = create_sheet(
        folder,
        slides,
        real=real,
        split=split,
        n=n,
        seed=seed,
        mpp_min=mpp_min,
        mpp_max=mpp_max,
        crop_px=crop_px,
        columns=columns,
        quality=quality,
        key=key,
        allow_phantoms=allow_phantoms,
    )
    for step in steps:
        if step.skipped:
            click.echo(f"left out: {step.skipped}", err=True)
    behind = json.loads((folder / INFO).read_text("utf-8"))[BEHIND]
    click.echo(
        f"{folder / SHEET}: {n} real crops of {behind['real']['cases']} cases and {n} generated ones, {crop_px} px at "
        f"{mpp_min:g} to {mpp_max:g} um/px; it shows real tissue, so mind its licence"
    )
    for label, counts in behind.items():
        if counts["overlapping"]:
            click.echo(
                f"{counts['overlapping']} of the {label} crops overlap with another one, for want of room: "
                "more slides make a better sheet",
                err=True,
            )
    click.echo(f"labels: {key or folder / KEY}; who scores the crops must not open it")
    where = f" --key {quote(str(key))}" if key else ""
    click.echo(f"next: wsigen study read {quote(str(folder))} SCORES.csv{where}")


@click.command()
@click.argument("folder", metavar="DIR", type=FOLDER)
@click.argument("scores", metavar="SCORES...", nargs=-1, required=True, type=FILE)
@click.option("--key", type=FILE, help="The key, by default DIR/key.csv.")
def read(folder: Path, scores: tuple[Path, ...], key: Path | None) -> None:
    """Compare the SCORES of a sheet, one table for each reader, with its key: AUC, its interval, and the errors.

    \b
    Example:
      wsigen study read reading anna.csv
    """
    from wsigen.cli.study import study_extra

    with study_extra():
        from wsigen.study.reading import read_sheet

    click.echo(read_sheet(folder, scores, key=key))
