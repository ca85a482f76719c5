"""libvips reads a TIFF whose codec it was built without as black, and says so in no exception.

The wheels of pyvips come without zstd in their libtiff. One expects an error when the pixels are read, as OpenSlide
and Pillow raise it for codecs that they lack. ``fail_on="error"`` brings one.
"""

from apart import apart, told

apart("pyvips==3.2.0", "pyvips-binary==8.18.7", "cffi==2.1.1", "pycparser==3.12", "pillow==13.0.0")

import pyvips
from PIL import Image

Image.new("RGB", (64, 64), (200, 100, 50)).save("slide.tif", compression="zstd")
pixel = pyvips.Image.new_from_file("slide.tif")(10, 10)
try:
    pyvips.Image.new_from_file("slide.tif", fail_on="error")(10, 10)
    strict = "pixels"
except pyvips.Error:
    strict = "an error"

told(
    expected="an error, or [200, 100, 50]",
    recorded=([0.0, 0.0, 0.0], "with fail_on='error' an error"),
    seen=(pixel, f"with fail_on='error' {strict}"),
)
