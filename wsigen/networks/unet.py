"""F of Eq. 6: a U-Net on folded pixels, normalised pixel by pixel, with attention at the bottom.

Three choices serve slides rather than patches. The stem folds ``fold x fold`` pixels into channels, so
that the widest maps are computed at a fraction of the size; what that blurs, a few channels at full size
can put back. Features are normalised over channels at each pixel, never over the patch: statistics of a
patch would make the same place look different in two patches that contain it, the known cause of tile
mismatch. And the stem can see the image averaged over squares: noise that hides every pixel of an
overview does not hide their mean.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional

from wsigen.arrays import Images, PerImage
from wsigen.networks.blocks import ResidualBlock, SelfAttention, normalisation
from wsigen.networks.embedding import Conditioning
from wsigen.networks.styles import LENGTH
from wsigen.schedule import SIGMA_MAX


@dataclass(frozen=True)
class UNetConfig:
    """The shape of the network; stored beside its weights.

    Args:
        widths: channels at each resolution, finest first; each next one has half the size.
        blocks: residual blocks per resolution on the way down; one more on the way up.
        fold: side of the pixel squares folded into channels by the stem (1, 2 or 4).
        attention: whether the coarsest resolution attends to itself.
        norm: "pixel" (over channels at each pixel) or "group" (over the patch, for comparison).
        condition_channels: length of the vector that tells every block its conditions.
        detail: channels of the blocks that refine the output at full size; 0 for none.
        averages: sides of squares in pixels; the input's average over each kind is an input too.
        told: whether it is shown its guide, as three more channels, and told that guide's noise level.
        organs: names of the organs that a slide can be said to be of.
        styles: length of the style it is told; 0 for none.
        knows_mpp: whether micrometres per pixel is one of them; without, for comparison, all scales are one.
    """

    widths: Sequence[int] = (64, 128, 192)
    blocks: int = 2
    fold: int = 2
    attention: bool = True
    norm: str = "pixel"
    condition_channels: int = 256
    detail: int = 0
    averages: Sequence[int] = ()
    told: bool = False
    organs: Sequence[str] = ()
    styles: int = 0
    knows_mpp: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "widths", tuple(self.widths))  # JSON gives a list
        object.__setattr__(self, "averages", tuple(self.averages))
        object.__setattr__(self, "organs", tuple(self.organs))

    @property
    def multiple(self) -> int:
        """Patch sides must be whole multiples of this many pixels."""
        return math.lcm(self.coarsest, *self.averages)

    @property
    def coarsest(self) -> int:
        """Side in pixels of what one position of the coarsest map stands for."""
        return self.fold * 2 ** (len(self.widths) - 1)


def average(x: Images, c_noise: PerImage, side: int, sigma_data: float = 0.5) -> Images:
    """Average c_in x over squares and bring it to variance one, with a c_in of its own.

    Over squares of k x k pixels noise of level sigma averages to sigma / k, so that c_in of Eq. 6 becomes
    ((sigma / k)^2 + sigma_data^2)^(-1/2). Without it the mean of a 64 px patch at sigma 80, known to +-1.25, would
    reach the network at an amplitude of 0.006.

    Args:
        x: c_in times the noisy images, (batch, 3, height, width), sides whole multiples of ``side``.
        c_noise: ln(sigma) / 4, shape (batch,).
        side: k, in pixels.
        sigma_data: standard deviation of the images.

    Returns:
        Averages, interpolated between the squares' centres to the shape of ``x``.
    """
    sigma = (4 * c_noise).exp()
    gain = ((sigma**2 + sigma_data**2) / ((sigma / side) ** 2 + sigma_data**2)).sqrt()
    means = gain[:, None, None, None] * functional.avg_pool2d(x, side)
    return functional.interpolate(means, scale_factor=side, mode="bilinear")


class Detail(nn.Module):
    """What folding blurs: two residual blocks on unfolded pixels, to be added to the output."""

    def __init__(self, config: UNetConfig) -> None:
        super().__init__()
        channels, wide, norm = config.detail, config.condition_channels, config.norm
        self.fold = config.fold
        self.stem = nn.Conv2d(3, channels, 3, padding=1)
        self.grow = nn.Conv2d(config.widths[0], channels * config.fold**2, 1)
        self.first = ResidualBlock(2 * channels, channels, wide, norm)
        self.second = ResidualBlock(channels, channels, wide, norm)
        self.norm = normalisation(norm, channels)
        self.head = nn.Conv2d(channels, 3, 3, padding=1)
        for parameter in self.head.parameters():
            nn.init.zeros_(parameter)

    def forward(self, x: Images, h: Tensor, condition: Tensor) -> Images:
        grown = functional.pixel_shuffle(self.grow(h), self.fold)
        pixels = self.stem(x.contiguous(memory_format=torch.channels_last))
        h = self.first(torch.cat([grown, pixels], dim=1), condition)
        h = self.second(h, condition)
        refined: Tensor = self.head(functional.silu(self.norm(h)))
        return refined


class UNet(nn.Module):
    """F(x; c_noise, mpp): noisy image in, network output of the same shape, conditioned twice.

    A told network may also be shown a guide of the same shape, times its c_in, with its ``c_guide``, and any may be
    told an ``organ`` for each image: 1 for the first of ``config.organs``, 0 for none; and a ``style``, shape
    (batch, ``config.styles``). Left out, it knows of none of them.
    """

    def __init__(self, config: UNetConfig) -> None:
        super().__init__()
        self.config = config
        widths, wide, norm = tuple(config.widths), config.condition_channels, config.norm
        folded = 3 * config.fold**2
        self.conditioning = Conditioning(wide, config.told, len(config.organs), config.styles)
        kinds = 1 + len(config.averages) + config.told
        self.stem = nn.Conv2d(folded * kinds, widths[0], 3, padding=1)

        self.down, self.shrink, kept = nn.ModuleList(), nn.ModuleList(), [widths[0]]
        channels = widths[0]
        for level, width in enumerate(widths):
            if level > 0:
                self.shrink.append(nn.Conv2d(channels, width, 2, stride=2))
                channels = width
                kept.append(width)
            for _ in range(config.blocks):
                self.down.append(ResidualBlock(channels, width, wide, norm))
                kept.append(width)
        self.middle = ResidualBlock(channels, channels, wide, norm)
        self.attend = SelfAttention(channels, norm) if config.attention else nn.Identity()

        self.up, self.grow = nn.ModuleList(), nn.ModuleList()
        for level, width in reversed(list(enumerate(widths))):
            for _ in range(config.blocks + 1):
                self.up.append(ResidualBlock(channels + kept.pop(), width, wide, norm))
                channels = width
            if level > 0:
                self.grow.append(nn.Conv2d(width, 4 * widths[level - 1], 1))
                channels = widths[level - 1]
        self.norm = normalisation(norm, channels)
        self.head = nn.Conv2d(channels, folded, 3, padding=1)
        for parameter in self.head.parameters():  # a fresh network answers zero
            nn.init.zeros_(parameter)
        self.detail = Detail(config) if config.detail else None
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def attend_within(self, patch_px: int) -> None:
        """Let positions of larger patches attend to those of their square of ``patch_px`` alone, as in training."""
        if isinstance(self.attend, SelfAttention):
            self.attend.side = patch_px // self.config.coarsest

    def forward(
        self,
        x: Images,
        c_noise: PerImage,
        mpp: PerImage,
        guide: Images | None = None,
        c_guide: PerImage | None = None,
        organ: Tensor | None = None,
        style: Tensor | None = None,
    ) -> Images:
        known = mpp if self.config.knows_mpp else torch.ones_like(mpp)
        if c_guide is None:
            c_guide = torch.full_like(mpp, math.log(SIGMA_MAX) / 4)
        condition = self.conditioning(c_noise, known, c_guide, organ, style)
        seen = [x, *(average(x, c_noise, side) for side in self.config.averages)]
        if self.config.told:
            seen.append(torch.zeros_like(x) if guide is None else guide)
        folded = functional.pixel_unshuffle(torch.cat(seen, dim=1), self.config.fold)
        h = self.stem(folded.contiguous(memory_format=torch.channels_last))
        kept = [h]
        levels, blocks = len(self.config.widths), self.config.blocks
        for level in range(levels):
            if level > 0:
                h = self.shrink[level - 1](h)
                kept.append(h)
            for block in range(blocks):
                h = self.down[level * blocks + block](h, condition)
                kept.append(h)
        h = self.attend(self.middle(h, condition))
        for level in range(levels):
            for block in range(blocks + 1):
                h = torch.cat([h, kept.pop()], dim=1)
                h = self.up[level * (blocks + 1) + block](h, condition)
            if level < levels - 1:
                h = functional.pixel_shuffle(self.grow[level](h), 2)
        output = self.head(functional.silu(self.norm(h)))
        output = functional.pixel_shuffle(output, self.config.fold)
        return output if self.detail is None else output + self.detail(x, h, condition)


def with_styles(network: UNet) -> UNet:
    """The same network, to which a style can be told; it heeds none yet."""
    larger = UNet(replace(network.config, styles=LENGTH))
    larger.load_state_dict({n: w.float() for n, w in grown(network, larger).items()})
    return larger


def grown(small: UNet, network: UNet) -> dict[str, Tensor]:
    """Weights with which a larger ``network`` says what a trained ``small`` one does, until it is trained on.

    ``network`` may have inputs, conditions and a detail part that ``small`` lacks; the rest is of the same shape.
    """
    weights = network.state_dict()
    for name, value in small.state_dict().items():
        extra = weights[name].shape[1] - value.shape[1] if value.dim() > 1 else 0
        blind = [0, 0] * (value.dim() - 2) + [0, extra]  # zeros for what is new
        weights[name] = functional.pad(value, blind) if extra else value
    return weights
