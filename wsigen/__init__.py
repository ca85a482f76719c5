"""wsigen: whole slide images from noise, by one diffusion model conditioned on micrometres per pixel.

A research companion to *Diffusion-based generation of Histopathological Whole Slide Images at a
Gigapixel scale* (Harb, Pock, Müller, 2023). The package docstring and the version are all that lives
here, so that the slide tools and the reader study run without loading torch.
"""

__version__ = "0.1.0"
