"""Where things lie, and which edition of the book is built."""

import hashlib
import os
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = ROOT / "notebooks"
EXECUTED = ROOT / "book" / "executed"
PROFILES = {
    "smoke": "seconds of computing, to show that everything runs",
    "classroom": "minutes of computing with the small model that ships",
    "paper": "the sizes of the paper",
}


def profile() -> str:
    """The profile that `make book` was called with."""
    return os.environ.get("WSIGEN_BOOK_PROFILE", "smoke")


def code() -> str:
    """A digest of this package."""
    files = sorted(Path(__file__).parent.glob("*.py"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


def for_students() -> bool:
    """Whether `make book-student` builds."""
    return bool(os.environ.get("WSIGEN_BOOK_STUDENT"))


def without_thebe(
    app: Any, page: str, template: str, context: dict[str, Any], doctree: Any
) -> None:
    """Take out the scripts for live code: this book has none, and they name an address on the network."""
    context["script_files"] = [
        script
        for script in context.get("script_files", [])
        if "thebe" not in f"{script} {script.attributes}".lower()
    ]
    context["css_files"] = [
        style for style in context.get("css_files", []) if "thebe" not in str(style)
    ]
