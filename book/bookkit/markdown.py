"""Directives that write Markdown: what they return is parsed as if it stood in the page."""

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective


class MarkdownDirective(SphinxDirective):
    """A directive whose content is made by :meth:`lines`."""

    def lines(self) -> list[str]:
        """The Markdown."""
        raise NotImplementedError

    def run(self) -> list[nodes.Node]:
        """Parse it."""
        node = nodes.container()
        node.document = self.state.document
        source = self.get_source_info()[0]
        self.state.nested_parse(
            StringList(self.lines(), source), self.content_offset, node, match_titles=1
        )
        return node.children


def table(head: list[str], rows: list[list[str]], classes: str = "") -> list[str]:
    """A Markdown table; line breaks within a cell are not possible there."""
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    lines += [
        f"| {' | '.join(cell.replace(chr(10), ' ').strip() for cell in row)} |" for row in rows
    ]
    return [f"::::{{div}} {classes}", *lines, "::::"] if classes else lines
