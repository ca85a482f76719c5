"""wsigen evaluate: how near a model comes to patients it has not seen, scale by scale."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wsigen.cli.finite import FINITE, Finite
from wsigen.cli.options import lab_options, refuse_given

if TYPE_CHECKING:
    from wsigen.experiments.result import Result

MAGNIFYING = ("told", "student")
FROM_NOISE = ("num_steps", "solver", "sigma_min", "sheet")  # options of patches from noise


@click.command()
@lab_options
@click.option(
    "--split", help="Of the patients to judge on; by default heldout, or test where there is none."
)
@click.option(
    "--samples", type=click.IntRange(min=8), default=256, show_default=True,
    help="Patches at each scale, where the slides have so many that do not overlap.",
)  # fmt: skip
@click.option(
    "--mpp", "scales", type=FINITE, multiple=True,
    help="Micrometres per pixel (repeatable), instead of 0.7, 1.5, 3, 6, 12, 25 and 50.",
)  # fmt: skip
@click.option(
    "--plan", "plan_name", type=click.Choice(MAGNIFYING),
    help="Judge patches that this plan makes of the averages of held-out ones, as a stage of a slide does, instead of "
    "patches from noise. A student is told no style.",
)  # fmt: skip
@click.option("--num-steps", type=click.IntRange(min=1), default=20, show_default=True, help="N.")
@click.option(
    "--solver", type=click.Choice(["euler", "heun", "2m"]), default="2m", show_default=True
)
@click.option(
    "--sigma-min", type=Finite(min=0, min_open=True), default=0.1, show_default=True,
    help="Last noise level before 0.",
)  # fmt: skip
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help="Save the table as JSON, with what made it."
)  # fmt: skip
@click.option(
    "--sheet", type=click.Path(path_type=Path, dir_okay=False),
    help="Draw eight samples at each scale beside eight real patches of the split, as PNG.",
)  # fmt: skip
@click.option("--fresh", is_flag=True, help="Measure anew what is known.")
@click.option("--overwrite", is_flag=True, help="Replace the files of --out and --sheet.")
@click.pass_context
def evaluate(
    ctx: click.Context,
    split: str | None,
    samples: int,
    scales: tuple[float, ...],
    plan_name: str | None,
    num_steps: int,
    solver: str,
    sigma_min: float,
    out: Path | None,
    sheet: Path | None,
    fresh: bool,
    overwrite: bool,
    **named: Any,
) -> None:
    """Compare a model's patches with those of patients that were kept from its training.

    Per scale: KID with its 95 % interval, improved precision and recall, and beside each the same for real training
    patches, the floor that a perfect generator would reach. Lower KID is better; a ratio of 1 cannot be told from real
    training patches. A run that was stopped goes on where it was.

    \b
    Examples:
      wsigen evaluate --model runs/judged/model.safetensors --cohort judge.csv
      wsigen evaluate --model runs/judged/model.safetensors --cohort judge.csv --mpp 1.5 --samples 1000 --out kid.json
      wsigen evaluate --cohort slides --sheet sheet.png
      wsigen evaluate --cohort slides --plan student --mpp 1.4 --mpp 2.8
    """
    from wsigen.cli.experiment import watch
    from wsigen.cohorts.cohort import check_apart
    from wsigen.experiments import distillation, heldout
    from wsigen.experiments import samples as samples_of
    from wsigen.experiments.lab import Lab
    from wsigen.experiments.run import run
    from wsigen.outputs import PICTURE, TABLE, check_file
    from wsigen.plan import STUDENT
    from wsigen.slides.scale import checked_mpp
    from wsigen.training.monitor import save_image

    for mpp in scales:
        checked_mpp(mpp)
    if plan_name is not None:
        refuse_given(ctx, FROM_NOISE, "is for patches from noise; leave it out, or --plan")
    if out is not None:
        check_file(out, overwrite=overwrite, suffixes=TABLE)
    if sheet is not None:
        check_file(sheet, overwrite=overwrite, suffixes=PICTURE, apart_from=[out])
        check_apart(sheet, Path(named["cohort"]))
    lab = Lab(**named)
    if plan_name is not None:
        evaluations = (STUDENT.num_steps,) if plan_name == "student" else ()
        asked = distillation.Config(samples, scales or (0.7, 1.4, 2.8), evaluations, split)
        result = watch(run("distillation", "evaluate", lab, config=asked, fresh=fresh), "evaluate")
        print_magnified(result.rows)
        save(result, out)
        return
    config = heldout.Config(
        samples=samples,
        least=min(samples, heldout.Config.least),
        scales=scales or heldout.Config.scales,
        num_steps=num_steps,
        solver=solver,
        sigma_min=sigma_min,
        split=split,
    )
    result = watch(run("heldout", "evaluate", lab, config=config, fresh=fresh), "evaluate")
    click.echo(
        "um/px    n  apart  KID x 1000 (95 %)       real    ratio  precision (real)  recall (real)"
    )
    for row in result.rows:
        if not row["samples"]:
            click.echo(f"{row['mpp']:5g}    -  {row['note']}")
            continue
        ratio = f"{row['ratio']:.1f}" if row["ratio"] is not None else "-"
        click.echo(
            f"{row['mpp']:5g} {row['samples']:4} {row['apart']:6}  {1000 * row['kid']:6.1f} "
            f"({1000 * row['kid_low']:6.1f} to {1000 * row['kid_high']:6.1f}) "
            f"{1000 * row['floor_kid']:6.1f} {ratio:>8}   {row['precision']:.2f} ({row['floor_precision']:.2f})"
            f"       {row['recall']:.2f} ({row['floor_recall']:.2f})"
        )
    save(result, out)
    if sheet is not None:
        drawn = samples_of.Config(
            scales=config.scales, num_steps=num_steps, solver=solver, sigma_min=sigma_min
        )
        save_image(sheet, samples_of.beside_real(drawn, lab, split or lab.held_out))
        click.echo(f"{sheet}: samples on the left, real patches on the right")


def print_magnified(rows: list[dict[str, Any]]) -> None:
    """Print a line for each scale and who magnified; ``real`` patches are what to hope for."""
    click.echo("um/px  made by  evaluations  KID x 1000 (95 %)       precision  recall  sharpness")
    for row in rows:
        click.echo(
            f"{row['mpp']:5g}  {row['who']:8} {row['evaluations'] or '-':>10}  {1000 * row['kid']:6.1f} "
            f"({1000 * row['kid_low']:6.1f} to {1000 * row['kid_high']:6.1f})  {row['precision']:9.2f}  "
            f"{row['recall']:6.2f}  {row['sharpness']:9.4f}"
        )


def save(result: "Result", out: Path | None) -> None:
    """Write the table to ``out``, if it is given."""
    from dataclasses import asdict

    from wsigen.experiments.result import write_json

    if out is None:
        return
    out.parent.mkdir(parents=True, exist_ok=True)
    table = asdict(result)
    del table["folder"]
    write_json(out, table)
    click.echo(f"{out}: the table, with intervals of all, and what made it")
