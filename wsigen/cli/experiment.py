"""wsigen experiment: repeat an experiment of the paper, or one of ours."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wsigen.cli.options import lab_options
from wsigen.experiments.catalogue import CATALOGUE, PROFILE_NAMES, find_experiment

if TYPE_CHECKING:
    from collections.abc import Generator

    from wsigen.experiments.result import Result
    from wsigen.experiments.run import Done


def print_list(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    """Print the catalogue and stop."""
    if not wanted or ctx.resilient_parsing:
        return
    width = max(len(experiment.name) for experiment in CATALOGUE)
    for experiment in CATALOGUE:
        click.echo(f"{experiment.name:{width}}  {experiment.title} ({experiment.paper})")
        costs = (experiment.smoke, experiment.classroom, experiment.paper_size)
        told = (f"{name} {cost}" for name, cost in zip(PROFILE_NAMES, costs, strict=True))
        click.echo(f"{'':{width}}  {'; '.join(told)}")
    ctx.exit()


@click.command()
@click.argument("name")
@click.option(
    "--list", is_flag=True, is_eager=True, expose_value=False, callback=print_list,
    help="List the experiments: what each makes, of which figure, at what cost (on one CPU thread).",
)  # fmt: skip
@click.option(
    "--profile", type=click.Choice(PROFILE_NAMES), default="smoke", show_default=True,
    help="smoke (seconds), classroom (minutes) or paper (the paper's sizes, on a GPU).",
)  # fmt: skip
@lab_options
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), default=Path("results"),
    show_default=True, help="Folder of results; a profile each has its own therein.",
)  # fmt: skip
@click.option("--fresh", is_flag=True, help="Measure anew what is known.")
def experiment(
    name: str,
    profile: str,
    out: Path,
    fresh: bool,
    **named: Any,
) -> None:
    """Run the experiment NAME and save its table and pictures under --out.

    What was measured before is not measured again: a run that was stopped goes on where it was. A pack of the slides
    (wsigen pack) gives the same patches and opens at once.

    \b
    Examples:
      wsigen experiment --list
      wsigen experiment solvers
      wsigen experiment solvers --profile classroom --cohort slides/cohort.csv
    """
    find_experiment(name)
    from wsigen.experiments.lab import Lab
    from wsigen.experiments.run import run

    lab = Lab(**named)
    result = watch(run(name, profile, lab, out=out, fresh=fresh), name)
    click.echo(table(result.rows))
    click.echo(f"{result.folder}.json: {len(result.rows)} rows, {profile}, on {lab.device}")


def watch(steps: "Generator[Done, None, Result]", title: str) -> "Result":
    """Run to the end under a progress bar; return the result."""
    from tqdm import tqdm

    with tqdm(desc=title, unit="cell") as bar:
        try:
            while True:
                done = next(steps)
                bar.total = done.cells
                bar.update()
        except StopIteration as end:
            result: Result = end.value
            return result


def table(rows: list[dict[str, Any]]) -> str:
    """Rows as aligned text; columns of lists and the ends of intervals are left to the file."""
    names = [
        name
        for name in dict.fromkeys(name for row in rows for name in row)
        if not name.endswith(("_low", "_high"))
        and all(isinstance(row.get(name), int | float | str | None) for row in rows)
    ]
    lines = [names, *([_short(row.get(name)) for name in names] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(word.rjust(width) for word, width in zip(line, widths, strict=True))
        for line in lines
    )


def _short(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
