"""Styles: how the tissue of one case looks beside that of others, in a few numbers for each scale.

A student paints all slides alike, however unlike their guides: what one patient's tissue has of its own, such as how
crowded, coarse or fibrous it is, cannot be read from a noisy guide, so it paints what most have. One that has learnt
styles (``wsigen distil --way styled``) is told them. A slide takes the style of one case that the student was
distilled on, drawn by the slide's seed, at all stages that the student paints.
`wsigen.training.styles` finds them.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from wsigen.arrays import PerImage
from wsigen.seeds import generator

LENGTH = 24  # numbers of a style
STYLE_LAYER = "conditioning.style.weight"  # of a network that heeds them
FINEST, PER_OCTAVE, SCALES = 0.25, 2, 17  # micrometres per pixel: 0.25 to 64


@dataclass(frozen=True)
class Styles:
    """The styles of cases.

    Args:
        codes: shape (cases, ``SCALES``, ``LENGTH``); zero is the mean of all cases.
    """

    codes: Tensor

    def at(self, case: Tensor, mpp: PerImage) -> Tensor:
        """Styles of cases at scales, interpolated in ln(mpp), shape (batch, ``LENGTH``).

        Args:
            case: numbers of the cases, shape (batch,).
            mpp: micrometres per pixel; beyond the scales there are, the last one counts.
        """
        place = (PER_OCTAVE * (mpp / FINEST).log2()).clamp(0, SCALES - 1)
        finer = place.floor().long().clamp(max=SCALES - 2)
        between = (place - finer)[:, None]
        return torch.lerp(self.codes[case, finer], self.codes[case, finer + 1], between)

    def of(self, seed: int, mpp: float) -> Tensor:
        """The style of a slide at a scale, shape (1, ``LENGTH``)."""
        return self.at(torch.tensor([self.case(seed)]), torch.tensor([mpp]))

    def case(self, seed: int) -> int:
        """Number of the case whose style a slide takes."""
        return int(generator(seed, "style").integers(len(self.codes)))


def plain() -> Styles:
    """One style, which says nothing."""
    return Styles(torch.zeros(1, SCALES, LENGTH))


def scales() -> Tensor:
    """The scales at which styles are kept, in micrometres per pixel, shape (``SCALES``,)."""
    return FINEST * 2 ** (torch.arange(SCALES) / PER_OCTAVE)
