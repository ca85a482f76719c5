"""wsigen experiment: repeat an experiment of the paper, or one of ours."""

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wsigen.cli.options import lab_options
from wsigen.errors import WsigenError
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
@click.option(
    "--set", "changes", multiple=True, metavar="PARAMETER=VALUE",
    help="Another value than the profile's, as JSON (repeatable); wants --as.",
)  # fmt: skip
@click.option(
    "--as", "saved_as", metavar="RESULT", help="Save under this name, not the experiment's."
)
def experiment(
    name: str,
    profile: str,
    out: Path,
    fresh: bool,
    changes: tuple[str, ...],
    saved_as: str | None,
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
      wsigen experiment sections --set sections=8 --set levels=[0,1] --as sections_of_mine
    """
    config = changed(find_experiment(name).config(profile), changes)
    if saved_as is not None and Path(saved_as).name != saved_as:
        raise WsigenError(f"--as {saved_as}: expected a name; --out is the folder")
    if changes and saved_as in (None, name):
        raise WsigenError(
            f"--set makes another result than the profile {profile} of {name}; name it: --as {name}_of_mine"
        )
    from wsigen.experiments.lab import Lab
    from wsigen.experiments.run import run

    lab = Lab(**named)
    steps = run(name, profile, lab, config=config, out=out, fresh=fresh, saved_as=saved_as)
    result = watch(steps, name)
    click.echo(table(result.rows))
    click.echo(f"{result.folder}.json: {len(result.rows)} rows, {profile}, on {lab.device}")


def changed(config: Any, changes: tuple[str, ...]) -> Any:
    """A config with some of its parameters set, each ``NAME=VALUE`` with the value as JSON.

    Raises:
        WsigenError: no such parameter, or a value of another kind than the one it replaces.
    """
    known = asdict(config)
    for change in changes:
        name, _, text = change.partition("=")
        if name not in known:
            raise WsigenError(f"no parameter {name!r}; expected one of {', '.join(known)}")
        before = json.loads(json.dumps(known[name]))
        try:
            value = json.loads(text)
        except ValueError:
            value = None
        if isinstance(before, float) and type(value) is int:
            value = float(value)
        if isinstance(before, dict) or (before is not None and type(value) is not type(before)):
            raise WsigenError(
                f"--set {change}: expected JSON of the kind of {json.dumps(before)}, which it would replace; "
                "a plan cannot be set here"
            )
        if type(before) is int and value < min(before, 1):
            raise WsigenError(f"--set {change}: expected {min(before, 1)} or more")
        config = replace(config, **{name: tuple(value) if isinstance(value, list) else value})
    return config


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
