"""Quality over evaluations per patch, and what each switch of a plan does.

    python benchmarks/pareto.py
    python benchmarks/pareto.py --run --cohort COHORT.csv --profile classroom

Draws ``pareto.png`` (KID, precision and recall of slide crops, and the seam statistic, over evaluations per patch) and
``switches.png`` (each switch beside the plan in which it is switched) from the saved result of the experiment
``fewer_evaluations``, or with ``--run`` measures it: cell by cell, so that what was measured before is read. Prints
the table.
"""

import argparse
from pathlib import Path

from wsigen.coarse_to_fine import drain
from wsigen.experiments.fewer_evaluations import BASE
from wsigen.experiments.lab import Lab
from wsigen.experiments.result import as_markdown, load_result
from wsigen.experiments.run import run
from wsigen.plots.fewer_evaluations import pareto, switches

COLUMNS = (
    "solver",
    "num_steps",
    "sigma_start",
    "switch",
    "evaluations",
    "kid",
    "precision",
    "recall",
    "seam_effect",
    "seam_chance",
    "difference",
)


def main() -> None:
    """Read or measure, draw, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--profile", default="classroom")
    parser.add_argument("--run", action="store_true", help="Measure instead of reading.")
    parser.add_argument("--cohort", default="phantom")
    parser.add_argument("--results", type=Path, help="Folder of results.")
    parser.add_argument("--out", type=Path, default=Path("out"), help="Folder for the figures.")
    arguments = parser.parse_args()
    if arguments.run:
        found = drain(
            run(
                "fewer_evaluations", arguments.profile, Lab(arguments.cohort), out=arguments.results
            )
        )
    else:
        found = load_result("fewer_evaluations", arguments.profile, arguments.results)
    rows = [row for row in found.rows if row["solver"] != "skip"]
    print(as_markdown(rows, COLUMNS))
    arguments.out.mkdir(parents=True, exist_ok=True)
    pareto(rows).savefig(arguments.out / "pareto.png", dpi=110)
    switched = [row for row in rows if row.get("switch")]
    key = (BASE.solver, BASE.num_steps, BASE.sigma_start)
    base = next(
        (r for r in rows if not r.get("switch") and (r["solver"], r["num_steps"], r["sigma_start"]) == key),
        None,
    )  # fmt: skip
    if switched and base:
        switches(switched, base).savefig(arguments.out / "switches.png", dpi=110)
    print(f"{arguments.out}: pareto.png, switches.png")


if __name__ == "__main__":
    main()
