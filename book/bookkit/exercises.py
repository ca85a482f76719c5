"""Exercises: a student edition without their solutions, and references to them from other pages of the PDF."""

import re
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.addnodes import number_reference
from sphinx_exercise.nodes import exercise_latex_number_reference
from sphinx_exercise.utils import get_node_number

from bookkit.places import for_students

SOLUTION = re.compile(r"(?ms)^(`{3,})\{solution\}.*?^\1[ \t]*$\n*")


def without_solutions(text: str) -> str:
    """A page's Markdown without its solutions."""
    return SOLUTION.sub("", text)


def hide(app: Any, config: Any) -> None:
    """Leave the solutions out of the pages of the student edition."""
    if for_students():
        config.hide_solutions = True


def clean_sources(app: Any, error: Exception | None) -> None:
    """Take them out of its sources too, which every page offers to download."""
    if error is None and for_students():
        for source in Path(app.outdir).glob("_sources/**/*.md"):
            source.write_text(without_solutions(source.read_text("utf-8")), "utf-8")


def refer(app: Any, doctree: nodes.document, docname: str) -> None:
    """In LaTeX, name an exercise of another page by its number; sphinx-exercise does so for its own page only."""
    if app.builder.format != "latex":
        return
    known = getattr(app.env, "sphinx_exercise_registry", {})
    for node in list(doctree.findall(number_reference)):
        label = node.get("refuri", "").rpartition("#")[2]
        if label in known:
            number = get_node_number(app, known[label]["node"], "exercise")
            text = app.config.numfig_format["exercise"] % number
            node.replace_self(exercise_latex_number_reference(text, text, refid=label))


def setup(app: Any) -> None:
    """Register all of it."""
    app.connect("config-inited", hide, priority=10)
    app.connect("build-finished", clean_sources)
    app.connect("doctree-resolved", refer)
