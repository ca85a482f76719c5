"""The wait for a slide: what is to come, how far it is, and what is kept where somebody ends it."""

import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Generator

    from wsigen.runs.progress import Progress
    from wsigen.zoom.overview import Overview

T = TypeVar("T")
SOON = 120.0  # seconds; a run that takes longer is worth keeping


def told(overview: "Overview") -> str:
    """What the overview shows, in words."""
    from wsigen.zoom.overview import LEAST_TISSUE, MOST_DRAWINGS

    number = overview.painter.drawing
    if overview.tissue < LEAST_TISSUE:
        return (
            f"the overview shows {overview.tissue:.0%} tissue in any of {MOST_DRAWINGS} drawings; "
            "another --seed may show more"
        )
    if not number:
        return f"the overview shows {overview.tissue:.0%} tissue"
    return (
        f"earlier drawings of the overview showed next to no tissue, or tissue of slate; drawing {number + 1} "
        f"shows {overview.tissue:.0%}, and the file says so"
    )


def in_words(seconds: float) -> str:
    """A time that nobody knows exactly."""
    if seconds < 90:
        return f"{max(round(seconds, -1), 10):.0f} seconds"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} minutes"
    return f"{seconds / 3600:.1f} hours"


def spent(ledger: list[dict[str, Any]], device: str) -> str:
    """What all stages cost, in words."""
    evaluations, seconds = (sum(row[name] for row in ledger) for name in ("evaluations", "seconds"))
    return f"{evaluations} evaluations of the network in {seconds:.0f} s on {device}"


def watch(
    steps: "Generator[Progress, None, T]", due: Sequence[int], *, quiet: bool = False
) -> tuple[T, list[dict[str, float]]]:
    """Run to the end under one progress bar; return what it made and what each stage spent.

    Args:
        steps: the run.
        due: evaluations that each stage of it is expected to cost.
        quiet: show no bar.
    """
    from tqdm import tqdm

    ledger: dict[int, dict[str, float]] = {}
    with tqdm(total=sum(due), unit="evaluation", disable=quiet) as bar:
        try:
            while True:
                progress = next(steps)
                stage = progress.stage
                if progress.patches < progress.patches_in_all and stage.index not in ledger:
                    bar.set_description(
                        f"stage {stage.index} of {len(due) - 1}: {stage.mpp:.4g} um/px"
                    )
                ledger[stage.index] = {
                    "stage": stage.index,
                    "width": stage.width,
                    "height": stage.height,
                    "mpp": stage.mpp,
                    "patches": progress.patches,
                    "evaluations": progress.evaluations,
                    "skipped": progress.skipped,
                    "seconds": round(progress.seconds, 2),
                }
                share = progress.patches / (progress.patches_in_all or 1)  # 0: others have them all
                bar.update(round(sum(due[: stage.index]) + share * due[stage.index]) - bar.n)
        except StopIteration as end:
            return end.value, list(ledger.values())


@contextmanager
def interruptible(workdir: Path | None) -> Iterator[None]:
    """Where the run is ended by Ctrl-C, say what is kept of it and the command that goes on."""
    try:
        yield
    except KeyboardInterrupt:
        if workdir is None:
            click.echo(
                "\nended: nothing of it is kept; with --workdir DIR a run goes on where it was",
                err=True,
            )
        else:
            click.echo(
                f"\nended: what was done is kept in {workdir}; the same command goes on:", err=True
            )
            click.echo(f"  {command()}", err=True)
        raise


def command(*without: str) -> str:
    """The command that was given, without some options and their values."""
    words = list(sys.argv[1:])
    for option in without:
        words = [
            word
            for before, word in zip(["", *words], words, strict=False)
            if option not in (before, word) and not word.startswith(f"{option}=")
        ]
    return shlex.join(["wsigen", *words])
