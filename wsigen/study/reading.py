"""What scores say of a sheet: each reader's AUC with its interval, the share of errors, and which crops they were.

Scores are a table with the columns ``number`` and ``score``, 0 surely real to 100 surely generated, one row a crop. The
numbers are those of a study, see `wsigen.study.analysis`; DIR/reading.json keeps them with labels, scales and scores.
It can be given away: it shows no picture and names no case, which the key does.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from wsigen.cohorts.table import as_number, read_table
from wsigen.errors import WsigenError
from wsigen.provenance import run_info
from wsigen.study.design import INFO, KEY, read_key
from wsigen.study.ratings import Ratings
from wsigen.study.report import analyse, describe, finite
from wsigen.study.sheet import READING

COLUMNS = ("number", "score")
KEPT = ("number", "label", "mpp", "overlap", "model", "model_sha256", "seed")  # of the key
UNDECIDED = 50.0
OF_TEN = 10.0  # the highest of another usual scale


def read_sheet(folder: Path, scores: Sequence[Path], *, key: Path | None = None) -> str:
    """Compare the scores of one or more readers with the key; writes reading.json to ``folder``, returns the text.

    Args:
        folder: what `wsigen.study.sheet.create_sheet` made.
        scores: one table for each reader, whose name is that of the file.
        key: where the labels lie, by default ``folder/key.csv``.

    Raises:
        WsigenError: no sheet, no key, or a table that does not score every crop once.
    """
    try:
        made_by = json.loads((folder / INFO).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise WsigenError(
            f"{folder}: no sheet ({type(error).__name__} in {INFO}); make one with `wsigen study sheet`"
        ) from error
    labels = read_key(key or folder / KEY, "number")
    names = [path.stem for path in scores]
    if len(set(names)) < len(names):
        raise WsigenError(
            f"two tables of scores are called {max(names, key=names.count)}; name each after its reader"
        )
    values = np.array([_scores(path, labels) for path in scores])
    synthetic = np.array([row["label"] == "synthetic" for row in labels.values()])
    ratings = Ratings(values, synthetic, tuple(names), tuple(labels))
    report = analyse(ratings)
    wrong = {name: errors(ratings, place) for place, name in enumerate(names)}
    kept = {
        "report": finite(asdict(report)),
        "wrong": wrong,
        "crops": [
            {name: row[name] for name in KEPT if name in row}
            | {"scores": dict(zip(names, values[:, place].tolist(), strict=True))}
            for place, row in enumerate(labels.values())
        ],
        "sheet": made_by,
        "info": run_info(scores=[path.name for path in scores]),
    }
    (folder / READING).write_text(json.dumps(kept, indent=1) + "\n", "utf-8")
    lines = [describe(report, "crops"), ""]
    for name, found in wrong.items():
        lines += [
            f"- **{name}** took for {what}: {_listed(which)}" for what, which in found.items()
        ]
    for name, scored in zip(names, values, strict=True):
        if scored.max() <= OF_TEN:
            lines.append(
                f"- **{name}** has no score above {OF_TEN:g}, so that all count as taken for real; multiply scores of "
                "0 to 10 by ten and read them again"
            )
    return "\n".join([*lines, "", f"written to {folder / READING}"])


def errors(ratings: Ratings, reader: int) -> dict[str, list[str]]:
    """The crops on the wrong side of 50 of one reader: generated ones that were taken for real, and the others."""
    values = ratings.values[reader]
    believed = ratings.synthetic & (values < UNDECIDED)
    doubted = ~ratings.synthetic & (values > UNDECIDED)
    return {
        what: [name for name, there in zip(ratings.slides, which, strict=True) if there]
        for what, which in (("real", believed), ("generated", doubted))
    }


def _scores(path: Path, labels: Mapping[str, Any]) -> list[float]:
    """A reader's scores in the order of the key."""
    if not path.is_file():
        raise WsigenError(f"{path}: no such file; expected a table with the columns number, score")
    found: dict[str, float] = {}
    for row in read_table(path, COLUMNS):
        number, text = row["number"], row["score"]
        score = as_number(text)
        if number not in labels or number in found:
            again = "scored twice" if number in found else "not on the sheet"
            raise WsigenError(
                f"{path}: number {number!r} is {again}; expected 1 to {len(labels)} once each"
            )
        if not 0 <= score <= 100:
            raise WsigenError(
                f"{path}: number {number} has the score {text!r}; expected 0 (real) to 100 (generated)"
            )
        found[number] = score
    missing = [number for number in labels if number not in found]
    if missing:
        raise WsigenError(f"{path}: no score for {_listed(missing)}; expected one for every crop")
    return [found[number] for number in labels]


def _listed(numbers: Sequence[str]) -> str:
    return ", ".join(numbers) if numbers else "none"
