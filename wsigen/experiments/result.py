"""What an experiment finds: rows of numbers with their pictures, and the file they are kept in.

``results/<profile>/<name>.json`` holds one table, its parameters and what made it; the pictures lie in a folder beside
it, ``results/<profile>/<name>/<picture>.jpg``.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from wsigen.errors import WsigenError
from wsigen.metrics.intervals import Estimate
from wsigen.outputs import whole

Pixels = NDArray[np.uint8]
QUALITY = 80  # of JPEG: every clone carries the pictures, and with 90 they took half as much again
HEADS = {  # of columns whose name is not how one would say it
    "mpp": "µm/px",
    "kid": "KID",
    "num_steps": "N",
    "guided_steps": "r",
    "sigma_start": "from σ",
    "sigma_last": "last guided σ",
    "sigma_free": "first free σ",
    "guide_error": "off the guide, grey levels",
    "real_precision": "precision of real patches",
    "real_recall": "recall of real patches",
    "paper_precision": "the paper's precision",
    "paper_recall": "the paper's recall",
    "seam_effect": "seam, sd",
    "seam_chance": "seam at grids not used, sd",
    "seam_p": "p of the seam",
    "evaluations_each": "evaluations a patch",
    "nearest_least": "nearest, least",
    "nearest_real": "nearest of real patches",
    "nearest_real_least": "nearest of real patches, least",
}


@dataclass(frozen=True)
class Row:
    """What was measured in one cell.

    Args:
        values: columns of the table: numbers, words, or lists of them; dicts where a row needs more.
        images: pictures by name, uint8 (height, width, 3); of generated or drawn tissue only.
    """

    values: dict[str, Any]
    images: dict[str, Pixels] = field(default_factory=dict)


@dataclass(frozen=True)
class Result:
    """A whole table.

    Args:
        experiment, profile: its name and size.
        parameters: the config, and the model, cohort and seed it was measured with.
        rows: one dict per cell: what was set, what was measured, and the seconds it took, by the clock and of the
            processor (which other work on the machine disturbs less).
        info: `wsigen.provenance.run_info` of every start that measured some of the rows.
        folder: where its pictures lie; None where they were not kept.
    """

    experiment: str
    profile: str
    parameters: dict[str, Any]
    rows: list[dict[str, Any]]
    info: list[dict[str, Any]]
    folder: Path | None = None

    def column(self, name: str) -> list[Any]:
        """One value of each row; None where a row has none."""
        return [row.get(name) for row in self.rows]

    def image(self, name: str) -> Pixels:
        """A picture of this result, uint8 (height, width, 3)."""
        path = (self.folder or Path()) / f"{name}.jpg"
        if self.folder is None or not path.is_file():
            raise WsigenError(
                f"{path}: no picture {name!r} of {self.experiment}; run wsigen experiment "
                f"{self.experiment} --profile {self.profile}"
            )
        return np.asarray(Image.open(path).convert("RGB"))


def with_interval(name: str, estimate: Estimate) -> dict[str, float]:
    """Three columns for a number: ``name``, ``name_low`` and ``name_high``."""
    return {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}


def as_markdown(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> str:
    """A table of some columns of rows, for a notebook; where there is an interval, with its ends."""
    heads = [HEADS.get(name, name.replace("_", " ")) for name in columns]
    lines = ["| " + " | ".join(heads) + " |", "|---" * len(columns) + "|"]
    for row in rows:
        cells = [_cell(row.get(name)) for name in columns]
        for place, name in enumerate(columns):
            if f"{name}_low" in row:
                low, high = (_cell(row[f"{name}_{end}"]) for end in ("low", "high"))
                cells[place] += f" ({low} to {high})"
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def sheet(patches: Pixels, columns: int) -> Pixels:
    """Patches (n, height, width, 3) side by side, in rows of ``columns``; what does not fill a row is left out."""
    rows = len(patches) // columns
    lines = [
        np.concatenate(list(patches[i * columns : (i + 1) * columns]), axis=1) for i in range(rows)
    ]
    return np.concatenate(lines)


def results_folder() -> Path:
    """The folder ``results`` of the checkout this package lies in, else of the working directory."""
    checkout = Path(__file__).parents[2]
    return (checkout if (checkout / "pyproject.toml").is_file() else Path()) / "results"


def save_result(
    result: Result, images: Mapping[str, Pixels], folder: Path, saved_as: str | None = None
) -> Path:
    """Write a result and its pictures under ``folder``, by its own name or another; returns the table's path."""
    path = folder / result.profile / f"{saved_as or result.experiment}.json"
    pictures = path.with_suffix("")
    for name, pixels in images.items():
        pictures.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(pictures / f"{name}.jpg", quality=QUALITY, subsampling=0)
    table = asdict(result)
    del table["folder"]
    write_json(path, table)
    return path


def load_result(name: str, profile: str = "classroom", folder: Path | None = None) -> Result:
    """Read a saved result.

    Raises:
        WsigenError: it was never saved, or is damaged.
    """
    path = (folder or results_folder()) / profile / f"{name}.json"
    try:
        return Result(**json.loads(path.read_text()), folder=path.with_suffix(""))
    except FileNotFoundError as error:
        raise WsigenError(
            f"{path}: no such result; run wsigen experiment {name} --profile {profile}"
        ) from error
    except (ValueError, TypeError) as error:
        raise WsigenError(
            f"{path}: not a saved result ({error}); remove it and run again"
        ) from error


def saved_result(
    name: str, profile: str = "classroom", folder: Path | None = None
) -> Result | None:
    """Read a saved result; None where nobody has saved one."""
    path = (folder or results_folder()) / profile / f"{name}.json"
    return load_result(name, profile, folder) if path.is_file() else None


def saved_for(live: Result) -> Result:
    """What "classroom" has saved of the experiment that just ran small; where nothing is saved, that run."""
    return saved_result(live.experiment) or live


def described(result: Result) -> str:
    """One line on what a result was measured with, for a notebook."""
    told = result.parameters
    return f"Profile {result.profile}, cohort {told['cohort']}, model {told['model']}, seed {told['seed']}."


def write_json(path: Path, value: Any) -> None:
    """Write a file that is there whole or not at all."""
    with whole(path) as part:
        part.write_text(json.dumps(plain(value), indent=1, allow_nan=False) + "\n")


def plain(value: Any) -> Any:
    """The value as JSON knows it; what is no number (NaN, infinity) becomes null."""
    if is_dataclass(value) and not isinstance(value, type):
        return plain(asdict(value))
    if isinstance(value, Mapping):
        return {str(name): plain(inner) for name, inner in value.items()}
    if isinstance(value, np.generic | np.ndarray):
        return plain(value.tolist())
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
