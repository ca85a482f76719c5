"""The directive ``wipe``: two pictures of one place, one over the other, and a line between them to be moved by hand.

```{wipe} results/classroom/rivals/fixed_grid.jpg results/classroom/rivals/grid-shift.jpg
:alt: The same tissue ...
:names: fixed grid | grid-shift

The caption.
```

Both pictures have one size. Without a script the line stands in the middle; a PDF shows the two side by side.
"""

import html
from typing import Any

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.util.docutils import SphinxDirective

from bookkit.places import ROOT
from bookkit.scripted import TARGET, Copied, figure_of, kept_at, register


class Wipe(nodes.General, nodes.Element):
    """The two pictures and their line (HTML only)."""


class WipeDirective(SphinxDirective):
    """See the module."""

    required_arguments = 2
    option_spec = {  # noqa: RUF012
        "alt": directives.unchanged_required,
        "names": directives.unchanged_required,
        "name": directives.unchanged,
    }
    has_content = True

    def run(self) -> list[nodes.Node]:
        """The line to be moved for HTML; two pictures for the rest; the caption for both."""
        files = [argument.strip("/") for argument in self.arguments]
        for file in files:
            if not (ROOT / file).is_file():
                raise self.error(f"wipe needs two pictures, and {file} was not found")
            self.env.note_dependency(str(ROOT / file))
        names = [name.strip() for name in self.options.get("names", "").split("|")]
        if "alt" not in self.options or len(names) != len(files):
            raise self.error("wipe needs :alt: and, as :names:, what is left and what is right")
        stills = [
            nodes.image(uri=f"/{file}", alt=name, width="45%", candidates={})
            for file, name in zip(files, names, strict=True)
        ]
        box = Wipe(files=files, names=names, alt=self.options["alt"])
        return [figure_of(self, box, stills, "wipe-figure")]


def visit(self: Any, node: Wipe) -> None:
    """Two layers and a range input; wipe.js moves the line."""
    base = "../" * self.builder.current_docname.count("/") + f"{TARGET}/"
    alt, (left, right) = html.escape(node["alt"], quote=True), map(html.escape, node["names"])
    under, over = (f"{base}{kept_at(file)}" for file in node["files"])
    self.body.append(
        f'<div class="wipe" role="group" aria-label="{alt}"><div class="layers">'
        f'<img src="{under}" alt="{alt} {left}."><img class="over" src="{over}" alt="{alt} {right}.">'
        '<span class="line" aria-hidden="true"></span></div>'
        f'<div class="slider-row"><span>{left}</span>'
        f'<input type="range" min="0" max="100" value="50" aria-label="from {left} to {right}">'
        f"<span>{right}</span></div></div>"
    )
    raise nodes.SkipNode


def setup(app: Any) -> None:
    """Register the directive."""
    register(
        app, Wipe, WipeDirective, visit, ["wipe.js"],
        lambda node: [Copied(file, kept_at(file)) for file in node["files"]],
    )  # fmt: skip
