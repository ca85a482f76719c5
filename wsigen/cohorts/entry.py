"""One slide of a cohort: where it lies, whose it is, what it is for."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from wsigen.slides.reader import open_slide
from wsigen.slides.slide import Slide


@dataclass(frozen=True)
class Entry:
    """One slide of a cohort; ``case`` is the patient, by which cohorts are split."""

    path: Path
    case: str
    mpp: float | None
    split: str
    cohort: str = ""
    licence: str = ""
    organ: str = ""
    mpp_source: str = ""
    opener: Callable[[], Slide] | None = field(default=None, repr=False, compare=False)

    def open(self) -> Slide:
        """Open the slide, with the scale the cohort gives."""
        return self.opener() if self.opener else open_slide(self.path, self.mpp)
