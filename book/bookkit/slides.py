"""The directive ``slide``: a deep-zoom viewer inside the page, with a still picture where there is no script.

```{slide} book/executed/first_slide/slide
:alt: A generated slide: ...
```

The folder is one that :func:`wsigen.zoom.pages.write_zoom` wrote: ``slide.json``, ``still.png`` and tiles. It is copied
beside the page's scripts, so that the viewer works from a plain file.
"""

import html
import json
import posixpath
import shutil
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.addnodes import only
from sphinx.util.docutils import SphinxDirective

from bookkit.places import ROOT

TARGET = "_static/slides"


class Slide(nodes.General, nodes.Element):
    """A viewer (HTML only)."""


def kept_at(folder: str) -> str:
    """The name of a slide's folder in the built site."""
    return folder.replace("/", "-")


class SlideDirective(SphinxDirective):
    """See the module."""

    required_arguments = 1
    option_spec = {"alt": directives.unchanged_required, "name": directives.unchanged}  # noqa: RUF012
    has_content = True

    def run(self) -> list[nodes.Node]:
        """The viewer for HTML; picture and caption for the rest."""
        folder = self.arguments[0].strip("/")
        note = ROOT / folder / "slide.json"
        if not note.is_file():
            raise self.error(
                f"no slide in {folder}: slide.json is missing; run the notebook that writes it"
            )
        if "alt" not in self.options:
            raise self.error("a slide needs :alt:, for those who cannot see it")
        self.env.note_dependency(str(note))
        shown = json.loads(note.read_text("utf-8"))
        caption = nodes.caption()
        self.state.nested_parse(self.content, self.content_offset, holder := nodes.container())
        for paragraph in holder.children:
            caption += paragraph.children
        viewer = Slide(folder=folder, alt=self.options["alt"], **shown)
        still = nodes.image(uri=f"/{folder}/still.png", alt=self.options["alt"], candidates={})
        figure = nodes.figure(
            "", viewer, only("", still, expr="not html"), classes=["slide-figure"]
        )
        if caption.children:
            figure += caption
        self.add_name(figure)
        return [figure]


def visit(self: Any, node: Slide) -> None:
    """The box that slide.js opens a viewer in."""
    up = "../" * self.builder.current_docname.count("/")
    base = f"{up}{TARGET}/{kept_at(node['folder'])}/"
    data = {name: node[name] for name in ("width", "height", "tile_px", "mpp")} | {"base": base}
    values = " ".join(f'data-{name.replace("_", "-")}="{value}"' for name, value in data.items())
    alt = html.escape(node["alt"], quote=True)
    self.body.append(
        f'<div class="slide-viewer" {values}>'
        f'<img class="still" src="{base}still.png" alt="{alt}" loading="lazy">'
        '<div class="controls" hidden><button class="zoom-in" aria-label="zoom in">+</button>'
        '<button class="zoom-out" aria-label="zoom out">\N{MINUS SIGN}</button>'
        '<button class="whole" aria-label="whole slide">\N{WHITE SQUARE}</button></div>'
        '<div class="scale" hidden><span class="bar"></span><span class="length"></span> '
        '<span class="magnification"></span></div></div>'
    )
    raise nodes.SkipNode


def skip(self: Any, node: Slide) -> None:
    """Nothing outside HTML."""
    raise nodes.SkipNode


def scripts(
    app: Any, page: str, template: str, context: Any, doctree: nodes.document | None
) -> None:
    """Load the viewer on pages that have one."""
    if doctree is not None and next(iter(doctree.findall(Slide)), None):
        app.add_js_file("vendor/openseadragon.min.js", loading_method="defer")
        app.add_js_file("picture.js", loading_method="defer")
        app.add_js_file("slide.js", loading_method="defer")


def copy(app: Any, error: Exception | None) -> None:
    """Copy the tiles of all slides that a page shows."""
    if error or app.builder.format != "html":
        return
    for page in app.env.found_docs:
        for slide in app.env.get_doctree(page).findall(Slide):
            target = Path(app.outdir) / posixpath.join(TARGET, kept_at(slide["folder"]))
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(ROOT / slide["folder"], target)


def setup(app: Any) -> None:
    """Register the directive."""
    app.add_node(Slide, html=(visit, None), latex=(skip, None), text=(skip, None))
    app.add_directive("slide", SlideDirective)
    app.connect("html-page-context", scripts)
    app.connect("build-finished", copy)
