"""How benchmarks end: one JSON object, printed and written."""

import json
from pathlib import Path
from typing import Any


def report(result: dict[str, Any], out: Path | None, *, indent: int = 1) -> None:
    """Print a result, and write it where ``out`` names a file."""
    print(json.dumps(result, indent=indent))
    save(result, out, indent=indent)


def save(result: dict[str, Any], out: Path | None, *, indent: int = 1) -> None:
    """Write a result where ``out`` names a file; its folder is made."""
    if out:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(json.dumps(result, indent=indent) + "\n")
