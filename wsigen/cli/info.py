"""wsigen info: what a slide or a checkpoint says of itself."""

import gzip
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from wsigen.cli.finite import FINITE
from wsigen.models import (
    PACKED,
    SHIPPED,
    overview_of,
    packed_or_not,
    shipped_file,
    shipped_models,
    student_of,
)

PLAIN = ".safetensors"


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--mpp", type=FINITE, help="Micrometres per pixel, where the file does not say.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def info(file: Path, mpp: float | None, as_json: bool) -> None:
    """Describe FILE: a slide, a plain image, a .safetensors checkpoint, or a model that ships, by its name.

    For a synthetic slide this includes how it was made: seed, model, plan, evaluations.

    \b
    Examples:
      wsigen info slide.svs
      wsigen info generated.tiff --json
      wsigen info runs/first/model.safetensors
      wsigen info small-3
    """
    if not file.exists() and str(file) in shipped_models():
        file = shipped_file(str(file))
    checkpoint = file.name.endswith((PLAIN, SHIPPED))
    found = describe_checkpoint(file) if checkpoint else describe_slide(file, mpp)
    click.echo(json.dumps(found, indent=2) if as_json else "\n".join(as_lines(found)))


def describe_slide(path: Path, mpp: float | None = None) -> dict[str, Any]:
    """Return what is known of a slide, ready for JSON.

    Sizes are in pixels and millimetres, ``levels`` are [height, width], finest first, ``remark`` names black fill and
    pen, and ``description`` is the JSON
    that wsigen wrote into a slide, or None. Raises WsigenError for an unreadable file or one without a scale.
    """
    from wsigen.slides import open_slide, read_description
    from wsigen.slides.pyramid import opens_as_slide
    from wsigen.slides.tissue import remark

    with open_slide(path, mpp) as slide:
        tissue = slide.look()
        return {
            "path": str(path),
            "format": slide.vendor,
            "height": slide.height,
            "width": slide.width,
            "height_mm": round(slide.height * slide.mpp / 1000, 4),
            "width_mm": round(slide.width * slide.mpp / 1000, 4),
            "mpp": slide.mpp,
            "levels": [list(size) for size in slide.levels],
            "tissue_fraction": round(tissue.count / (tissue.shape[0] * tissue.shape[1]), 4),
            "remark": remark(tissue),
            "description": read_description(slide.path) if opens_as_slide(slide.path) else None,
        }


def describe_checkpoint(path: Path) -> dict[str, Any]:
    """Return the header of a safetensors file, its values parsed, its size, and what lies beside it; no weights.

    Raises WsigenError for a file that is missing or damaged.
    """
    import math

    from safetensors import SafetensorError, safe_open

    from wsigen.errors import WsigenError

    if not path.is_file():
        raise WsigenError(f"{path}: no such file; expected a slide or a .safetensors checkpoint")
    try:
        with as_plain_file(path) as plain, safe_open(plain, framework="numpy") as file:
            header = file.metadata() or {}
            shapes = {name: file.get_slice(name).get_shape() for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, EOFError) as error:
        raise WsigenError(
            f"{path}: not a whole safetensors file ({error}); copy or train it again"
        ) from error
    found = {
        "path": str(path),
        "tensors": len(shapes),
        "parameters": sum(map(math.prod, shapes.values())),
        **{name: _parsed(text) for name, text in header.items()},
    }
    if "styles" in shapes:
        found["styles"] = shapes["styles"][0]
    companions = {"student": student_of(path), "overview": overview_of(path)}
    for name, place in companions.items():
        if companion := packed_or_not(place):
            found[name] = str(companion)
    return found


@contextmanager
def as_plain_file(path: Path) -> Iterator[Path]:
    """A file of tensors, for a while unpacked if it is packed."""
    if path.suffix != PACKED:
        yield path
        return
    with tempfile.NamedTemporaryFile() as plain:
        plain.write(gzip.decompress(path.read_bytes()))
        plain.flush()
        yield Path(plain.name)


def as_lines(found: dict[str, Any]) -> list[str]:
    """Return the lines of a description for people."""
    description = dict(found.get("description") or {})
    lines = []
    if "levels" in found:
        size = "{width} x {height} px".format_map(found)
        size += ", {width_mm:g} x {height_mm:g} mm".format_map(found)
        levels = ", ".join(f"{width} x {height}" for height, width in found["levels"])
        lines = [
            ("file", found["path"]),
            ("format", found["format"]),
            ("size", size),
            ("mpp", f"{found['mpp']:g} um/px"),
            ("levels", f"{len(found['levels'])}: {levels}"),
            ("tissue", f"{found['tissue_fraction']:.1%} of the area"),
        ]
        if found["remark"]:
            lines.append(("remark", found["remark"]))
        if description.get("SYNTHETIC"):
            lines.append(("SYNTHETIC", "this is no patient's tissue; it was made by a computer"))
    else:
        lines = list(found.items())
    ledger = description.pop("ledger", None)
    if ledger:
        spent = sum(row.get("evaluations", 0) for row in ledger)
        seconds = sum(row.get("seconds", 0) for row in ledger)
        description["evaluations"] = f"{spent} in {seconds:.0f} s, {len(ledger)} stages"
    lines += [(name, value) for name, value in description.items() if name != "SYNTHETIC"]
    return [f"{name + ':':16} {_shown(value)}" for name, value in lines]


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_shown(item)}" for name, item in value.items())
    if isinstance(value, list):
        return ", ".join(map(_shown, value))
    return str(value)
