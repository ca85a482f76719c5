"""Where things lie, and which edition of the book is built."""

import os
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = ROOT / "notebooks"
EXECUTED = ROOT / "book" / "executed"
PROFILES = {
    "smoke": "seconds of computing on phantom slides, to show that everything runs",
    "classroom": "minutes of computing with the small model that ships",
    "paper": "the sizes of the paper",
}


def profile() -> str:
    """The profile that `make book` was called with."""
    return os.environ.get("WSIGEN_BOOK_PROFILE", "smoke")


def student_edition(app: Any, config: Any) -> None:
    """Leave the solutions out where `make book-student` builds."""
    if os.environ.get("WSIGEN_BOOK_STUDENT"):
        config.hide_solutions = True
