"""Everything that reads or writes slides; nothing here needs torch."""

from wsigen.slides.pyramid import read_description, write_pyramid
from wsigen.slides.reader import Slide, open_slide

__all__ = ["Slide", "open_slide", "read_description", "write_pyramid"]
