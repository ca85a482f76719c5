"""Whether the crowd of a student's patches is like the crowd of real ones, which no look at a single patch can tell.

A critic that judges patches one by one is pleased by the same good patch again and again. And it learns while the
student does, so that the two go round each other. The maximum mean discrepancy (Gretton et al. 2012; as the loss of a
generator Li et al. 2015) has nothing to learn. Of patches x of the student's and y of real tissue it is

    MMD^2 = E k(x, x') + E k(y, y') - 2 E k(x, y),    k(x, y) = mean over b of 1 / (1 + |x - y|^2 / 2 b)

and it falls fastest where each x goes down the witness  w(x) = E k(x, x') - E k(x, y):  towards what real tissue has
more of, away from its like. KID is an MMD as well, of another kernel and another network's features.

Only patches of like scale and style are compared: a student is told both, and would not have to heed them.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from wsigen.arrays import PerImage
from wsigen.networks.styles import LENGTH
from wsigen.training.perception import CHANNELS, COLOURS
from wsigen.training.upscaling import windows

KERNELS = (0.2, 0.5, 1.0)  # b, where the mean squared distance of two real patches is 2
OF_LIKE_SCALE = 0.35  # how far apart, in ln of micrometres per pixel, patches count as of one scale
OF_LIKE_STYLE = 7.0  # and in style, as of one: two cases are about 14 apart


def described(maps: list[Tensor]) -> Tensor:
    """Means and standard deviations over each patch of a field's maps, shape (patches, 2 x channels of all maps)."""
    places = [windows(found).flatten(2) for found in maps]
    return torch.cat(
        [
            part
            for found in places
            for part in (found.mean(2), (found.var(2, unbiased=False) + 1e-4).sqrt())
        ],
        dim=1,
    )


def evening(seen: Tensor, channels: Sequence[int] = CHANNELS) -> Tensor:
    """What descriptions are multiplied by, so that each number varies as much and each map counts the same.

    The mean squared distance of two of those seen is then 2.

    Args:
        seen: descriptions, (number, 2 x channels of all maps).
        channels: of the maps.
    """
    shares = [torch.full((2 * n,), 1 / (2 * n * len(channels))) for n in channels]
    return torch.cat(shares).sqrt() / (seen.std(0) + 1e-3)


def squared_distances(one: Tensor, other: Tensor) -> Tensor:
    """Squared distances of all rows of one from all of another, shape (rows, rows).

    By one matrix product: gradients through `torch.cdist` take many times as long.
    """
    middle = other.mean(0)  # large numbers that are alike would hide small differences
    a, b = one - middle, other - middle
    return (a.square().sum(1)[:, None] + b.square().sum(1) - 2 * a @ b.T).clamp(min=0)


class Crowd(nn.Module):
    """The last patches of either kind, as :func:`described`, with their scales and styles.

    Args:
        real, made: how many of each are kept.
        channels: of the maps; each map counts the same.
    """

    weight: Tensor

    def __init__(
        self, real: int = 4096, made: int = 1024, channels: tuple[int, ...] = CHANNELS + COLOURS
    ) -> None:
        super().__init__()
        self.channels = channels
        for name, number in (("real", real), ("made", made)):
            self.register_buffer(name, torch.zeros(number, 2 * sum(channels)))
            self.register_buffer(f"{name}_scale", torch.full((number,), torch.inf))  # none yet
            self.register_buffer(f"{name}_style", torch.zeros(number, LENGTH))
        self.register_buffer("weight", torch.ones(2 * sum(channels)))  # of descriptions compared

    @torch.no_grad()
    def remember(self, name: str, patches: Tensor, mpp: PerImage, style: Tensor) -> None:
        """Keep patches of a kind, "real" or "made", and forget as many of the oldest."""
        for buffer, new in (
            (name, patches),
            (f"{name}_scale", mpp.log()),
            (f"{name}_style", style),
        ):
            setattr(self, buffer, torch.cat([self.get_buffer(buffer), new])[len(new) :])
        if name == "real":
            seen = self.get_buffer(name)[self.get_buffer("real_scale").isfinite()]
            self.weight = evening(seen, self.channels)

    def forward(self, patches: Tensor, mpp: PerImage, style: Tensor) -> Tensor:
        """The witness at patches of the student's, shape (patches,): how much more like its own than like real ones."""
        made, real = (self.likeness(patches, mpp, style, name) for name in ("made", "real"))
        return made - real

    def apart(self, made: Tensor, real: Tensor) -> Tensor:
        """Squared distances of patches from those that they should be, shape (patches,)."""
        return ((made - real) * self.weight).square().sum(1)

    def likeness(self, patches: Tensor, mpp: PerImage, style: Tensor, name: str) -> Tensor:
        """Mean of the kernel between each patch and those of a kind that are of about its scale and style."""
        distance = squared_distances(patches * self.weight, self.get_buffer(name) * self.weight)
        kernel = torch.stack([1 / (1 + distance / (2 * b)) for b in KERNELS]).mean(0)
        scale = (mpp.log()[:, None] - self.get_buffer(f"{name}_scale")) / OF_LIKE_SCALE
        styles = torch.cdist(style, self.get_buffer(f"{name}_style")) / OF_LIKE_STYLE
        like = torch.exp(-(scale.square() + styles.square()) / 2)
        return (kernel * like).sum(1) / like.sum(1).clamp(min=1e-3)
