"""wsigen cohort: get public cohorts, and see what of a cohort can be used."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wsigen.cli.finite import FINITE

if TYPE_CHECKING:
    from wsigen.cohorts.check import Finding
    from wsigen.cohorts.download import RemoteFile, Server

yes = click.option("--yes", is_flag=True, help="Do not ask before the download.")


@click.group()
def cohort() -> None:
    """Fetch public cohorts, and look through any cohort.

    \b
    Examples:
      wsigen cohort tcga-brca slides/tcga --limit 20
      wsigen cohort her2st slides/her2st --password PASSWORD
      wsigen cohort check slides/tcga
      wsigen cohort octaves slides/tcga
      wsigen cohort hold-out slides/tcga judge.csv --case TCGA-A1-A0SB
    """


@cohort.command("tcga-brca")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
@click.option("--limit", type=click.IntRange(min=1), help="How many slides; by default all.")
@click.option("--api", default="https://api.gdc.cancer.gov", show_default=True, help="Of the GDC.")
@yes
def tcga_brca(folder: Path, limit: int | None, api: str, yes: bool) -> None:
    """Fetch diagnostic slides of TCGA-BRCA into DIR, with a cohort.csv for wsigen train.

    Each slide has 0.1 to 3 GB. Start the command again to go on where it stopped, or with a higher --limit for more.

    \b
    Examples:
      wsigen cohort tcga-brca slides/tcga --limit 20
      wsigen cohort tcga-brca slides/tcga --limit 100 --yes
    """
    from wsigen.cohorts import public
    from wsigen.cohorts.download import Server
    from wsigen.cohorts.table import add_to_cohort

    with Server() as server:
        files = public.tcga_brca(server, limit, api)
        _fetch(server, files, folder, yes)
    table = add_to_cohort(folder, public.tcga_rows(files))
    cases = len({file.case for file in files})
    click.echo(f"{table} lists {len(files)} slides of {cases} patients")


@cohort.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
@click.option("--password", help="Of the archives; the authors publish it with their code.")
@click.option("--api", default="https://zenodo.org/api", show_default=True, help="Of Zenodo.")
@yes
def her2st(folder: Path, password: str | None, api: str, yes: bool) -> None:
    """Fetch the 36 sections of HER2ST (10.5281/zenodo.4751624) into DIR, with a cohort.csv.

    The record's archive of images stays in DIR; it can be removed when the sections are unpacked. It is encrypted; its
    password stands in the authors' repository, github.com/almaan/her2st.

    \b
    Example:
      wsigen cohort her2st slides/her2st --password PASSWORD
    """
    from wsigen.cohorts import public
    from wsigen.cohorts.download import Server
    from wsigen.cohorts.table import add_to_cohort

    with Server() as server:
        files = public.her2st(server, api)
        _fetch(server, files, folder, yes)
    sections = [
        path
        for file in files
        for path in public.unpack_images(folder / file.name, folder, password)
    ]
    table = add_to_cohort(folder, public.her2st_rows(sections))
    click.echo(f"{table} lists {len(sections)} sections")


def _fetch(server: "Server", files: Sequence["RemoteFile"], folder: Path, yes: bool) -> None:
    """Say how much is to come, ask, and fetch it."""
    from tqdm import tqdm

    from wsigen.cohorts.download import check_room, fetch_all, missing, readable

    wanted = missing(files, folder)
    left = sum(file.bytes_left(folder) for file in wanted)
    total = sum(file.size for file in files)
    click.echo(
        f"{len(files)} files, {readable(total)}; to fetch into {folder}: {len(wanted)} files, "
        f"{readable(left)}"
    )
    check_room(folder, left)
    if wanted and not yes and not click.confirm("Fetch them?"):
        raise click.exceptions.Exit(1)
    with tqdm(total=left, unit="B", unit_scale=True, disable=None) as bar:
        for path in fetch_all(server, wanted, folder, bar.update):
            bar.set_postfix_str(path.name, refresh=False)


@cohort.command()
@click.argument("source", metavar="COHORT", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def check(source: Path, as_json: bool) -> None:
    """Look through COHORT, a folder, a cohort.csv or a pack: what can be trained on, and why the rest cannot.

    The exit code is 1 where no slide can be used.

    \b
    Examples:
      wsigen cohort check slides/tcga
      wsigen cohort check slides/cohort.csv --json
    """
    from dataclasses import asdict

    from wsigen.cohorts.check import check_cohort

    findings = list(check_cohort(source))
    usable = [finding for finding in findings if finding.usable]
    summary = {
        "slides": len(findings),
        "usable": len(usable),
        "cases": len({finding.case for finding in usable}),
        "tissue_mm2": round(sum(finding.tissue_mm2 or 0 for finding in usable), 2),
    }
    if as_json:
        rows = [{**asdict(finding), "usable": finding.usable} for finding in findings]
        click.echo(json.dumps({**summary, "findings": rows}, indent=2))
    else:
        click.echo("\n".join(as_table(findings)))
        click.echo(
            "{usable} of {slides} usable: {cases} cases, {tissue_mm2:g} mm2".format(**summary)
        )
    if not usable:
        raise click.exceptions.Exit(1)


@cohort.command()
@click.argument("source", metavar="COHORT", type=click.Path(path_type=Path))
@click.option("--split", default="train", show_default=True, help="Whose slides are counted.")
@click.option("--exclude", multiple=True, metavar="CASE", help="Leave a case out (repeatable).")
@click.option("--patch-px", type=int, default=64, show_default=True, help="Side of a patch.")
@click.option("--mpp-min", type=FINITE, default=0.25, show_default=True, help="Finest um/px.")
@click.option("--mpp-max", type=FINITE, default=800.0, show_default=True, help="Coarsest um/px.")
@click.option(
    "--breast-only-below",
    type=FINITE,
    default=11.4,
    show_default=True,
    help="Below this um/px training draws breast alone; 0 for all tissue at all scales.",
)
def octaves(
    source: Path,
    split: str,
    exclude: tuple[str, ...],
    patch_px: int,
    mpp_min: float,
    mpp_max: float,
    breast_only_below: float,
) -> None:
    """Count the cases of COHORT that show each octave of um/px, as wsigen train --preset told draws from them.

    Prints a Markdown table, as it stands in the card of a model.

    \b
    Examples:
      wsigen cohort octaves slides/cohort.csv
      wsigen cohort octaves slides/cohort.csv --split test --mpp-max 100
    """
    from wsigen.cohorts.cohort import read_cohort
    from wsigen.cohorts.octaves import as_markdown, grounds_of
    from wsigen.cohorts.octaves import octaves as count
    from wsigen.errors import WsigenError

    entries = read_cohort(source, exclude=exclude)
    chosen = [entry for entry in entries if entry.split == split]
    if not chosen:
        splits = ", ".join(sorted({entry.split for entry in entries}))
        raise WsigenError(f"{source}: no slide with the split {split!r}; it has {splits}")
    grounds = grounds_of(chosen, mpp_min)
    click.echo(as_markdown(count(grounds, patch_px, mpp_min, mpp_max, breast_only_below)))


@cohort.command("hold-out")
@click.argument("source", metavar="COHORT", type=click.Path(path_type=Path))
@click.argument("target", metavar="OUT", type=click.Path(path_type=Path))
@click.option(
    "--case", "names", multiple=True, required=True, help="A patient, or a path (repeatable)."
)
@click.option("--overwrite", is_flag=True, help="Replace OUT if it exists.")
def hold_out(source: Path, target: Path, names: tuple[str, ...], overwrite: bool) -> None:
    """Write OUT, a copy of COHORT's table in which some patients are kept from training, to judge a model on.

    Give a path of the table instead of a case where the patient of an image is not known.

    \b
    Examples:
      wsigen cohort hold-out slides/tcga judge.csv --case TCGA-A1-A0SB --case TCGA-A1-A0SD
      wsigen train runs/judged --cohort judge.csv
      wsigen evaluate --model runs/judged/model.safetensors --cohort judge.csv
    """
    from wsigen.cohorts import cohort as cohorts

    counts = cohorts.hold_out(source, names, target, overwrite=overwrite)
    click.echo(f"{target}: " + ", ".join(f"{number} {split}" for split, number in counts.items()))


def as_table(findings: Sequence["Finding"]) -> list[str]:
    """Return the lines of a table for people; what cannot be used has its reason below it, what is odd a note."""
    head = ("file", "case", "split", "um/px", "size px", "tissue mm2", "usable")
    rows = [head]
    for found in findings:
        size = f"{found.width} x {found.height}" if found.width else "-"
        numbers = ["-" if n is None else f"{n:g}" for n in (found.mpp, found.tissue_mm2)]
        name = Path(found.path).name
        known = (found.case or "-", found.split or "-", numbers[0], size, numbers[1])
        rows.append((name, *known, "yes" if found.usable else "no"))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    for place, found in reversed(list(enumerate(findings, start=1))):
        if found.reason or found.note:
            lines.insert(place + 1, f"    {found.reason or found.note}")
    return lines
