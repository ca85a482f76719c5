"""What is seen of an image: the maps of a network that knows photographs, never trained here, and its colours.

The network is EfficientNet-Lite2. It has learnt to see through colours, so how they go together has maps of its own:
nuclei are bluer than what lies around them, by how much is a stain's, and a student that keeps to one hue pleases the
network.

The features behind scores are those of another network, EfficientNet-Lite0, so that a student is not judged by what it
was taught by; but the two have learnt from the same photographs, see `wsigen.training.critic`.
"""

from itertools import combinations_with_replacement

import torch
from torch import Tensor
from torch.nn import functional

from wsigen.arrays import Images
from wsigen.networks.pretrained import DIVIDED_BY, efficientnet_lite
from wsigen.pixels import GREY

Maps = list[Tensor]
CHANNELS = (16, 24, 48, 120, 352)  # of the maps
ENLARGED = 2  # nuclei of a few pixels are small beside what photographs show
# light, red against green, yellow against blue; each varies by about one in tissue
AXES = ((1.3, 1.3, 1.3), (6.0, -6.0, 0.0), (3.0, 3.0, -6.0))
PRODUCTS = tuple(combinations_with_replacement(range(3), 2))
SQUARES = (1, 4)  # pixels; sides of what is averaged first: detail, and about a nucleus at 2 um/px
COLOURS = (len(PRODUCTS),) * len(SQUARES)  # channels of these maps
GLASS = 0.7  # pixels below are tissue
SCALE = GREY / DIVIDED_BY  # what is taken from pixels is nearly the middle of [-1, 1]


class Perception:
    """The network's last maps of each size, (batch, channels, height / 2^k, width / 2^k) for k = 0 to 4, and colours.

    Args:
        half: compute in bfloat16.
    """

    def __init__(self, half: bool) -> None:
        self.network, _ = efficientnet_lite(2)
        self.half = half
        blocks = self.network._blocks
        self.ends = [k for k in range(1, len(blocks)) if blocks[k]._depthwise_conv.stride[0] == 2]

    def __call__(self, image: Images) -> Maps:
        """The maps of fields in [-1, 1], shape (batch, 3, height, width), sides whole multiples of 16 px."""
        x = functional.interpolate(SCALE * image, scale_factor=float(ENLARGED), mode="bilinear")
        with torch.autocast("cpu", torch.bfloat16, enabled=self.half):
            x = self.network._conv_stem(x.contiguous(memory_format=torch.channels_last))
            x = self.network._swish(self.network._bn0(x))
            maps = []
            for k, block in enumerate(self.network._blocks):
                if k in self.ends:
                    maps.append(x)
                x = block(x)
        return [found.float() for found in (*maps, x)] + [colours(image, k) for k in SQUARES]


def shown(images: Images) -> Tensor:
    """1 where images show tissue, 0 on glass, shape (batch, 1, height, width)."""
    return (images.amin(1, keepdim=True) < GLASS).float()


def colours(fields: Images, square: int) -> Tensor:
    """How colours go together: products of two axes' distances from their mean over the tissue of a patch.

    Their means are covariances.

    Args:
        fields: of two by two patches, (batch, 3, height, width).
        square: side of squares in pixels that are averaged first.

    Returns:
        Shape (batch, 6, height / square, width / square); zero on glass.
    """
    fields = functional.avg_pool2d(fields, square)
    patch = (fields.shape[2] // 2, fields.shape[3] // 2)
    tissue = shown(fields)
    mixed = torch.einsum("ac,bchw->bahw", fields.new_tensor(AXES), fields)
    mean = functional.avg_pool2d(tissue * mixed, patch) / functional.avg_pool2d(
        tissue, patch
    ).clamp(min=1e-3)
    away = tissue * (mixed - functional.interpolate(mean, scale_factor=patch))
    return torch.stack([away[:, i] * away[:, j] for i, j in PRODUCTS], dim=1)
