"""Encodings of the conditions: noise level, micrometres per pixel, what a told network knows of its guide, a style.

A number v becomes (cos(2 pi f v), sin(2 pi f v)) over a ladder of frequencies f. They enter
as logarithms, ``c_noise = ln(sigma) / 4`` (Eq. 6) and ``ln(mpp) / 4``: a factor of two means the same
at every scale.
"""

import math

import torch
from torch import Tensor, nn

from wsigen.arrays import PerImage

SWAY = 10.0  # of a style's numbers: its layer learns as much faster than the others


class SinusoidalEncoding(nn.Module):
    """Encode numbers of order one, shape (batch,), as waves, shape (batch, channels).

    Frequencies run geometrically from 1/8 to ``max_frequency`` periods per unit.
    """

    frequencies: Tensor

    def __init__(self, channels: int, max_frequency: float = 8.0) -> None:
        super().__init__()
        ladder = torch.linspace(math.log(1 / 8), math.log(max_frequency), channels // 2).exp()
        self.register_buffer("frequencies", ladder, persistent=False)

    def forward(self, value: PerImage) -> Tensor:
        phase = 2 * math.pi * value[:, None].float() * self.frequencies
        return torch.cat([phase.cos(), phase.sin()], dim=1)


class Conditioning(nn.Module):
    """All conditions as one vector, shape (batch, channels), that every block of the network reads.

    Args:
        channels: its length.
        told: whether the noise level of a guide is a third condition.
        organs: how many organs a slide can be said to be of; 0 without this condition.
        styles: length of a style (`wsigen.networks.styles`), likewise.
        waves: length of the encoding of each number.
    """

    def __init__(
        self, channels: int, told: bool = False, organs: int = 0, styles: int = 0, waves: int = 64
    ) -> None:
        super().__init__()
        self.told = told
        self.encoding = SinusoidalEncoding(waves)
        numbers = 3 if told else 2
        self.mix = nn.Sequential(
            nn.Linear(numbers * waves, channels),
            nn.SiLU(),
            nn.Linear(channels, channels),
            nn.SiLU(),
        )
        self.organ = nn.Embedding(1 + organs, channels) if organs else None  # 0: not said
        if self.organ is not None:
            nn.init.zeros_(self.organ.weight)
        self.style = nn.Linear(styles, channels, bias=False) if styles else None
        if self.style is not None:
            nn.init.zeros_(self.style.weight)

    def forward(
        self,
        c_noise: PerImage,
        mpp: PerImage,
        c_guide: PerImage,
        organ: Tensor | None = None,
        style: Tensor | None = None,
    ) -> Tensor:
        waves = [self.encoding(c_noise), self.encoding(mpp.log() / 4)]
        if self.told:
            waves.append(self.encoding(c_guide))
        first, *others = self.mix.children()
        h = first(torch.cat(waves, dim=1))
        if self.organ is not None:
            h = h + self.organ(torch.zeros_like(mpp, dtype=torch.long) if organ is None else organ)
        if self.style is not None and style is not None:
            h = h + self.style(SWAY * style)
        for layer in others:
            h = layer(h)
        return h
