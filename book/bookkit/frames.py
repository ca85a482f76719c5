"""The directive ``frames``: a slider over pictures that were computed before, without a kernel; or a strip of them.

```{frames} book/executed/solvers/steps
:alt: A patch after 1 to 40 steps.
:label: number of steps N
```

The folder is one that :func:`wsigen.zoom.pages.write_frames` wrote: ``frames.json``, a list of file and label, and the
pictures. For another folder ``:pictures: guided_00 = r = 0 | guided_08 = r = 8`` names them. With ``:strip:`` they
stand side by side. ``:start:`` is the label that is shown first. With ``:scale:`` each picture whose label says its
µm per pixel has a scale bar. A PDF shows the first, the middle and the last, without bars.
"""

import html
import json
import re
from typing import Any

from docutils import nodes
from docutils.parsers.rst import directives
from PIL import Image
from sphinx.util.docutils import SphinxDirective

from bookkit.places import ROOT
from bookkit.scripted import TARGET, Copied, figure_of, kept_at, register
from wsigen.plots.zoom import bar_length, length_name


class Frames(nodes.General, nodes.Element):
    """A slider or a strip (HTML only)."""


class FramesDirective(SphinxDirective):
    """See the module."""

    required_arguments = 1
    option_spec = {  # noqa: RUF012
        "alt": directives.unchanged_required,
        "label": directives.unchanged_required,
        "pictures": directives.unchanged_required,
        "start": directives.unchanged_required,
        "strip": directives.flag,
        "scale": directives.flag,
        "name": directives.unchanged,
    }
    has_content = True

    def run(self) -> list[nodes.Node]:
        """The slider for HTML; three pictures and the caption for the rest."""
        folder = self.arguments[0].strip("/")
        if "alt" not in self.options:
            raise self.error("frames need :alt:, for those who cannot see them")
        frames = self.frames(folder)
        labels = [frame["label"] for frame in frames]
        start = self.options.get("start", labels[0])
        if start not in labels:
            raise self.error(f"frames start at {start!r}, which is none of {', '.join(labels)}")
        node = Frames(
            folder=folder, frames=frames, alt=self.options["alt"],
            label=self.options.get("label", "frame"), strip="strip" in self.options, start=labels.index(start),
            scale="scale" in self.options,
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
        return [figure_of(self, node, stills, "frames-figure")]

    def frames(self, folder: str) -> list[dict[str, str]]:
        """File and label of each, as named in the page or listed in the folder."""
        note = ROOT / folder / "frames.json"
        if "pictures" not in self.options:
            if not note.is_file():
                raise self.error(
                    f"no frames in {folder}: frames.json is missing; run the notebook that writes it"
                )
            self.env.note_dependency(str(note))
            listed: list[dict[str, str]] = json.loads(note.read_text("utf-8"))
            return listed
        frames = []
        for picture in self.options["pictures"].split("|"):
            name, _, label = picture.strip().partition(" = ")
            files = [f"{name}{ending}" for ending in (".jpg", ".png")]
            file = next((file for file in files if (ROOT / folder / file).is_file()), None)
            if file is None:
                raise self.error(f"no picture {' or '.join(files)} in {folder}")
            self.env.note_dependency(str(ROOT / folder / file))
            frames.append({"file": file, "label": label or name})
        return frames


def visit(self: Any, node: Frames) -> None:
    """All pictures; frames.js shows one at a time where it is a slider."""
    base = "../" * self.builder.current_docname.count("/") + f"{TARGET}/{kept_at(node['folder'])}/"
    alt, label = html.escape(node["alt"], quote=True), html.escape(node["label"], quote=True)
    pictures = "".join(
        '<figure><div class="shown">'
        f'<img src="{base}{frame["file"]}" alt="{alt} {html.escape(frame["label"], quote=True)}">'
        f"{scale_bar(node['folder'], frame) if node['scale'] else ''}</div>"
        f"<figcaption>{html.escape(frame['label'])}</figcaption></figure>"
        for frame in node["frames"]
    )
    kind, focus = ("strip", ' tabindex="0"') if node["strip"] else ("slider", "")
    self.body.append(
        f'<div class="frames {kind}" data-label="{label}" data-start="{node["start"]}" role="group" '
        f'aria-label="{alt}"{focus}>'
        f"{pictures}</div>"
    )
    raise nodes.SkipNode


def scale_bar(folder: str, frame: dict[str, str]) -> str:
    """A bar of a round length, up to a third as long as the picture is wide; nothing where the label names no scale."""
    said = re.search(r"([\d.]+) µm", frame["label"])
    if said is None:
        return ""
    with Image.open(ROOT / folder / frame["file"]) as picture:
        width_um = picture.width * float(said[1])
    length_um = bar_length(width_um / 3)
    return (
        f'<span class="scale"><span class="bar" style="width: {100 * length_um / width_um:.2f}cqw"></span>'
        f"{length_name(length_um)}</span>"
    )


def pictures(node: Frames) -> list[Copied]:
    """The picture of each frame."""
    folder = node["folder"]
    files = [frame["file"] for frame in node["frames"]]
    return [Copied(f"{folder}/{file}", f"{kept_at(folder)}/{file}") for file in files]


def setup(app: Any) -> None:
    """Register the directive."""
    register(app, Frames, FramesDirective, visit, ["frames.js"], pictures)
