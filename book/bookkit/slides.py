"""The directive ``slide``: a deep-zoom viewer inside the page, with a still picture where there is no script.

```{slide} book/executed/first_slide/slide
:alt: A generated slide: ...
```

The folder is one that :func:`wsigen.zoom.pages.write_zoom` wrote: ``slide.json``, ``still.png`` (or a smaller
``still.jpg``) and tiles. It is copied beside the page's scripts, so that the viewer works from a plain file.
"""

import html
import json
from typing import Any

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.util.docutils import SphinxDirective

from bookkit.places import ROOT
from bookkit.scripted import TARGET, Copied, figure_of, kept_at, register


class Slide(nodes.General, nodes.Element):
    """A viewer (HTML only)."""


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
        file = next(name for name in ("still.jpg", "still.png") if (ROOT / folder / name).is_file())
        viewer = Slide(folder=folder, alt=self.options["alt"], still=file, **shown)
        still = nodes.image(uri=f"/{folder}/{file}", alt=self.options["alt"], candidates={})
        return [figure_of(self, viewer, [still], "slide-figure")]


def visit(self: Any, node: Slide) -> None:
    """The box that slide.js opens a viewer in."""
    up = "../" * self.builder.current_docname.count("/")
    base = f"{up}{TARGET}/{kept_at(node['folder'])}/"
    data = {name: node[name] for name in ("width", "height", "tile_px", "mpp")} | {"base": base}
    values = " ".join(f'data-{name.replace("_", "-")}="{value}"' for name, value in data.items())
    alt = html.escape(node["alt"], quote=True)
    self.body.append(
        f'<div class="slide-viewer" {values}>'
        f'<img class="still" src="{base}{node["still"]}" alt="{alt}" loading="lazy">'
        '<div class="controls" hidden><button class="zoom-in" aria-label="zoom in">+</button>'
        '<button class="zoom-out" aria-label="zoom out">\N{MINUS SIGN}</button>'
        '<button class="whole" aria-label="whole slide">\N{WHITE SQUARE}</button></div>'
        '<div class="scale" hidden><span class="bar"></span><span class="length"></span> '
        '<span class="magnification"></span></div></div>'
    )
    raise nodes.SkipNode


def setup(app: Any) -> None:
    """Register the directive."""
    register(
        app, Slide, SlideDirective, visit, ["vendor/openseadragon.min.js", "picture.js", "slide.js"],
        lambda node: [Copied(node["folder"], kept_at(node["folder"]))],
    )  # fmt: skip
