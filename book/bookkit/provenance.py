"""The directive ``provenance``: where each saved result comes from, and a link to it below each picture of it."""

import os
import re
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.addnodes import only, pending_xref

from bookkit.markdown import MarkdownDirective
from bookkit.places import PROFILES, ROOT
from bookkit.results import anchor, command_of, file_of, load, parameters_of, runs_of
from wsigen.models import RETIRED

DIGEST = re.compile(r"\b[0-9a-f]{64}\b")


def names() -> list[str]:
    """All results that are saved, as :func:`bookkit.results.load` takes them."""
    found = [
        f"{profile}/{path.relative_to(ROOT / 'results' / profile).with_suffix('').as_posix()}"
        for profile in PROFILES
        for path in sorted((ROOT / "results" / profile).rglob("*.json"))
    ]
    for folder, files in (("benchmarks", "benchmarks/results"), ("figures", "book/figures")):
        found += [f"{folder}/{path.stem}" for path in sorted((ROOT / files).glob("*.json"))]
    return found


def unique(values: list[Any]) -> str:
    """Each value once, in the order in which they come."""
    return ", ".join(dict.fromkeys(str(value) for value in values if value not in (None, "")))


class ProvenanceDirective(MarkdownDirective):
    """One section for each saved result."""

    def lines(self) -> list[str]:
        """Heading and list of each."""
        lines = []
        for name in names():
            data = load(name)
            if not isinstance(data, dict):
                continue
            runs = runs_of(data)
            given = parameters_of(name)
            parts = {
                "command": unique([command_of(run) for run in runs]),
                "parameters": ", ".join(f"{key} = {short(value)}" for key, value in given.items()),
                "weights": left(given),
                "device": unique([f"{run.get('device')}: {run.get('processor')}" for run in runs]),
                "commit": unique(
                    [
                        f"{run.get('commit')}{' with changes' if run.get('modified') else ''}"
                        for run in runs
                    ]
                ),
                "started": unique([run.get("started") for run in runs]),
                "seconds": unique([total_seconds(data)]),
            }
            lines += [f"({anchor(name)})=", f"## {name}", ""]
            lines += [f"- **{key}**: `{value}`" for key, value in parts.items() if value]
            lines += [""]
        return lines


def left(given: dict[str, Any]) -> str:
    """Which of the models that made a result no longer ship, and where they are."""
    names = {str(given.get(key)) for key in ("model", "weaker")} & RETIRED.keys()
    return ", ".join(
        f"{name} no longer ships; commit {RETIRED[name]} has it" for name in sorted(names)
    )


def short(value: Any) -> str:
    """A value as text; of a digest its first digits, as of a commit."""
    return DIGEST.sub(lambda found: found[0][:12], str(value))


def total_seconds(data: dict[str, Any]) -> float | None:
    """The sum over the rows of a result; a row may have one number for each of its rounds. Of figures, their own."""
    rows = data.get("rows")
    if not isinstance(rows, list):
        return data.get("seconds") if isinstance(data.get("seconds"), float) else None
    seconds: list[float] = []
    for row in rows:
        taken = row.get("seconds") if isinstance(row, dict) else None
        seconds += taken if isinstance(taken, list) else [taken or 0.0]
    return round(sum(seconds), 1) or None


def drawn(note: dict[str, Any]) -> set[str]:
    """The figures that a script drew, without ending."""
    return {name.removesuffix(".png") for name in note.get("figures", [])}


def result_of(path: Path) -> str | None:
    """The result that a picture belongs to: ``results/classroom/solvers/x.jpg`` is of classroom/solvers."""
    figures = ROOT / "book" / "figures"
    if path.is_relative_to(figures):
        figure = path.relative_to(figures).with_suffix("").parts[0]  # or the folder of its tiles
        notes = [f"figures/{note.stem}" for note in sorted(figures.glob("*.json"))]
        return next((name for name in notes if figure in drawn(load(name))), None)
    if not path.is_relative_to(ROOT / "results"):
        return None
    parts = path.relative_to(ROOT / "results").with_suffix("").parts
    for length in range(len(parts), 1, -1):
        if (ROOT / "results").joinpath(*parts[:length]).with_suffix(".json").is_file():
            return "/".join(parts[:length])
    return None


def link_pictures(app: Any, doctree: nodes.document) -> None:
    """Below each picture of a saved result a link to what made it; one for all pictures of a figure."""
    told = set()
    for image in list(doctree.findall(nodes.image)):
        address = image.get("candidates", {}).get("*") or image["uri"]
        path = Path(os.path.normpath(Path(app.srcdir) / address))
        name = None if "://" in address else result_of(path)
        outer = outermost(image)
        if name is None or (id(outer), name) in told:
            continue
        told.add((id(outer), name))
        link = pending_xref(
            "", nodes.inline("", "how it was made"),
            refdomain="std", reftype="ref", reftarget=anchor(name), refexplicit=True, refwarn=True,
            refdoc=app.env.docname,
        )  # fmt: skip
        line = nodes.paragraph("", "", link, classes=["how"])
        outer.parent.insert(outer.parent.index(outer) + 1, line)


def outermost(image: nodes.Element) -> nodes.Element:
    """What a picture stands in: its figure, or the paragraph of an inline picture, or the picture itself."""
    outer = found = image
    while isinstance(outer.parent, (nodes.figure, nodes.TextElement, only)):
        outer = outer.parent
        found = found if isinstance(outer, only) else outer
    return found


def outdated(
    app: Any, env: Any, added: set[str], changed: set[str], removed: set[str]
) -> list[str]:
    """Read pages again that depend on which results there are."""
    now = [(name, load_time(name)) for name in names()]
    if getattr(env, "bookkit_results", None) == now:
        return []
    env.bookkit_results = now
    return [page for page in ("book/provenance", "book/claims") if page in env.found_docs]


def load_time(name: str) -> int:
    """When a result was last written."""
    return file_of(name).stat().st_mtime_ns


def setup(app: Any) -> None:
    """Register the directive and the links."""
    app.add_directive("provenance", ProvenanceDirective)
    app.connect("doctree-read", link_pictures)
    app.connect("env-get-outdated", outdated)
