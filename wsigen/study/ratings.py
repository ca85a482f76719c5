"""From the steps of a study to its ratings: a table, a matrix, a CSV file."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

from wsigen.errors import WsigenError

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Ratings:
    """Ratings as a matrix.

    Args:
        values: (readers, slides), 0 real to 100 synthetic, NaN where a slide is not rated yet.
        synthetic: (slides,), which of them are synthetic.
        readers, slides: their names.
    """

    values: NDArray[np.float64]
    synthetic: NDArray[np.bool_]
    readers: tuple[str, ...]
    slides: tuple[str, ...]


def final_ratings(steps: Sequence[Row], key: Mapping[str, Row]) -> list[dict[str, Any]]:
    """The submitted ratings of the slides that count, with their labels, as rows."""
    changes: dict[tuple[Any, Any], int] = {}
    rows = []
    for step in steps:
        place = (step["reader"], step["slide"])
        changes[place] = changes.get(place, 0) + (step["kind"] == "change")
        if step["kind"] != "submit":
            continue
        if step["slide"] not in key:
            raise WsigenError(
                f"slide {step['slide']} is not in the key; is it the key of this study?"
            )
        if key[step["slide"]]["part"] == "rated":
            rows.append(
                {
                    "reader": step["reader"],
                    "slide": step["slide"],
                    "label": key[step["slide"]]["label"],
                    "rating": step["rating"],
                    "changes": changes[place],
                    **{name: step[name] for name in ("time", "dwell_ms", "mpp_min", "mpp_max")},
                }
            )
    return rows


def rating_matrix(rows: Sequence[Row], key: Mapping[str, Row]) -> Ratings:
    """The rows of `final_ratings` as a matrix over all slides that count.

    Raises:
        WsigenError: nobody has rated a slide that counts.
    """
    rated = [name for name, row in key.items() if row["part"] == "rated"]
    # by origin, not by the random names: the same study made anew gives the same matrix
    slides = tuple(sorted(rated, key=lambda name: (key[name]["label"], key[name]["source"], name)))
    readers = tuple(dict.fromkeys(row["reader"] for row in rows))
    if not readers:
        raise WsigenError("no ratings yet; `wsigen study readers` shows how far the readers are")
    values = np.full((len(readers), len(slides)), np.nan)
    for row in rows:
        values[readers.index(row["reader"]), slides.index(row["slide"])] = row["rating"]
    synthetic = np.array([key[name]["label"] == "synthetic" for name in slides])
    return Ratings(values, synthetic, readers, slides)


def write_csv(rows: Sequence[Row], out: TextIO) -> None:
    """Write rows with a header; nothing where there are none."""
    if rows:
        writer = csv.DictWriter(out, rows[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
