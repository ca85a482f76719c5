"""wsigen pack: a cohort in one file."""

from pathlib import Path

import click

from wsigen.cli.finite import Finite


@click.command()
@click.argument("cohort", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--exclude", multiple=True, metavar="CASE", help="Leave a case out (repeatable).")
@click.option(
    "--quality",
    type=click.IntRange(1, 100),
    help="Write slides as JPEG, and their tissue only: far smaller, but patches then differ. With --cut, of WebP.",
)
@click.option(
    "--mpp-min",
    type=Finite(min=0),
    default=0.0,
    help="Leave out levels that patches of this um/px and coarser do not need.",
)
@click.option(
    "--cut",
    "cut_px",
    type=click.FloatRange(min=0, min_open=True),
    metavar="PX",
    help="Keep of a slide of side S no more than S x PX pixels: all of it, coarser, and a square of its own scale.",
)
@click.option(
    "--split", "splits", multiple=True, metavar="SPLIT", help="Pack this split only (repeatable)."
)
@click.option("--overwrite", is_flag=True, help="Replace OUT if it exists.")
def pack(
    cohort: Path,
    out: Path,
    exclude: tuple[str, ...],
    quality: int | None,
    mpp_min: float,
    cut_px: float | None,
    splits: tuple[str, ...],
    overwrite: bool,
) -> None:
    """Pack COHORT (a folder, a cohort.csv or the word phantom) into OUT, one file to train from.

    Wherever a cohort is asked for, OUT can be given. It is read without OpenSlide, and by default its patches
    equal those of the slides to the last bit. It names no case, file or path.

    \b
    Examples:
      wsigen pack slides/cohort.csv cohort.pack
      wsigen pack tcga tcga.pack --quality 85 --mpp-min 0.5
      wsigen pack slides/cohort.csv small.pack --split train --quality 60 --cut 250
      wsigen train runs/first --cohort cohort.pack
    """
    from tqdm import tqdm

    from wsigen.cohorts.cohort import check_apart, read_cohort
    from wsigen.cohorts.pack import PACK, write_pack
    from wsigen.errors import WsigenError
    from wsigen.outputs import check_file

    check_file(out, overwrite=overwrite, suffixes=PACK, apart_from=[cohort])
    check_apart(out, cohort)
    entries = read_cohort(cohort, exclude=exclude)
    known = {entry.split for entry in entries}
    if unknown := sorted(set(splits) - known):
        raise WsigenError(f"no slide of split {unknown[0]!r}; expected {', '.join(sorted(known))}")
    entries = [entry for entry in entries if not splits or entry.split in splits]
    steps = write_pack(
        entries, out, quality=quality, mpp_min=mpp_min, cut_px=cut_px, overwrite=overwrite
    )
    with tqdm(total=len(entries), unit="slide", disable=None) as bar:
        for step in steps:
            bar.set_postfix_str(step.path.name, refresh=False)
            bar.update()
    click.echo(f"{out}: {len(entries)} slides in {out.stat().st_size / 1e6:.1f} MB")
