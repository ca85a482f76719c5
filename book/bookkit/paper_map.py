"""The map from the paper to the code, from ``book/paper_map.yml``: a directive for the page, a role for links to it.

{paper}`eq-9` prints "Eq. 9" and leads to its row.
"""

from functools import cache
from typing import Any

import yaml
from docutils import nodes
from sphinx.util.docutils import SphinxRole

from bookkit.markdown import MarkdownDirective, table
from bookkit.places import ROOT

SOURCE = ROOT / "book" / "paper_map.yml"


@cache
def rows() -> list[dict[str, Any]]:
    """All rows: id, name, what, code, tests, pages."""
    loaded: list[dict[str, Any]] = yaml.safe_load(SOURCE.read_text("utf-8"))
    return loaded


def sentence(test: str) -> str:
    """A test's name, read as the sentence that it is."""
    return test.removeprefix("test_").replace("_", " ")


def page_of(name: str) -> str:
    """The docname of a chapter (``chapters/05_solvers``) or notebook (``notebooks/solvers``) of the map."""
    folder, _, rest = name.partition("/")
    return f"book/executed/{rest}" if folder == "notebooks" else f"book/{name}"


class PaperMapDirective(MarkdownDirective):
    """The table."""

    def lines(self) -> list[str]:
        """A row for each equation, algorithm, figure and table."""
        self.env.note_dependency(str(SOURCE))
        written = []
        for row in rows():
            pages = [
                f"{{doc}}`/{page_of(page)}`" if page_of(page) in self.env.found_docs else page
                for page in row["pages"]
            ]
            tests = [test.partition("::") for test in row["tests"]]
            written.append(
                [
                    f'<span id="{row["id"]}"></span>**{row["name"]}**: {row["what"]}',
                    "; <br>".join(
                        f"{{py:obj}}`{name.removeprefix('wsigen.')} <{name}>`"
                        for name in row["code"]
                    ),
                    "; <br>".join(f"{sentence(test)} (`{file}`)" for file, _, test in tests),
                    "; <br>".join(pages),
                ]
            )
        head = ["the paper", "function", "tested", "chapter, notebook"]
        return table(head, written, "paper-map wide")


class PaperReference(nodes.inline):
    """A link into the map."""


class PaperRole(SphinxRole):
    """See the module."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """The name in the paper, linked."""
        names = {row["id"]: row["name"] for row in rows()}
        if self.text not in names:
            text = f"the map of the paper has no {self.text!r}; expected one of {', '.join(names)}"
            message = self.inliner.reporter.error(text, line=self.lineno)
            return [nodes.problematic(self.rawtext, self.rawtext)], [message]
        return [PaperReference(self.rawtext, names[self.text], target=self.text)], []


def visit(self: Any, node: PaperReference) -> None:
    """A link to the row."""
    page = self.builder.get_relative_uri(self.builder.current_docname, "book/paper_map")
    self.body.append(
        f'<a class="paper" href="{page}#{node["target"]}" title="of the paper: where it is in the code">'
    )


def depart(self: Any, node: PaperReference) -> None:
    """Close the link."""
    self.body.append("</a>")


def nothing(self: Any, node: nodes.Node) -> None:
    """Print the text only."""


def setup(app: Any) -> None:
    """Register directive and role."""
    app.add_directive("paper-map", PaperMapDirective)
    app.add_node(
        PaperReference, html=(visit, depart), latex=(nothing, nothing), text=(nothing, nothing)
    )
    app.add_role("paper", PaperRole())
