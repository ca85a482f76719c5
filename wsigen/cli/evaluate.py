"""wsigen evaluate: how near a model comes to patients it has not seen, scale by scale."""

from pathlib import Path
from typing import Any

import click

from wsigen.cli.finite import FINITE, Finite
from wsigen.cli.options import lab_options


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
def evaluate(
    split: str | None,
    samples: int,
    scales: tuple[float, ...],
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
    """
    from dataclasses import asdict

    from wsigen.cli.experiment import watch
    from wsigen.experiments import heldout
    from wsigen.experiments import samples as samples_of
    from wsigen.experiments.lab import Lab
    from wsigen.experiments.result import write_json
    from wsigen.experiments.run import run
    from wsigen.outputs import PICTURE, TABLE, check_file
    from wsigen.training.monitor import save_image

    if out is not None:
        check_file(out, overwrite=overwrite, suffixes=TABLE)
    if sheet is not None:
        check_file(sheet, overwrite=overwrite, suffixes=PICTURE, apart_from=[out])
    config = heldout.Config(
        samples=samples,
        least=min(samples, heldout.Config.least),
        scales=scales or heldout.Config.scales,
        num_steps=num_steps,
        solver=solver,
        sigma_min=sigma_min,
        split=split,
    )
    lab = Lab(**named)
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
    for path in (out, sheet):
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
    if out is not None:
        table = asdict(result)
        del table["folder"]
        write_json(out, table)
        click.echo(f"{out}: the table, with intervals of all, and what made it")
    if sheet is not None:
        drawn = samples_of.Config(
            scales=config.scales, num_steps=num_steps, solver=solver, sigma_min=sigma_min
        )
        save_image(sheet, samples_of.beside_real(drawn, lab, split or lab.held_out))
        click.echo(f"{sheet}: samples on the left, real patches on the right")
