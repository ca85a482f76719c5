"""What directives with a script of their own have in common: their figure, their script, and files beside it.

A directive makes a node that HTML shows as a box for its script; the rest shows still pictures. The script is loaded on
pages that have such a node, and the files it shows are copied to ``TARGET``, so that it works from a plain file.
"""

import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

from docutils import nodes
from sphinx.addnodes import only
from sphinx.util.docutils import SphinxDirective

from bookkit.places import ROOT

TARGET = "_static/slides"


class Copied(NamedTuple):
    """A file or folder of the project, and its name below ``TARGET``."""

    source: str
    target: str


def kept_at(folder: str) -> str:
    """The name of a file or folder in the built site."""
    return folder.replace("/", "-")


def figure_of(
    directive: SphinxDirective, box: nodes.Element, stills: Iterable[nodes.image], name: str
) -> nodes.figure:
    """The box for HTML; still pictures in a row, named below, and the directive's content as caption for the rest."""
    shown = list(stills)
    row = nodes.paragraph()  # pictures in a paragraph stand side by side
    for still in shown:
        row += [still, nodes.Text(" ")]
    names = [still["alt"] for still in shown]
    below = [nodes.paragraph("", "From left to right: " + "; ".join(names) + ".")]
    figure = nodes.figure(
        "", box, only("", row, *(below if len(names) > 1 else []), expr="not html"), classes=[name]
    )
    holder = nodes.container()
    directive.state.nested_parse(directive.content, directive.content_offset, holder)
    caption = nodes.caption()
    for paragraph in holder.children:
        caption += paragraph.children
    if caption.children:
        figure += caption
    directive.add_name(figure)
    return figure


def register(
    app: Any,
    kind: type[nodes.Element],
    directive: type[SphinxDirective],
    visit: Callable[[Any, Any], None],
    scripts: Iterable[str],
    files: Callable[[Any], Iterable[Copied]],
) -> None:
    """Add a directive, named as its node, that HTML shows by ``visit`` and ``scripts``.

    Args:
        app: of Sphinx.
        kind, directive: the node, and what makes it.
        visit: writes the box.
        scripts: of pages that have one, below ``_static``.
        files: what a node's script shows.
    """

    def load(app: Any, page: str, template: str, context: Any, doctree: Any) -> None:
        if doctree is not None and next(iter(doctree.findall(kind)), None):
            for script in scripts:
                app.add_js_file(script, loading_method="defer")

    def copy(app: Any, error: Exception | None) -> None:
        if error or app.builder.format != "html":
            return
        for page in app.env.found_docs:
            for node in app.env.get_doctree(page).findall(kind):
                for source, target in files(node):
                    copied(ROOT / source, Path(app.outdir) / TARGET / target)

    app.add_node(kind, html=(visit, None), latex=(skip, None), text=(skip, None))
    app.add_directive(kind.__name__.lower(), directive)
    app.connect("html-page-context", load)
    app.connect("build-finished", copy)


def copied(source: Path, target: Path) -> None:
    """Copy a file, or a folder in place of an older one."""
    if source.is_dir():
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(source, target)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)


def skip(self: Any, node: nodes.Element) -> None:
    """Nothing outside HTML."""
    raise nodes.SkipNode
