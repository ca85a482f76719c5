"""What the U-Net is made of: normalisation pixel by pixel, residual blocks, attention."""

import torch
from torch import Tensor, nn
from torch.nn import functional


class PixelNorm(nn.Module):
    """Normalise each pixel's channel vector to mean 0 and variance 1."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels

    def forward(self, x: Tensor) -> Tensor:
        last = x.permute(0, 2, 3, 1)  # free in channels-last memory
        return functional.layer_norm(last, (self.channels,)).permute(0, 3, 1, 2)


def normalisation(kind: str, channels: int) -> nn.Module:
    """Return the layer named by ``UNetConfig.norm``; it has no parameters, the conditions scale and shift."""
    return PixelNorm(channels) if kind == "pixel" else nn.GroupNorm(8, channels, affine=False)


class ResidualBlock(nn.Module):
    """x + conv(silu(scale * norm(conv(silu(norm(x)))) + shift)), scale and shift from the conditions."""

    def __init__(self, inputs: int, outputs: int, condition_channels: int, norm: str) -> None:
        super().__init__()
        self.norm1 = normalisation(norm, inputs)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.affine = nn.Linear(condition_channels, 2 * outputs)
        self.norm2 = normalisation(norm, outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.skip = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else nn.Identity()
        nn.init.zeros_(self.conv2.weight)  # each block starts as the identity
        nn.init.zeros_(self.affine.weight)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        scale, shift = self.affine(condition)[:, :, None, None].chunk(2, dim=1)
        h = self.conv1(functional.silu(self.norm1(x)))
        h = torch.addcmul(shift, self.norm2(h), 1 + scale)
        return self.skip(x) + self.conv2(functional.silu(h))


class SelfAttention(nn.Module):
    """Every position of the coarsest map attends to every other, or to those of its square.

    Attention among more positions than it was trained for is spread more thinly. In squares a larger map is but many
    of the kind that it knows.

    Attributes:
        side: of the squares in positions, for maps that are cut into whole ones; 0 for one square, the map.
    """

    def __init__(self, channels: int, norm: str, head_channels: int = 64) -> None:
        super().__init__()
        self.side = 0
        self.heads = max(1, channels // head_channels)
        self.norm = normalisation(norm, channels)
        self.qkv = nn.Conv2d(channels, 3 * channels, 1)
        self.out = nn.Conv2d(channels, channels, 1)
        nn.init.zeros_(self.out.weight)

    def forward(self, x: Tensor) -> Tensor:
        _, _, height, width = x.shape
        qkv = self.qkv(self.norm(x))
        side = self.side
        if not side or height % side or width % side or height == width == side:
            return x + self.out(self._mixed(qkv))
        rows, columns = height // side, width // side
        squares = qkv.unflatten(2, (rows, side)).unflatten(4, (columns, side))
        mixed = self._mixed(squares.permute(0, 2, 4, 1, 3, 5).flatten(0, 2))
        mixed = mixed.unflatten(0, (-1, rows, columns)).permute(0, 3, 1, 4, 2, 5)
        return x + self.out(mixed.reshape(x.shape))

    def _mixed(self, qkv: Tensor) -> Tensor:
        """The values of every position of a square, as it attends to the others."""
        batch, _, height, width = qkv.shape
        query, key, value = (
            qkv.reshape(batch, 3, self.heads, -1, height * width).transpose(-1, -2).unbind(1)
        )
        mixed = functional.scaled_dot_product_attention(query, key, value)
        return mixed.transpose(-1, -2).reshape(batch, -1, height, width)
