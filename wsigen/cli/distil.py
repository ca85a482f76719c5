"""wsigen distil: a student that paints a stage in two evaluations."""

import signal
from pathlib import Path

import click

from wsigen.cli.finite import Finite
from wsigen.cli.options import SEED, THREADS, refuse_given, threads_used

OF_A_NEW_RUN = ("teacher", "way", "from_student", "seed")


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--cohort",
    required=True,
    type=click.Path(path_type=Path),
    help="Folder of slides, cohort.csv, pack, or the word sample or phantom.",
)
@click.option(
    "--teacher",
    default="small-3",
    show_default=True,
    metavar="MODEL",
    help="A model that is told its guide, by its name or path.",
)
@click.option(
    "--way",
    type=click.Choice(["adversarial", "progressive", "consistency", "styled", "slides"]),
    default="adversarial",
    show_default=True,
    help="What the student is made to do; styled, then slides come last, with --from-student.",
)
@click.option(
    "--from-student", is_flag=True, help="Begin as the student that the teacher has, and go on."
)
@click.option("--exclude", multiple=True, metavar="CASE", help="Leave a case out (repeatable).")
@click.option("--resume", is_flag=True, help="Go on with the run in FOLDER.")
@click.option("--minutes", type=Finite(min=0), help="Stop after so many minutes; --resume goes on.")
@click.option(
    "--save-minutes", type=Finite(min=0), default=5, show_default=True, help="Time between saves."
)
@THREADS
@click.option("--seed", type=SEED, default=0, show_default=True, help="Name of all random streams.")
@click.pass_context
def distil(
    ctx: click.Context,
    folder: Path,
    cohort: Path,
    teacher: str,
    way: str,
    from_student: bool,
    exclude: tuple[str, ...],
    resume: bool,
    minutes: float | None,
    save_minutes: float,
    seed: int,
) -> None:
    """Distil a student of a model into FOLDER, on the processor.

    FOLDER then holds the teacher with its student beside it. It goes on until it is stopped; stopped by Ctrl-C or kill,
    it saves first.

    \b
    Examples:
      wsigen distil runs/student --cohort slides/cohort.csv --minutes 60
      wsigen distil runs/student --cohort slides/cohort.csv --resume --minutes 60
      wsigen distil runs/styled --cohort slides/cohort.csv --from-student --way styled --minutes 10
      wsigen distil runs/slides --cohort slides/cohort.csv --from-student --way slides --minutes 60
      wsigen generate slide.tiff --model runs/student/small-3.safetensors --plan student
    """
    from tqdm import tqdm

    from wsigen.cohorts.cohort import read_cohort
    from wsigen.training.distil_run import distil_in_folder
    from wsigen.training.upscaling import DistilConfig

    if resume:
        refuse_given(
            ctx, OF_A_NEW_RUN, "is of a new run; leave it out, a resumed one keeps its own"
        )
    signal.signal(signal.SIGINT, signal.default_int_handler)  # in the background, too
    steps = distil_in_folder(
        folder,
        DistilConfig(way=way, seed=seed),
        teacher,
        read_cohort(cohort, exclude=exclude),
        resume=resume,
        from_student=from_student,
        minutes=minutes,
        save_minutes=save_minutes,
        watch=lambda steps, what: tqdm(steps, what, leave=False),
    )
    click.echo(threads_used())
    with tqdm(unit="patch") as bar:
        for progress in steps:
            bar.set_postfix(loss=f"{progress.loss:.4f}", refresh=False)
            bar.update(progress.images_seen - bar.n)
    click.echo(f"{folder}: the student has seen {bar.n} patches")
