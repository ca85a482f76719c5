"""Run an experiment cell by cell. What was measured before is read, so a run that was stopped goes on where it was.

A cell is known by everything that decides it: experiment, the package's code, config, cell, weights of the model,
slides of the cohort, seed, and kind of device.
"""

import hashlib
import json
import time
from collections.abc import Generator
from dataclasses import MISSING, asdict, dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from wsigen.coarse_to_fine import drain
from wsigen.errors import WsigenError
from wsigen.experiments.catalogue import find_experiment
from wsigen.experiments.lab import Lab
from wsigen.experiments.result import (
    Pixels,
    Result,
    Row,
    plain,
    save_result,
    saved_result,
    write_json,
)
from wsigen.plan import PLANS
from wsigen.provenance import code_sha256, run_info


@dataclass(frozen=True)
class Done:
    """After a cell: which of how many, its row, and whether it was known already."""

    number: int
    cells: int
    row: dict[str, Any]
    known: bool


def run(
    name: str,
    profile: str,
    lab: Lab,
    *,
    config: Any = None,
    out: Path | None = None,
    fresh: bool = False,
    saved_as: str | None = None,
) -> Generator[Done, None, Result]:
    """Measure every cell of an experiment; yields after each and returns the result.

    Args:
        name: see `wsigen.experiments.catalogue`.
        profile: "smoke", "classroom" or "paper".
        lab: model, cohort and seed to measure with.
        config: parameters instead of the profile's, such as ``replace(PROFILES["smoke"], steps=(5,))``.
        out: folder of results; None saves no result, though the cells are kept.
        fresh: measure anew what is known.
        saved_as: name of the saved result; by default the experiment's.
    """
    experiment = find_experiment(name)
    config = experiment.config(profile) if config is None else config
    module = experiment.module()
    parameters = {"config": plain(asdict(config)), **lab.described()}
    identity = {"experiment": name, "profile": profile, "code": code_sha256(), **parameters}
    identity |= {"device": lab.device.split(":")[0], "made_by": lab.denoiser.digest}
    identity |= {"plans": {each: plain(asdict(plan)) for each, plan in PLANS.items()}}
    companions = {"student": lab.denoiser.student, "overview": lab.denoiser.overview}
    beside = {f"{each}_sha256": model.sha256 for each, model in companions.items() if model}
    own_info = run_info(lab.device, experiment=name, profile=profile, **lab.described(), **beside)
    rows, infos, images = [], dict[str, dict[str, Any]](), dict[str, Pixels]()
    table = module.cells(config)
    for number, cell in enumerate(table, start=1):
        folder = lab.cache / "experiments" / name / _digest({**identity, "cell": plain(cell)})
        known = None if fresh else _load(folder)
        if known is None:
            began, processor = time.monotonic(), time.process_time()
            row = module.measure(cell, config, lab)
            spent = {
                "seconds": round(time.monotonic() - began, 2),
                "processor_seconds": round(time.process_time() - processor, 2),
            }
            known = _save(folder, {**cell, **row.values, **spent}, own_info, row)
            was_known = False
        else:
            was_known = True
        values, info, pictures = known
        if repeated := sorted(set(images) & set(pictures)):
            raise WsigenError(f"{name}: two cells made a picture {repeated[0]!r}; name them apart")
        rows.append(values)
        images |= pictures
        infos[info["started"]] = info
        yield Done(number, len(table), values, was_known)
    result = Result(name, profile, parameters, rows, list(infos.values()))
    if out is None:
        return result
    path = save_result(result, images, out, saved_as)
    return Result(name, profile, parameters, rows, result.info, path.with_suffix(""))


def saved_or_run(
    name: str, profile: str, lab: Lab, *, config: Any = None, out: Path | None = None
) -> Result:
    """Take what lies in ``results`` where it was measured with these parameters; else run to the end.

    Pages of the book use it, so that building them does not compute a large profile again. Unlike a kept cell, a saved
    result may come from an older version of the experiment's code: its provenance says which.

    Args:
        name, profile, lab, config, out: see `run`.
    """
    config = find_experiment(name).config(profile) if config is None else config
    saved = saved_result(name, profile)
    if saved is not None:
        names = {"config", "cohort"}  # a cohort is known by its slides: a pack of them is the same
        told, asked = (
            {key: value for key, value in parameters.items() if key not in names}
            for parameters in (saved.parameters, lab.described())
        )
        if told == asked and was_config(saved.parameters["config"], config):
            return saved
    return drain(run(name, profile, lab, config=config, out=out))


def was_config(saved: dict[str, Any], config: Any) -> bool:
    """Whether a saved config is this one. A field that came later must have its default, which changes nothing."""
    known = {field.name: field for field in fields(config)}
    for name, field in known.items():
        value = getattr(config, name)
        if name not in saved:
            made = field.default_factory
            if value != (field.default if made is MISSING else made()):
                return False
        elif is_dataclass(value) and isinstance(saved[name], dict):
            if not was_config(saved[name], value):
                return False
        elif plain(value) != saved[name]:
            return False
    return set(saved) <= set(known)


Kept = tuple[dict[str, Any], dict[str, Any], dict[str, Pixels]]


def _save(folder: Path, values: dict[str, Any], info: dict[str, Any], row: Row) -> Kept:
    """Keep a cell: its pictures first, so that where the row lies all is there."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, pixels in row.images.items():
        Image.fromarray(pixels).save(folder / f"{name}.png")
    kept = plain({"row": values, "info": info, "images": sorted(row.images)})
    write_json(folder / "row.json", kept)
    return kept["row"], info, dict(row.images)


def _load(folder: Path) -> Kept | None:
    """Return what is kept of a cell; None where nothing is, or it cannot be read."""
    try:
        kept = json.loads((folder / "row.json").read_text())
        images = {
            name: np.asarray(Image.open(folder / f"{name}.png").convert("RGB"))
            for name in kept["images"]
        }
        return kept["row"], kept["info"], images
    except (OSError, ValueError, KeyError):
        return None


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:32]
