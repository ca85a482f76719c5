"""What a network that knows photographs sees of an image: the maps of EfficientNet-Lite2, which are never trained here.

The features behind scores are those of another network, EfficientNet-Lite0, so that a student is not judged by what it
was taught by; but the two have learnt from the same photographs, see `wsigen.training.critic`.
"""

import torch
from torch import Tensor
from torch.nn import functional

from wsigen.arrays import Images
from wsigen.networks.pretrained import DIVIDED_BY, efficientnet_lite

Maps = list[Tensor]
CHANNELS = (16, 24, 48, 120, 352)  # of the maps
ENLARGED = 2  # nuclei of a few pixels are small beside what photographs show
SCALE = 127.5 / DIVIDED_BY  # what is taken from pixels is nearly the middle of [-1, 1]


class Perception:
    """The last maps of each size: images in, (batch, channels, height / 2^k, width / 2^k) for k = 0 to 4 out.

    Args:
        half: compute in bfloat16.
    """

    def __init__(self, half: bool) -> None:
        self.network, _ = efficientnet_lite(2)
        self.half = half
        blocks = self.network._blocks
        self.ends = [k for k in range(1, len(blocks)) if blocks[k]._depthwise_conv.stride[0] == 2]

    def __call__(self, image: Images) -> Maps:
        """The maps of images in [-1, 1], shape (batch, 3, height, width), sides whole multiples of 16 px."""
        x = functional.interpolate(SCALE * image, scale_factor=float(ENLARGED), mode="bilinear")
        with torch.autocast("cpu", torch.bfloat16, enabled=self.half):
            x = self.network._conv_stem(x.contiguous(memory_format=torch.channels_last))
            x = self.network._swish(self.network._bn0(x))
            maps = []
            for k, block in enumerate(self.network._blocks):
                if k in self.ends:
                    maps.append(x)
                x = block(x)
        return [found.float() for found in (*maps, x)]
