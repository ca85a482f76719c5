"""The paper's equations keep the paper's numbers: what has the label ``eq-7`` is Eq. 7, on whichever page it stands."""

import re
from typing import Any

from docutils import nodes

LABEL = re.compile(r"eq-(\d+)")


def renumber(app: Any, env: Any) -> list[str]:
    """Replace Sphinx's running numbers, for the formulas and for all references to them."""
    for label, (docname, _) in env.get_domain("math").equations.items():
        if match := LABEL.fullmatch(label):
            numbers = env.toc_fignumbers.setdefault(docname, {}).setdefault("displaymath", {})
            numbers[nodes.make_id(f"equation-{label}")] = (int(match[1]),)
    return []


def tag(app: Any, doctree: nodes.document, docname: str) -> None:
    """The same for LaTeX, which counts by itself."""
    if app.builder.format != "latex":
        return
    for node in doctree.findall(nodes.math_block):
        if match := LABEL.fullmatch(node.get("label") or ""):
            name = f"equation:{node['docname']}:{node['label']}"
            body = (
                f"\\label{{{name}}}\\tag{{{match[1]}}}\\begin{{split}}{node.astext()}\\end{{split}}"
            )
            node["nowrap"], node["label"] = True, None
            node[:] = [nodes.Text(f"\\begin{{equation}}{body}\\end{{equation}}")]


def setup(app: Any) -> None:
    """Register the numbers."""
    app.connect("env-get-updated", renumber, priority=900)  # after Sphinx has counted
    app.connect("doctree-resolved", tag)
