"""Options that several verbs have, in groups, so that a flag is spelled and explained once."""

import contextlib
import ctypes
import math
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from wsigen.cli.finite import FINITE, Finite
from wsigen.models import DEFAULT_MODEL

Number = TypeVar("Number", int, float)
M_ARENA_MAX = -8  # of malloc.h


def numbers(text: str | None, kind: type[Number]) -> tuple[Number, ...] | None:
    """Read numbers with commas between them; None where nothing is given."""
    if text is None:
        return None
    try:
        found = tuple(kind(word) for word in text.split(","))
        if all(map(math.isfinite, found)):
            return found
        raise ValueError(text)
    except ValueError as error:
        raise click.BadParameter(f"{text!r}; expected numbers with commas between them") from error


TOLD = click.option(
    "--told",
    type=Finite(min=0.5, max=2),
    default=1.0,
    show_default=True,
    help="Tell the model that noise is so many times as strong as it is: above 1 for less contrast. Its student, which "
    "paints the finer stages of the plan student, is told the truth.",
)
MODEL = click.option(
    "--model", default=DEFAULT_MODEL, show_default=True, help="Name of a shipped model, or a file."
)
DEVICE = click.option("--device", help="cpu or cuda; by default a GPU where there is one.")


def use_threads(_: click.Context, __: click.Parameter, number: int | None) -> None:
    """Have torch work on so many threads."""
    import torch

    from wsigen.devices import choose_threads

    torch.set_num_threads(choose_threads(number))
    with contextlib.suppress(AttributeError, OSError, TypeError):  # where there is no glibc
        # threads take memory from one place: each with its own would keep what it needed once
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, 1)


def threads_used() -> str:
    """How many threads torch works on, in words."""
    import torch

    number = torch.get_num_threads()
    return f"{number} thread" if number == 1 else f"{number} threads"


SEED = click.IntRange(0, 2**64 - 1)  # what torch takes
THREADS = click.option(
    "--threads",
    type=click.IntRange(1, 512),
    callback=use_threads,
    expose_value=False,
    help="Of the processor; by default one for each core, from four cores on less one. The result is the same.",
)
LAB = (
    MODEL,
    TOLD,
    click.option(
        "--cohort",
        default="phantom",
        show_default=True,
        help="Folder of slides, cohort.csv, pack, or the word sample or phantom.",
    ),
    click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True),
    DEVICE,
    THREADS,
    click.option(
        "--extractor",
        type=click.Choice(["efficientnet-lite0", "vgg16", "inception-v3"]),
        default="efficientnet-lite0",
        show_default=True,
        help="Network behind the features; the last two need torchvision and its weights.",
    ),
)
SLIDE = (
    MODEL,
    TOLD,
    click.option("--width", type=int, help="Width in pixels."),
    click.option("--height", type=int, help="Height in pixels."),
    click.option("--width-mm", type=FINITE, help="Width in millimetres instead."),
    click.option("--height-mm", type=FINITE, help="Height in millimetres instead."),
    click.option(
        "--mpp", type=FINITE, default=0.7, show_default=True, help="Micrometres per pixel."
    ),
    click.option(
        "--seed",
        type=click.IntRange(min=0),
        default=0,
        show_default=True,
        help="Name of the slide.",
    ),
    click.option(
        "--plan",
        "plan_name",
        help="student, told with three times its evaluations, fast, preview, or paper as published; by default student "
        "where the model has one, told where it is told its guide, else fast.",
    ),
    click.option("--num-steps", type=click.IntRange(min=1), help="N, instead of the plan's."),
    click.option("--guided-steps", type=click.IntRange(min=0), help="r, instead of the plan's."),
    click.option(
        "--guided-sigma",
        type=Finite(min=0),
        help="r as a noise level: guided at this level and above.",
    ),
    click.option(
        "--solver",
        type=click.Choice(["euler", "heun", "2m", "student"]),
        help="Instead of the plan's.",
    ),
    click.option(
        "--sigma-start",
        type=FINITE,
        help="Noise level at which stages start, instead of the plan's.",
    ),
    click.option(
        "--guide-sigma",
        type=Finite(min=0, min_open=True),
        help="Noise level with which a told model is shown its guide, instead of the plan's.",
    ),
    click.option(
        "--guide-strength",
        type=Finite(min=0),
        help="How far away from what the model says untold, instead of as the plan does.",
    ),
    click.option(
        "--skip-background",
        type=Finite(min=0),
        metavar="MARGIN",
        help="Do not evaluate empty glass that is so many patches away from anything else.",
    ),
    click.option(
        "--first-starts",
        metavar="SIGMA,...",
        callback=lambda context, option, text: numbers(text, float),
        help="--sigma-start of the first guided stages, one each; no more than the slide has.",
    ),
    click.option(
        "--first-steps",
        metavar="N,...",
        callback=lambda context, option, text: numbers(text, int),
        help="--num-steps of the first guided stages, one each; no more than the slide has.",
    ),
    click.option(
        "--shifts",
        type=click.Choice(["uniform", "low-discrepancy"]),
        help="How the grids of the steps are shifted, instead of as the plan does.",
    ),
    click.option("--overview-steps", type=click.IntRange(min=1), help="Steps of the overview."),
    click.option(
        "--overview-solver",
        type=click.Choice(["euler", "heun", "2m"]),
        help="Solver of the overview.",
    ),
    click.option(
        "--batch-size",
        type=click.IntRange(min=1),
        default=32,
        show_default=True,
        help="Patches at once; on a processor up to 12 of them to a thread.",
    ),
    DEVICE,
    THREADS,
)


def lab_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the arguments of :class:`wsigen.experiments.lab.Lab` to a command."""
    return with_options(command, LAB)


def slide_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that name a slide to a command."""
    return with_options(command, SLIDE)


def with_options(
    command: Callable[..., Any], options: tuple[Callable[..., Any], ...]
) -> Callable[..., Any]:
    """Add options to a command; its help lists them in this order."""
    for option in reversed(options):
        command = option(command)
    return command


def refuse_given(ctx: click.Context, names: Sequence[str], why: str) -> None:
    """Raise an error if one of these options was given and would be of no use: what is given is never ignored."""
    for name in names:
        if ctx.get_parameter_source(name) is not ParameterSource.DEFAULT:
            raise click.UsageError(f"--{name.replace('_', '-')} {why}")
