"""The line at the foot of a notebook's page that names its profile, and above it what made it."""

import json
from typing import Any

from docutils import nodes

from bookkit.places import EXECUTED, PROFILES, for_students


class Badge(nodes.paragraph):
    """One line at the foot of a page."""


def run_of(docname: str) -> dict[str, Any] | None:
    """The run behind a page; None where the page is no executed notebook."""
    folder, _, name = docname.rpartition("/")
    note = EXECUTED / f"{name}.run.json"
    if folder != "book/executed":
        return None
    return json.loads(note.read_text("utf-8")) if note.is_file() else {}


def add(app: Any, doctree: nodes.document) -> None:
    """Put the badge at the end of a notebook, after its provenance; the student edition says so on every page."""
    titles = list(doctree.findall(nodes.title))
    run = run_of(app.env.docname)
    if not titles or (run is None and not for_students()):
        return
    classes = ["profile-badge"]
    words: list[nodes.Node] = []
    if run is not None:
        if run:
            note = f"{app.env.docname.rpartition('/')[2]}.run.json"
            app.env.note_dependency(str(EXECUTED / note))
            titles[0].parent.append(provenance(run))
        profile = run["parameters"].get("profile", "smoke") if run else "not run"
        classes.append(f"profile-{profile.replace(' ', '-')}")
        words += [nodes.Text("Profile " if run else "A draft: "), nodes.strong(profile, profile)]
        if profile in PROFILES:
            words.append(nodes.Text(f": {PROFILES[profile]}{on_what(run)}."))
    if for_students():
        words.append(nodes.Text(" Student edition, without solutions."))
    titles[0].parent.append(Badge("", "", *words, classes=classes))


def on_what(run: dict[str, Any]) -> str:
    """The slides of a run, where it takes some."""
    cohort = run["parameters"].get("cohort")
    if cohort is None:
        return ""
    named = {"phantom": "drawn (phantom)", "sample": "the sample that ships"}
    return f"; slides: {named.get(cohort, cohort)}"


def provenance(run: dict[str, Any]) -> nodes.Node:
    """A drop-down that tells what made a notebook's numbers and figures."""
    info = run["info"]
    given = ", ".join(f"{name} = {value}" for name, value in run["parameters"].items())
    rows = [
        ("source", run["notebook"]),
        ("parameters", given),
        ("commit", f"{info['commit']}{', with changes' if info['modified'] else ''}"),
        ("device", f"{info['device']}: {info['processor']}"),
        ("seconds", f"{run['seconds']:g}"),
        ("python, torch", f"{info['python']}, {info['packages'].get('torch')}"),
        ("started", info["started"]),
    ]
    box = nodes.admonition(classes=["dropdown", "provenance"], ids=["how-this-page-was-made"])
    box += nodes.title("", "How this page and its figures were made")
    listing = nodes.bullet_list()
    for name, value in rows:
        item = nodes.paragraph("", "", nodes.strong("", name), nodes.Text(f": {value}"))
        listing += nodes.list_item("", item)
    box += listing
    return box


def visit(self: Any, node: Badge) -> None:
    """As a paragraph."""
    self.visit_paragraph(node)


def depart(self: Any, node: Badge) -> None:
    """As a paragraph."""
    self.depart_paragraph(node)


def setup(app: Any) -> None:
    """Register the badge."""
    app.add_node(Badge, html=(visit, depart), latex=(visit, depart), text=(visit, depart))
    app.connect("doctree-read", add)
