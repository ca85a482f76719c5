"""What the verbs that make a slide have in common: the options that name it, and what they come to."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import click

from wsigen.models import DEFAULT_MODEL

if TYPE_CHECKING:
    from collections.abc import Generator

    from wsigen.plan import Stage
    from wsigen.runs.painter import Painter
    from wsigen.runs.progress import Progress
    from wsigen.training.checkpoint import LoadedDenoiser

T = TypeVar("T")
Number = TypeVar("Number", int, float)


def numbers(text: str | None, kind: type[Number]) -> tuple[Number, ...] | None:
    """Read numbers with commas between them; None where nothing is given."""
    if text is None:
        return None
    try:
        return tuple(kind(word) for word in text.split(","))
    except ValueError as error:
        raise click.BadParameter(f"{text!r}; expected numbers with commas between them") from error


ESTIMATE = (
    click.option(
        "--weaker",
        metavar="MODEL",
        help="Guide the model by a weaker one, such as an earlier state of it, at twice the cost.",
    ),
    click.option(
        "--strength",
        type=click.FloatRange(min=0),
        default=1.0,
        show_default=True,
        help="How far away from the weaker model.",
    ),
    click.option(
        "--weaker-sigma",
        type=click.FloatRange(min=0),
        default=0.15,
        show_default=True,
        help="Guided by it at this noise level and above.",
    ),
    click.option(
        "--told",
        type=click.FloatRange(min=0.5, max=2),
        default=1.0,
        show_default=True,
        help="Tell the model that noise is so many times as strong as it is: above 1 for less contrast.",
    ),
)
MODEL = click.option(
    "--model", default=DEFAULT_MODEL, show_default=True, help="Name of a shipped model, or a file."
)
OPTIONS = (
    MODEL,
    *ESTIMATE,
    click.option("--width", type=int, help="Width in pixels."),
    click.option("--height", type=int, help="Height in pixels."),
    click.option("--width-mm", type=float, help="Width in millimetres instead."),
    click.option("--height-mm", type=float, help="Height in millimetres instead."),
    click.option(
        "--mpp", type=float, default=0.7, show_default=True, help="Micrometres per pixel."
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
        default="fast",
        show_default=True,
        help="fast, preview with half its evaluations, or paper as published.",
    ),
    click.option("--num-steps", type=click.IntRange(min=1), help="N, instead of the plan's."),
    click.option("--guided-steps", type=click.IntRange(min=0), help="r, instead of the plan's."),
    click.option(
        "--guided-sigma",
        type=click.FloatRange(min=0),
        help="r as a noise level: guided at this level and above.",
    ),
    click.option(
        "--solver", type=click.Choice(["euler", "heun", "2m"]), help="Instead of the plan's."
    ),
    click.option(
        "--sigma-start",
        type=float,
        help="Noise level at which stages start, instead of the plan's.",
    ),
    click.option(
        "--skip-background",
        type=click.FloatRange(min=0),
        metavar="MARGIN",
        help="Do not evaluate empty glass that is so many patches away from anything else.",
    ),
    click.option(
        "--first-starts",
        metavar="SIGMA,...",
        callback=lambda context, option, text: numbers(text, float),
        help="--sigma-start of the first guided stages, one each.",
    ),
    click.option(
        "--first-steps",
        metavar="N,...",
        callback=lambda context, option, text: numbers(text, int),
        help="--num-steps of the first guided stages, one each.",
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
        help="Patches at once.",
    ),
    click.option("--device", help="cpu or cuda; by default a GPU where there is one."),
)


def estimate_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that change what the model says of noisy images."""
    return with_options(command, ESTIMATE)


def slide_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that name a slide to a command."""
    return with_options(command, OPTIONS)


def with_options(
    command: Callable[..., Any], options: tuple[Callable[..., Any], ...]
) -> Callable[..., Any]:
    """Add options to a command; its help lists them in this order."""
    for option in reversed(options):
        command = option(command)
    return command


@dataclass(frozen=True)
class Asked:
    """A slide as asked for: what makes it, and the words that describe it in its file."""

    denoiser: "LoadedDenoiser"
    painter: "Painter"
    path: "list[Stage]"
    width: int
    height: int
    described: dict[str, Any]


def ask(
    *,
    model: str,
    weaker: str | None,
    strength: float,
    weaker_sigma: float,
    told: float,
    width: int | None,
    height: int | None,
    width_mm: float | None,
    height_mm: float | None,
    mpp: float,
    seed: int,
    plan_name: str,
    guided_sigma: float | None,
    batch_size: int,
    device: str,
    **changes: Any,
) -> Asked:
    """Find model, plan and stages; ``changes`` are fields of the plan, None where it keeps its own."""
    from dataclasses import asdict, replace

    from wsigen.errors import WsigenError
    from wsigen.plan import plan as named_plan
    from wsigen.plan import stages
    from wsigen.training.checkpoint import load_denoiser

    plan = replace(named_plan(plan_name), **{k: v for k, v in changes.items() if v is not None})
    if guided_sigma is not None:
        if changes["guided_steps"] is not None:
            raise WsigenError("--guided-steps and --guided-sigma both given; expected one of them")
        plan = plan.guided_down_to(guided_sigma)
    plan.check()
    width, height = (
        size_px(width, width_mm, mpp, "width"),
        size_px(height, height_mm, mpp, "height"),
    )
    denoiser = load_denoiser(
        model,
        device=device,
        weaker=weaker,
        strength=strength,
        weaker_sigma=weaker_sigma,
        told=told,
    )
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
    described = {
        "model": denoiser.name,
        "model_sha256": denoiser.sha256,
        "seed": seed,
        "width": width,
        "height": height,
        "mpp": mpp,
        "plan": asdict(plan),
    }
    painter = denoiser.painter(plan, seed=seed, batch_size=batch_size)
    return Asked(denoiser, painter, path, width, height, described)


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
    steps: "Generator[Progress, None, T]", *, quiet: bool = False
) -> tuple[T, list[dict[str, float]]]:
    """Run to the end under a progress bar per stage; return what it made and what each stage spent."""
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
                done = progress.patches == progress.patches_in_all  # in a sitting before
                bar = tqdm(
                    total=progress.patches_in_all, desc=title, unit="patch", disable=quiet or done
                )
            bar.update(progress.patches - bar.n)
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
    except StopIteration as end:
        return end.value, list(ledger.values())
    finally:
        if bar is not None:
            bar.close()
