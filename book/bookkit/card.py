"""The directive ``model-card``: a model card on one screen, its sections folded away under their headings.

```{model-card} wsigen/models/small-3.md
```

What stands before the first ``##`` is shown; each section is an admonition that opens on a click (a PDF prints it all).
"""

import re
from typing import Any

from bookkit.markdown import MarkdownDirective
from bookkit.places import ROOT


def folded(text: str) -> list[str]:
    """The card as Markdown without headings, so that it can stand anywhere in a page."""
    head, *sections = re.split(r"(?m)^## ", text)
    lines = [re.sub(r"(?m)^# (.+)$", r"**\1**", head).strip(), ""]
    for section in sections:
        title, _, body = section.partition("\n")
        body = re.sub(r"(?m)^#{3,} (.+)$", r"**\1**", body)
        lines += [
            f"::::{{admonition}} {title}",
            ":class: dropdown card",
            "",
            body.strip(),
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


def setup(app: Any) -> None:
    """Register the directive."""
    app.add_directive("model-card", CardDirective)
