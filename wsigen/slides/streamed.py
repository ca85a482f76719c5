"""One coarse level of a large plain image, made while its rows pass by: an overview needs no more of it.

The pixels are those of `wsigen.slides.reader.ImageSlide`, whose levels are 2 x 2 means of the whole image in memory.
"""

from pathlib import Path

import numpy as np
import pyvips
from PIL import Image

from wsigen.slides.slide import unreadable

STRIP_ROWS = 256  # a multiple of 2 ** level for the levels that overviews ask for
PLAIN = (("srgb", 3), ("b-w", 1))  # what libvips and Pillow decode to the same bits


def streamed_level(path: Path, level: int) -> Image.Image | None:
    """Level ``level`` of a plain image, each the 2 x 2 means of the one before; None where it has to be decoded whole.

    Raises:
        WsigenError: the image is damaged.
    """
    rows = max(STRIP_ROWS, 2**level)
    strips = []
    try:
        image = pyvips.Image.new_from_file(
            str(path), access="sequential", fail_on="error", revalidate=True
        )
        turned = "orientation" in image.get_fields() and image.get("orientation") != 1
        if turned or image.format != "uchar" or (image.interpretation, image.bands) not in PLAIN:
            return None
        region = pyvips.Region.new(image)
        for top in range(0, image.height, rows):
            some = min(rows, image.height - top)
            pixels = np.frombuffer(region.fetch(0, top, image.width, some), np.uint8)
            shape = (some, image.width) if image.bands == 1 else (some, image.width, 3)
            strip = Image.fromarray(pixels.reshape(shape)).convert("RGB")
            for _ in range(level):
                strip = strip.reduce(2)
            strips.append(np.asarray(strip))
    except pyvips.Error as error:
        raise unreadable(path, error) from error
    return Image.fromarray(np.concatenate(strips))
