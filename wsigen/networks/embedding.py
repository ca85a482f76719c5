"""Sinusoidal encodings of the two conditions, noise level and micrometres per pixel.

A number v becomes (cos(2 pi f v), sin(2 pi f v)) over a ladder of frequencies f. Both conditions enter
as logarithms, ``c_noise = ln(sigma) / 4`` (Eq. 6) and ``ln(mpp) / 4``: a factor of two means the same
at every scale.
"""

import math

import torch
from torch import Tensor, nn

from wsigen.arrays import PerImage


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
    """Both conditions as one vector, shape (batch, channels), that every block of the network reads."""

    def __init__(self, channels: int, waves: int = 64) -> None:
        super().__init__()
        self.encoding = SinusoidalEncoding(waves)
        self.mix = nn.Sequential(
            nn.Linear(2 * waves, channels), nn.SiLU(), nn.Linear(channels, channels), nn.SiLU()
        )

    def forward(self, c_noise: PerImage, mpp: PerImage) -> Tensor:
        waves = [self.encoding(c_noise), self.encoding(mpp.log() / 4)]
        return self.mix(torch.cat(waves, dim=1))
