"""wsigen train: train a denoiser on a cohort."""

import signal
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import click

from wsigen.cli.finite import FINITE, Finite
from wsigen.cli.options import DEVICE, SEED, THREADS, refuse_given, threads_used

OF_A_NEW_RUN = ("preset", "start_from", "patch_px", "seed")
COUNT, WHOLE = click.IntRange(min=1), click.IntRange(min=0)
POSITIVE, NOT_NEGATIVE = Finite(min=0, min_open=True), Finite(min=0)


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--cohort",
    required=True,
    type=click.Path(path_type=Path),
    help="Folder of slides, cohort.csv, pack, or the word sample or phantom.",
)
@click.option(
    "--preset",
    default="small",
    show_default=True,
    help="tiny, small, told, overview, base, base-told or paper.",
)
@click.option("--exclude", multiple=True, metavar="CASE", help="Leave a case out (repeatable).")
@click.option("--resume", is_flag=True, help="Go on with the run in FOLDER.")
@click.option(
    "--start-from", metavar="MODEL", help="Start from a model's weights, by its name or path."
)
@click.option("--minutes", type=NOT_NEGATIVE, help="Stop after so many minutes; --resume goes on.")
@click.option(
    "--save-minutes", type=NOT_NEGATIVE, default=5, show_default=True, help="Time between saves."
)
@click.option(
    "--workers", type=WHOLE, default=0, show_default=True, help="Processes reading patches."
)
@DEVICE
@THREADS
@click.option("--patch-px", type=COUNT, help="Side of a patch in pixels.")
@click.option("--mpp-min", type=POSITIVE, help="Finest scale, um/px.")
@click.option("--mpp-max", type=POSITIVE, help="Coarsest scale, um/px.")
@click.option("--scale", type=click.Choice(["log", "uniform"]), help="Distribution of scales.")
@click.option("--images", type=COUNT, help="Patches to train on.")
@click.option("--batch-size", type=COUNT, help="Patches per step.")
@click.option("--learning-rate", type=POSITIVE, help="Its highest value.")
@click.option("--warmup-images", type=WHOLE, help="Patches over which it rises.")
@click.option("--decay-images", type=COUNT, help="Patches after which it falls.")
@click.option("--clip", type=POSITIVE, help="Largest norm of the gradient.")
@click.option("--sigma-mean", type=FINITE, help="Mean of ln sigma.")
@click.option("--sigma-std", type=NOT_NEGATIVE, help="Standard deviation of ln sigma.")
@click.option("--sigma-mean-per-octave", type=FINITE, help="Its gain with each doubling of um/px.")
@click.option("--augment/--no-augment", default=None, help="Turn and mirror patches.")
@click.option("--stain-jitter", type=NOT_NEGATIVE, help="How much the amounts of stain vary.")
@click.option("--stain-jitter-images", type=WHOLE, help="Patches after which they do no more.")
@click.option("--seed", type=SEED, help="Name of all random streams.")
@click.pass_context
def train(
    ctx: click.Context,
    folder: Path,
    cohort: Path,
    preset: str,
    exclude: tuple[str, ...],
    resume: bool,
    start_from: str | None,
    minutes: float | None,
    save_minutes: float,
    workers: int,
    device: str | None,
    **tuned: Any,
) -> None:
    """Train a denoiser on the slides of a cohort, into FOLDER.

    Options left out have the preset's value, or with --resume the run's. FOLDER/model.safetensors can be
    used at any time.

    \b
    Examples:
      wsigen train runs/first --cohort slides/cohort.csv --minutes 60
      wsigen train runs/first --cohort slides/cohort.csv --resume --minutes 60
      wsigen train runs/trial --cohort phantom --preset tiny
      wsigen train runs/own --cohort slides --preset told --start-from small-3 --minutes 60
      torchrun --nproc-per-node 4 -m wsigen train runs/paper --cohort slides --preset paper
    """
    from tqdm import tqdm

    from wsigen.cohorts.cohort import read_cohort
    from wsigen.devices import choose_device
    from wsigen.training import config as configs
    from wsigen.training.loop import join_processes, standing, world
    from wsigen.training.run import STATE, WRITTEN, check_held, check_new, train_in_folder

    assert set(tuned) <= {f.name for f in fields(configs.TrainConfig)}
    changes = {name: value for name, value in tuned.items() if value is not None}
    if resume:
        refuse_given(
            ctx, OF_A_NEW_RUN, "is of a new run; leave it out, a resumed one keeps its own"
        )
        check_held(folder, STATE)
        config, seen = standing(folder / STATE, **changes)
    else:
        check_new(folder, STATE, WRITTEN)
        config, seen = replace(configs.preset(preset), **changes), 0
    # stopped is saved, whoever stops it: kill, see `main`, and Ctrl-C alike
    signal.signal(signal.SIGINT, signal.default_int_handler)  # in the background, too
    device = join_processes(choose_device(device))
    leader = world()[0] == 0
    steps = train_in_folder(
        folder,
        config,
        read_cohort(cohort, exclude=exclude),
        resume=resume,
        changes=changes,
        start_from=start_from,
        minutes=minutes,
        save_minutes=save_minutes,
        workers=workers,
        device=device,
        watch=lambda steps, what: tqdm(steps, what, leave=False, disable=not leader),
    )
    if device == "cpu" and leader:
        click.echo(threads_used())
    with tqdm(total=config.images, initial=seen, unit="patch", disable=not leader) as bar:
        average = None
        for progress in steps:
            average = progress.loss if average is None else 0.98 * average + 0.02 * progress.loss
            bar.set_postfix(loss=f"{average:.4f}", refresh=False)
            bar.update(progress.images_seen - seen)
            seen = progress.images_seen
    if leader:
        click.echo(f"{folder}/model.safetensors has seen {seen} patches")
