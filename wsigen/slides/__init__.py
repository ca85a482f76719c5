"""Everything that reads or writes slides; nothing here needs torch."""

from typing import TYPE_CHECKING, Any

from wsigen.slides.reader import open_slide
from wsigen.slides.slide import Slide

if TYPE_CHECKING:
    from wsigen.slides.pyramid import read_description, write_pyramid

__all__ = ["Slide", "open_slide", "read_description", "write_pyramid"]


def __getattr__(name: str) -> Any:
    """Import the writer with libvips when it is asked for: training reads slides and writes none."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from wsigen.slides import pyramid

    return getattr(pyramid, name)
