"""The claims ledger, from ``book/claims.yml``: what the paper says, what we found, and a verdict.

Values are Markdown with the role ``result``, so that none is typed by hand. While a result that a row needs is
missing, the row says that it was not attempted yet.
"""

import re
from functools import cache
from typing import Any

import yaml

from bookkit.markdown import MarkdownDirective, table
from bookkit.paper_map import page_of
from bookkit.places import ROOT
from bookkit.results import anchor, file_of, load, runs_of

SOURCE = ROOT / "book" / "claims.yml"
VERDICTS = ("reproduced", "reproduced at smaller scale", "not reproduced", "not attempted")
NO_BREAK = "\N{NO-BREAK SPACE}"
PENDING = "not attempted yet"


@cache
def rows() -> list[dict[str, Any]]:
    """All rows: id, where, says, notebook, command, needs, value, judged, verdict, why."""
    loaded: list[dict[str, Any]] = yaml.safe_load(SOURCE.read_text("utf-8"))
    return loaded


def missing(row: dict[str, Any]) -> list[str]:
    """The results that a row needs and that are not saved; all of them while it has no verdict."""
    needs = row.get("needs", [])
    return [name for name in needs if not (row.get("verdict") and file_of(name).is_file())]


def named_model(row: dict[str, Any]) -> str | None:
    """The model that the row's command names; None where none takes part."""
    found = re.search(r"--model (\S+)", row.get("command", ""))
    return found[1] if found else None


def setting(row: dict[str, Any]) -> str:
    """Profile, model, seed and hardware of a row's results, linked to their provenance."""
    parts = []
    for name in row.get("needs", []):
        data = load(name)
        run = (runs_of(data) or [{}])[-1]
        given = data.get("parameters") or run.get("arguments") or {}
        seed = f", seed {given['seed']}" if "seed" in given else ""
        model = f", {given['model']}" if named_model(row) else ""
        hardware = run.get("processor") if run.get("device", "cpu") == "cpu" else run.get("device")
        parts.append(f"[{name}](#{anchor(name)}){model}{seed}, {hardware}")
    return "; <br>".join(parts)


class ClaimsDirective(MarkdownDirective):
    """The table."""

    def lines(self) -> list[str]:
        """A row for each claim."""
        self.env.note_dependency(str(SOURCE))
        written = []
        for row in rows():
            absent = missing(row)
            verdict = PENDING if absent else row["verdict"]
            value = f"needs {', '.join(absent)}" if absent else row.get("value", "")
            page = page_of(f"notebooks/{row['notebook']}") if row.get("notebook") else ""
            link = f"{{doc}}`/{page}`" if page in self.env.found_docs else row.get("notebook") or ""
            command = f"`{row['command']}`" if row.get("command") else ""
            mark = verdict.replace(" ", "-")
            found = [
                f'<span class="verdict {mark}">{verdict}</span>.',
                f"{value}." if value else "",
            ]
            how = [link, command, "" if absent else setting(row)]
            why = f"*Why:* {row['why']}" if row.get("why") and not absent else ""
            written.append(
                [
                    f'<span id="{row["id"]}"></span>**{row["where"]}**: {row["says"]}',
                    " <br>".join(filter(None, [*found, why])),
                    "; <br>".join(filter(None, how)),
                ]
            )
        head = ["what the paper says", "what we found", "notebook, command, setting"]
        lines = [*tally(), "", *table(head, written, "claims wide")]
        return [re.sub(r"(?<=\d) (?=\d{3}\b)", NO_BREAK, line) for line in lines]


def tally() -> list[str]:
    """How many rows have which verdict."""
    counts = dict.fromkeys((*VERDICTS, PENDING), 0)
    for row in rows():
        counts[PENDING if missing(row) else row["verdict"]] += 1
    told = ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count)
    return [f"Of {len(rows())} claims: {told}."]


def setup(app: Any) -> None:
    """Register the directive."""
    app.add_directive("claims", ClaimsDirective)
