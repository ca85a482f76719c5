"""The paper's equations keep the paper's numbers: what has the label ``eq-7`` is Eq. 7, on whichever page it stands.

Ours are counted on from there, in reading order, so that no two have one number.
"""

import re
from typing import Any

from docutils import nodes

LABEL = re.compile(r"eq-(\d+)")
LAST = 11  # of the paper's equations


def renumber(app: Any, env: Any) -> list[str]:
    """Replace Sphinx's running numbers, for the formulas and for all references to them."""
    ours = []
    for label, (docname, _) in env.get_domain("math").equations.items():
        numbers = env.toc_fignumbers.setdefault(docname, {}).setdefault("displaymath", {})
        name = nodes.make_id(f"equation-{label}")
        if match := LABEL.fullmatch(label):
            numbers[name] = (int(match[1]),)
        elif name in numbers:
            ours.append((numbers[name], numbers, name))
    for place, (_, numbers, name) in enumerate(sorted(ours, key=lambda each: each[0]), LAST + 1):
        numbers[name] = (place,)
    return []


def tag(app: Any, doctree: nodes.document, docname: str) -> None:
    """The same for LaTeX, which counts by itself."""
    if app.builder.format != "latex":
        return
    for node in doctree.findall(nodes.math_block):
        label = node.get("label") or ""
        numbers = app.env.toc_fignumbers.get(node.get("docname"), {}).get("displaymath", {})
        number = numbers.get(nodes.make_id(f"equation-{label}"))
        if label and number:
            name = f"equation:{node['docname']}:{label}"
            body = f"\\label{{{name}}}\\tag{{{number[-1]}}}\\begin{{split}}{node.astext()}\\end{{split}}"
            node["nowrap"], node["label"] = True, None
            node[:] = [nodes.Text(f"\\begin{{equation}}{body}\\end{{equation}}")]


def setup(app: Any) -> None:
    """Register the numbers."""
    app.connect("env-get-updated", renumber, priority=900)  # after Sphinx has counted
    app.connect("doctree-resolved", tag)
