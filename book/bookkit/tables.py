"""Tables in the PDF: one that may be longer than a page breaks across pages, where its end would run off the paper."""

from typing import Any

from docutils import nodes

CHARACTERS, ROWS = 2000, 14  # a table with more of either may not fit on one page


def column_widths(table: nodes.table) -> list[int]:
    """Parts of the width for each column: the root of its text, and no less than its longest word asks for."""
    rows = [
        [cell.astext() for cell in row.findall(nodes.entry)] for row in table.findall(nodes.row)
    ]
    columns = list(zip(*rows, strict=True))
    words = [
        max(len(word) for text in column for word in [*text.split(), ""]) for column in columns
    ]
    roots = [sum(map(len, column)) ** 0.5 for column in columns]
    return [
        max(round(100 * root / sum(roots)), round(0.7 * min(word, 16)))
        for root, word in zip(roots, words, strict=True)
    ]


def may_break(app: Any, doctree: nodes.document, docname: str) -> None:
    """Let long tables break across pages, in LaTeX only."""
    if app.builder.format != "latex":
        return
    for table in doctree.findall(nodes.table):
        rows = len(list(table.findall(nodes.row)))
        if rows <= ROWS and len(table.astext()) <= CHARACTERS:
            continue
        widths = column_widths(table)
        table["classes"] += ["longtable", "colwidths-given"]
        for column, width in zip(table.findall(nodes.colspec), widths, strict=True):
            column["colwidth"] = width


def setup(app: Any) -> None:
    """Register it."""
    app.connect("doctree-resolved", may_break)
