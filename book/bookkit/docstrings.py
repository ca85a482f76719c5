"""Docstrings are plain text here: bars and stars are mathematics, and indented lines of a module are its equations."""

import re
from typing import Any

LITERAL = re.compile(r"(``.*?``|`[^`]+`)")


def escaped(line: str) -> str:
    """Bars and stars as themselves, outside of code."""
    parts = LITERAL.split(line)
    return "".join(
        part if i % 2 else re.sub(r"([|*])", r"\\\1", part) for i, part in enumerate(parts)
    )


def as_plain(app: Any, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Rewrite ``lines`` in place, before the sections are read."""
    written: list[str] = []
    literal = False
    for line in lines:
        indented = line.startswith((" ", "\t"))
        if what == "module" and indented and not literal:
            written += ["", "::", ""]
            literal = True
        elif literal and line.strip() and not indented:
            if written[-1].strip():
                written.append("")
            literal = False
        written.append(line if literal else escaped(line))
    lines[:] = written


def setup(app: Any) -> None:
    """Ask to see docstrings before others do."""
    app.connect("autodoc-process-docstring", as_plain, priority=100)
