"""The directive ``frames``: a slider over pictures that were computed before, without a kernel; or a strip of them.

```{frames} book/executed/solvers/steps
:alt: A patch after 1 to 40 steps.
:label: number of steps N
```

The folder is one that :func:`wsigen.zoom.pages.write_frames` wrote: ``frames.json``, a list of file and label, and the
pictures. With ``:strip:`` they stand side by side. A PDF shows the first, the middle and the last.
"""

import html
import json
import shutil
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.addnodes import only
from sphinx.util.docutils import SphinxDirective

from bookkit.places import ROOT
from bookkit.slides import TARGET, kept_at, skip


class Frames(nodes.General, nodes.Element):
    """A slider or a strip (HTML only)."""


class FramesDirective(SphinxDirective):
    """See the module."""

    required_arguments = 1
    option_spec = {  # noqa: RUF012
        "alt": directives.unchanged_required,
        "label": directives.unchanged_required,
        "strip": directives.flag,
        "name": directives.unchanged,
    }
    has_content = True

    def run(self) -> list[nodes.Node]:
        """The slider for HTML; three pictures and the caption for the rest."""
        folder = self.arguments[0].strip("/")
        note = ROOT / folder / "frames.json"
        if not note.is_file():
            raise self.error(
                f"no frames in {folder}: frames.json is missing; run the notebook that writes it"
            )
        if "alt" not in self.options:
            raise self.error("frames need :alt:, for those who cannot see them")
        self.env.note_dependency(str(note))
        frames = json.loads(note.read_text("utf-8"))
        node = Frames(
            folder=folder, frames=frames, alt=self.options["alt"],
            label=self.options.get("label", "frame"), strip="strip" in self.options,
        )  # fmt: skip
        places = sorted({0, len(frames) // 2, len(frames) - 1})
        stills = [
            nodes.image(
                uri=f"/{folder}/{frames[i]['file']}",
                alt=frames[i]["label"],
                width="30%",
                candidates={},
            )
            for i in places
        ]
        figure = nodes.figure(
            "", node, only("", *stills, expr="not html"), classes=["frames-figure"]
        )
        self.state.nested_parse(self.content, self.content_offset, holder := nodes.container())
        caption = nodes.caption()
        for paragraph in holder.children:
            caption += paragraph.children
        if caption.children:
            figure += caption
        self.add_name(figure)
        return [figure]


def visit(self: Any, node: Frames) -> None:
    """All pictures; frames.js shows one at a time where it is a slider."""
    base = "../" * self.builder.current_docname.count("/") + f"{TARGET}/{kept_at(node['folder'])}/"
    alt, label = html.escape(node["alt"], quote=True), html.escape(node["label"], quote=True)
    pictures = "".join(
        f'<figure><img src="{base}{frame["file"]}" alt="{alt} {html.escape(frame["label"], quote=True)}">'
        f"<figcaption>{html.escape(frame['label'])}</figcaption></figure>"
        for frame in node["frames"]
    )
    kind, focus = ("strip", ' tabindex="0"') if node["strip"] else ("slider", "")
    self.body.append(
        f'<div class="frames {kind}" data-label="{label}" role="group" aria-label="{alt}"{focus}>'
        f"{pictures}</div>"
    )
    raise nodes.SkipNode


def scripts(
    app: Any, page: str, template: str, context: Any, doctree: nodes.document | None
) -> None:
    """Load the slider on pages that have one."""
    if doctree is not None and next(iter(doctree.findall(Frames)), None):
        app.add_js_file("frames.js", loading_method="defer")


def copy(app: Any, error: Exception | None) -> None:
    """Copy the pictures of all frames that a page shows."""
    if error or app.builder.format != "html":
        return
    for page in app.env.found_docs:
        for node in app.env.get_doctree(page).findall(Frames):
            target = Path(app.outdir) / TARGET / kept_at(node["folder"])
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(ROOT / node["folder"], target)


def setup(app: Any) -> None:
    """Register the directive."""
    app.add_node(Frames, html=(visit, None), latex=(skip, None), text=(skip, None))
    app.add_directive("frames", FramesDirective)
    app.connect("html-page-context", scripts)
    app.connect("build-finished", copy)
