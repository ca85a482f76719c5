"""The overview alone, before the slide: what tissue it shows, and another drawing where that is next to none or slate.

An overview is drawn from noise, and the noise decides whether there is tissue on the glass. A slide without any is
seldom what somebody waits hours for. So where less than ``LEAST_TISSUE`` of the first drawing is tissue, the next
is tried: the same seed, the next name of its noise. A told plan, whose stages paint no colour bluer than haematoxylin
(`wsigen.mending.stained`), tries it also where the tissue is slate. The first that is neither names the slide:

    drawing = min { n : tissue of drawing n >= LEAST_TISSUE, and not slate },  else the n with most of it

of ``MOST_DRAWINGS``; one that is slate counts as having none.

It is a property of the seed and the plan, so whoever makes the slide, or a part of it, makes the same.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from wsigen.coarse_to_fine import run_stage
from wsigen.mending import LIGHT
from wsigen.plan import Stage
from wsigen.runs.canvas import Image, strips
from wsigen.runs.crew import Crew
from wsigen.runs.painter import Painter
from wsigen.runs.state import InMemory
from wsigen.slides.tissue import darker, tissue_share

LEAST_TISSUE = 0.05
SLATE = 1.1  # absorption of green, where that of red is 1
MOST_DRAWINGS = 8
LARGEST = 2  # patches a side; larger overviews are not drawn for a look


@dataclass(frozen=True)
class Overview:
    """One drawing of an overview.

    Args:
        painter: which makes it, and the slide.
        image: shape (3, canvas height, canvas width), as the slide's first stage ends, in the slide's precision.
        pixels: its part on the slide, uint8, shape (height, width, 3).
        tissue: share of it that is no glass.
        slate: whether a told plan had better not begin with it, see :func:`is_slate`.
        evaluations: of networks, for this drawing and those before it.
    """

    painter: Painter
    image: Image
    pixels: NDArray[np.uint8]
    tissue: float
    slate: bool
    evaluations: int


def with_tissue(painter: Painter, stage: Stage, half: bool = False) -> Overview | None:
    """The drawing of the overview that a slide begins with; None where it is too large to be drawn for a look.

    Args:
        painter: how the slide is made.
        stage: the overview, first of the slide's path.
        half: whether the slide's canvases are in half precision. Then ``image`` is so too, and drawn beside the one
            in full precision, which alone decides.
    """
    if max(stage.height, stage.width) > LARGEST * painter.patch_px:
        return None
    found = list[Overview]()
    for drawing in drawings(painter, stage, half):
        found.append(drawing)
        if drawing.tissue >= LEAST_TISSUE and not drawing.slate:
            return drawing
    best = max(found, key=lambda one: 0 if one.slate else one.tissue)
    return replace(best, evaluations=found[-1].evaluations)


def drawings(painter: Painter, stage: Stage, half: bool = False) -> Iterator[Overview]:
    """The drawings of an overview, in turn; as for :func:`with_tissue`."""
    evaluations = 0
    for number in range(MOST_DRAWINGS):
        own = replace(painter, drawing=number)
        if half:
            with Crew(painter.device) as crew:
                (full, spent), (image, more) = crew.each(partial(_drawn, own, stage), (False, True))
            spent += more
        else:
            full, spent = _drawn(own, stage, False)
            image = full
        evaluations += spent
        pixels = np.concatenate(list(strips(full, stage.height, stage.width)))
        slate = painter.plan.guide_sigma is not None and is_slate(pixels)
        yield Overview(own, image, pixels, tissue_share(pixels), slate, evaluations)


def is_slate(pixels: NDArray[np.uint8]) -> bool:
    """Whether the darker half of an image's tissue absorbs hardly more green than red, as neither dye does.

    Absorption is the logarithm of light. Magnified, such an overview becomes one sheet without nuclei.
    """
    shown = pixels[darker(pixels)]
    if not len(shown):
        return False
    absorbed = np.log(255 * LIGHT / shown.clip(1, 254 * LIGHT))
    whole = absorbed.sum(axis=1)
    red, green, _ = absorbed[whole >= np.median(whole)].T
    return bool(np.median(green / red) < SLATE)


def _drawn(painter: Painter, stage: Stage, half: bool) -> tuple[Image, int]:
    """An overview and how many evaluations it took."""
    state = InMemory(stage.height, stage.width, half=half, device=painter.device)
    run, spent = run_stage(painter, stage, None, state=state), 0
    while True:
        try:
            spent = next(run).evaluations
        except StopIteration as end:
            return end.value, spent
