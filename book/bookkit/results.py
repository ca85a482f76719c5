"""The role ``result``: a measured number in the text, taken from the file that holds it.

    {result}`classroom/solvers:rows[num_steps=10,solver=heun].precision:.2f`

names a file below ``results`` (or ``benchmarks/NAME`` for ``benchmarks/results/NAME.json``), a path into it, and a
format. In a list one chooses by place, ``[0]``, or by values, ``[key=value,...]``. A list of two numbers is printed as
an interval; with the format ``.2fci`` a value comes with the interval that lies beside it. What does not exist is an
error.
"""

import json
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.nodes import make_id
from sphinx.util.docutils import SphinxRole

from bookkit.places import ROOT
from wsigen.errors import WsigenError

STEP = re.compile(r"([^.\[\]]+)|\[([^\]]*)\]")


def file_of(name: str) -> Path:
    """The file of ``profile/experiment``, ``benchmarks/name`` or ``figures/script``."""
    folder, _, rest = name.partition("/")
    special = {"benchmarks": ROOT / "benchmarks" / "results", "figures": ROOT / "book" / "figures"}
    return special.get(folder, ROOT / "results" / folder) / f"{rest}.json"


def load(name: str) -> Any:
    """The content of a result file. Raises WsigenError where there is none."""
    path = file_of(name)
    if not path.is_file():
        raise WsigenError(
            f"no result {name!r}: {path.relative_to(ROOT)} does not exist; run its experiment"
        )
    return _read(path, path.stat().st_mtime_ns)


@lru_cache(64)
def _read(path: Path, changed: int) -> Any:
    return json.loads(path.read_text("utf-8"))


def lookup(data: Any, path: str) -> Any:
    """Follow ``rows[0].precision`` or ``rows[solver=heun].precision`` into JSON data."""
    for name, index in STEP.findall(path):
        try:
            if name:
                data = data[name]
            elif "=" in index:
                data = _choose(
                    data, dict(part.split("=") for part in re.split(r",(?=\s*\w+=)", index))
                )
            else:
                data = data[int(index)]
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise WsigenError(
                f"no value at {path!r}: {name or index!r} is not there ({error})"
            ) from error
    return data


def _choose(rows: list[dict[str, Any]], wanted: dict[str, str]) -> dict[str, Any]:
    found = [
        row for row in rows
        if all(key.strip() in row and str(row[key.strip()]) == value.strip() for key, value in wanted.items())
    ]  # fmt: skip
    if len(found) != 1:
        raise WsigenError(f"{len(found)} rows have {wanted}; expected one")
    return found[0]


def text_of(reference: str) -> tuple[str, str]:
    """(file's name, value as text) of a reference."""
    name, path, form = (*reference.strip().split(":", 2), "", "")[:3]
    value = lookup(load(name), path)
    if form.endswith("ci"):  # with the interval of wsigen.experiments.result.with_interval
        value, form = (
            [value, lookup(load(name), f"{path}_low"), lookup(load(name), f"{path}_high")],
            form[:-2],
        )
        at, low, high = (format(end, form).replace("-", "\N{MINUS SIGN}") for end in value)
        return name, f"{at} ({low} to {high})"
    if isinstance(value, list) and len(value) == 2 and not isinstance(value[0], dict | list):
        return name, " to ".join(format(end, form) for end in value)
    if value is None or isinstance(value, list | dict):
        raise WsigenError(f"{reference!r} is {type(value).__name__}; expected one value")
    try:
        return name, format(value, form).replace("-", "\N{MINUS SIGN}") if form else str(value)
    except ValueError as error:
        raise WsigenError(f"{reference!r}: format {form!r} does not fit {value!r}") from error


def runs_of(data: Any) -> list[dict[str, Any]]:
    """What made a result: one or more of :func:`wsigen.provenance.run_info`."""
    found = data.get("info") or data.get("run") or data.get("runs") or []
    rows = data.get("rows")
    if not found and isinstance(rows, list):  # each row may say it for itself
        found = [row["run"] for row in rows if isinstance(row, dict) and "run" in row]
    if isinstance(found, dict) and "command" not in found:
        found = list(found.values())
    return [found] if isinstance(found, dict) else [run for run in found if isinstance(run, dict)]


def parameters_of(name: str) -> dict[str, Any]:
    """What a result was asked for with. Raises WsigenError where its file holds something else under that name."""
    data = load(name)
    runs = runs_of(data)
    given = data.get("parameters") or (runs[-1].get("arguments") if runs else None) or {}
    if not isinstance(given, dict):
        raise WsigenError(
            f"{file_of(name).relative_to(ROOT)}: 'parameters' is {type(given).__name__}; expected a table of what "
            "the result was made with (give a column of that name another one)"
        )
    return given


def command_of(run: dict[str, Any]) -> str:
    """The command that made a result, as one would type it."""
    first, *rest = map(str, run.get("command") or ["?"])
    return " ".join(["wsigen" if first == "__main__.py" else first, *rest])


def summary(name: str) -> str:
    """One line on where a result comes from."""
    data = load(name)
    run = (runs_of(data) or [{}])[-1]
    given = parameters_of(name)
    parts = [
        f"profile {name.partition('/')[0]}" if not name.startswith("benchmarks") else "benchmark",
        command_of(run),
        f"seed {given['seed']}" if "seed" in given else "",
        f"on {run.get('device', '?')}",
        f"commit {str(run.get('commit'))[:8]}",
    ]
    return "; ".join(part for part in parts if part)


def anchor(name: str) -> str:
    """Where the provenance page describes a result."""
    return make_id(name)


class Value(nodes.inline):
    """A number with its source."""


class ResultRole(SphinxRole):
    """See the module."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Put the value there, or an error."""
        try:
            name, text = text_of(self.text)
        except WsigenError as error:
            message = self.inliner.reporter.error(str(error), line=self.lineno)
            return [nodes.problematic(self.rawtext, self.rawtext)], [message]
        self.env.note_dependency(str(file_of(name)))
        return [Value(self.rawtext, text, name=name, tip=summary(name))], []


def visit(self: Any, node: Value) -> None:
    """A link to the provenance page, with a tooltip."""
    here = self.builder.current_docname
    page = self.builder.get_relative_uri(here, "book/provenance")
    self.body.append(
        f'<a class="result" href="{page}#{anchor(node["name"])}" title="{self.attval(node["tip"])}">'
    )


def depart(self: Any, node: Value) -> None:
    """Close the link."""
    self.body.append("</a>")


def nothing(self: Any, node: nodes.Node) -> None:
    """Print the text only."""


def setup(app: Any) -> None:
    """Register the role."""
    app.add_node(Value, html=(visit, depart), latex=(nothing, nothing), text=(nothing, nothing))
    app.add_role("result", ResultRole())
