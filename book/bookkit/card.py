"""The directive ``model-card``: a model card on one screen, its sections folded away under their headings.

```{model-card} wsigen/models/small-3.md
```

What stands before the first ``##`` is shown, but for its table. That and each section is an admonition that opens on a
click. A PDF prints them one below the other without a frame, since long tables do not break within one.
"""

import re
from typing import Any

from docutils import nodes

from bookkit.markdown import MarkdownDirective
from bookkit.places import ROOT

TABLE = "Network and training"  # the heading of the table that stands in the head of a card


def folded(text: str) -> list[str]:
    """The card as Markdown without headings, so that it can stand anywhere in a page."""
    head, *sections = re.split(r"(?m)^## ", text)
    if table := re.search(r"(?m)(^\|.*\n)+", head):
        head = head.replace(table[0], "").replace("\n\n\n", "\n\n")
        sections.insert(0, f"{TABLE}\n\n{table[0]}")
    lines = [re.sub(r"(?m)^# (.+)$", r"**\1**", head).strip(), ""]
    for section in sections:
        title, _, body = section.partition("\n")
        body = re.sub(r"(?m)^#{3,} (.+)$", r"**\1**", body)
        lines += [
            f"::::{{admonition}} {title}",
            ":class: dropdown card",
            "",
            body.strip("\n"),  # what is indented at its start is code, and stays so
            "::::",
            "",
        ]
    return "\n".join(lines).splitlines()


class CardDirective(MarkdownDirective):
    """See the module."""

    required_arguments = 1

    def lines(self) -> list[str]:
        """The card of the file that is named."""
        file = ROOT / self.arguments[0]
        if not file.is_file():
            raise self.error(f"no model card {self.arguments[0]}")
        self.env.note_dependency(str(file))
        return folded(file.read_text("utf-8"))


def unfolded(app: Any, doctree: nodes.document, page: str) -> None:
    """On paper: headings in place of frames, and no head of a table that says nothing."""
    if app.builder.format != "latex":
        return
    for section in list(doctree.findall(nodes.admonition)):
        if "card" in section["classes"]:
            title, *body = section.children
            section.replace_self([nodes.rubric("", "", *title.children), *body])
    for head in list(doctree.findall(nodes.thead)):
        if not head.astext().strip():
            head.parent.remove(head)


def setup(app: Any) -> None:
    """Register the directive."""
    app.add_directive("model-card", CardDirective)
    app.connect("doctree-resolved", unfolded)
