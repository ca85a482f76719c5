"""Pillow writes the resolution of a microscope into a JPEG as another one, without a word.

0.25 um per pixel are 101 600 dots per inch; JFIF has 16 bits for them. One expects an error, or the finest that can
be said. What comes is the number modulo 65 536, 0.704 um per pixel: nearly three times as coarse, and quite
believable.
"""

from apart import apart, told

apart("pillow==13.0.0")

from PIL import Image

Image.new("RGB", (8, 8)).save("a.jpg", dpi=(101_600, 101_600))
with Image.open("a.jpg") as image:
    seen = image.info["dpi"]

told(expected="an error, or (65535, 65535)", recorded=(36_064, 36_064), seen=seen)
