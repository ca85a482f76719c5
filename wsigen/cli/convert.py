"""wsigen convert: any slide or image to a pyramid."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wsigen.cli.finite import FINITE

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from wsigen.slides import Slide

STRIP_ROWS = 256
ORIENTATION = "orientation"  # libvips' name of the tag


@click.command()
@click.argument("image", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--mpp", type=FINITE, help="Micrometres per pixel; by default what IMAGE says.")
@click.option(
    "--quality", type=click.IntRange(1, 100), default=90, show_default=True, help="Of JPEG."
)
@click.option("--tile-px", type=int, default=256, show_default=True, help="Side of a tile.")
@click.option("--overwrite", is_flag=True, help="Replace OUT if it exists.")
def convert(
    image: Path, out: Path, mpp: float | None, quality: int, tile_px: int, overwrite: bool
) -> None:
    """Convert IMAGE, a slide or a plain image, to OUT, a pyramidal TIFF with its scale.

    The pixels stay as they are, with the colour profile that says what they mean; --mpp says how large they are and
    changes none. What a generated slide says of itself stays, too.

    \b
    Examples:
      wsigen convert slide.svs slide.tiff
      wsigen convert region.png region.tiff --mpp 0.686
      wsigen convert scan.tif scan.tiff --mpp 0.25 --quality 95 --tile-px 512
    """
    from wsigen.errors import WsigenError
    from wsigen.outputs import SLIDE, check_file
    from wsigen.slides import open_slide, read_description, write_pyramid
    from wsigen.slides.dicom import slide_in_folder
    from wsigen.slides.pyramid import opens_as_slide
    from wsigen.slides.scale import checked_mpp

    check_file(out, overwrite=overwrite, suffixes=SLIDE, apart_from=[image])
    if image.is_dir():
        image = slide_in_folder(image)
    if not image.is_file():
        raise WsigenError(f"{image}: no such file; expected a slide or an image")
    if mpp is not None:
        checked_mpp(mpp)
    out.parent.mkdir(parents=True, exist_ok=True)
    options: dict[str, Any] = {"tile_px": tile_px, "quality": quality, "overwrite": overwrite}
    if opens_as_slide(image):
        with open_slide(image, mpp) as slide:
            size = (slide.height, slide.width)
            strips, mpp = slide_strips(slide), slide.mpp
            options["icc_profile"] = slide.icc_profile
            described = read_description(image) or {}
            if "SYNTHETIC" in described:  # else it is the scanner's, and may name a patient
                options["description"] = described | ({"mpp": mpp} if "mpp" in described else {})
            write_pyramid(out, watch(strips, size), mpp, height=size[0], width=size[1], **options)
    else:
        strips, size, mpp, options["icc_profile"] = image_strips(image, mpp)
        write_pyramid(out, watch(strips, size), mpp, height=size[0], width=size[1], **options)
    click.echo(f"{out}: {size[1]} x {size[0]} px at {mpp:g} um/px")


def slide_strips(slide: "Slide") -> Iterator["NDArray[np.uint8]"]:
    """A slide at its full resolution from top to bottom, uint8 (rows, width, 3) each."""
    for top in range(0, slide.height, STRIP_ROWS):
        yield slide.read(top, 0, min(STRIP_ROWS, slide.height - top), slide.width)


def image_strips(
    path: Path, mpp: float | None
) -> tuple[Iterator["NDArray[np.uint8]"], tuple[int, int], float, bytes | None]:
    """A plain image of any size as strips, without holding it: the strips, (height, width), mpp and colour profile.

    Raises WsigenError for an unreadable image, and where neither the caller nor the file says a scale.
    """
    import numpy as np
    import pyvips

    from wsigen.slides.reader import image_states, open_image, upright_size
    from wsigen.slides.scale import own_mpp
    from wsigen.slides.slide import unreadable

    with any_size(), open_image(path, path) as header:
        size = upright_size(header)
        if mpp is None:
            mpp = own_mpp(path, image_states(header, path), *size)
        profile = header.info.get("icc_profile")
    try:
        image = pyvips.Image.new_from_file(
            str(path), access="sequential", fail_on="error", revalidate=True
        )
        if ORIENTATION in image.get_fields() and image.get(ORIENTATION) != 1:
            # a turned image is written in another order than it is read: libvips keeps it aside
            image = pyvips.Image.new_from_file(
                str(path), fail_on="error", revalidate=True
            ).autorot()
        image = image.colourspace("srgb")
        if image.hasalpha():
            image = image.flatten(background=255)
        image = image.cast("uchar")
    except pyvips.Error as error:
        raise unreadable(path, error) from error
    if image.bands != 3:
        raise unreadable(path, f"{image.bands} colour channels")

    def strips() -> Iterator["NDArray[np.uint8]"]:
        region = pyvips.Region.new(image)
        for top in range(0, image.height, STRIP_ROWS):
            rows = min(STRIP_ROWS, image.height - top)
            try:
                pixels = region.fetch(0, top, image.width, rows)
            except pyvips.Error as error:
                raise unreadable(path, error) from error
            yield np.frombuffer(pixels, np.uint8).reshape(rows, image.width, 3)

    return strips(), (image.height, image.width), mpp, profile


@contextmanager
def any_size() -> Iterator[None]:
    """Let Pillow read the header of an image that it thinks too large to be honest."""
    from PIL import Image

    limit = Image.MAX_IMAGE_PIXELS
    Image.MAX_IMAGE_PIXELS = None
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = limit


def watch(
    strips: Iterator["NDArray[np.uint8]"], size: tuple[int, int]
) -> Iterator["NDArray[np.uint8]"]:
    """Pass the strips on under a progress bar, on a terminal only."""
    from tqdm import tqdm

    with tqdm(total=size[0], unit="row", disable=None) as bar:
        for strip in strips:
            yield strip
            bar.update(len(strip))
