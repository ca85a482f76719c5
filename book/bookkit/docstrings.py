"""Docstrings are plain text here: bars and stars are mathematics, and indented lines of a module are its equations.

In signatures a default that would fill a page is three dots.
"""

import ast
import re
from typing import Any

LITERAL = re.compile(r"(``.*?``|`[^`]+`)")
ITEM = re.compile(r"(\d+\.|[-*]) ")
LONGEST = 200  # characters of a default


def escaped(line: str) -> str:
    """Bars and stars as themselves, outside of code."""
    parts = LITERAL.split(line)
    return "".join(
        part if i % 2 else re.sub(r"([|*])", r"\\\1", part) for i, part in enumerate(parts)
    )


def as_plain(app: Any, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Rewrite ``lines`` in place, before the sections are read."""
    written: list[str] = []
    literal = item = False
    for line in lines:
        indented = line.startswith((" ", "\t"))
        item = bool(ITEM.match(line)) or (item and indented)  # a list goes on where it is indented
        if what == "module" and indented and not literal and not item:
            written += ["", "::", ""]
            literal = True
        elif literal and line.strip() and not indented:
            if written[-1].strip():
                written.append("")
            literal = False
        written.append(line if literal else escaped(line))
    lines[:] = written


def shortened(signature: str) -> str:
    """A signature such as ``(a, b=1)``, with ``...`` for defaults that are too long to be read."""
    try:
        (function,) = ast.parse(f"def f{signature}: pass").body
    except SyntaxError:  # a default without a literal, such as <object>
        return signature
    given = function.args  # type: ignore[attr-defined]
    for defaults in (given.defaults, given.kw_defaults):
        for place, value in enumerate(defaults):
            if value is not None and len(ast.unparse(value)) > LONGEST:
                defaults[place] = ast.Constant(...)
    return f"({ast.unparse(given)})"


def as_signature(
    app: Any, what: str, name: str, thing: Any, options: Any, signature: str | None, returned: Any
) -> tuple[str, Any] | None:
    """Shorten the long ones only: the others stay as they are written."""
    return (shortened(signature), returned) if signature and len(signature) > LONGEST else None


def setup(app: Any) -> None:
    """Ask to see docstrings before others do."""
    app.connect("autodoc-process-docstring", as_plain, priority=100)
    app.connect("autodoc-process-signature", as_signature)
