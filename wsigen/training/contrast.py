"""How strong the detail of an image is: what a student that is told a noisy guide loses a little of at every stage.

The best guess of what lies behind noise is paler than the truth, and a slide is guessed from guesses, stage by stage.
So a student is also taught how strong detail has to be, place by place; where it lies is left to the critics. Sajjadi
et al. 2017 (EnhanceNet) match the local statistics of a network's maps to the same end.
"""

import torch
from torch import Tensor
from torch.nn import functional

from wsigen.arrays import Images
from wsigen.training.upscaling import OPERATOR

BANDS = 3  # detail of one pixel, of two and of four
PLACE = 32  # px, side of the squares in which it is measured
LEAST = 0.02  # detail weaker than that is that of glass
# light, pink to blue, green
OPPONENT = ((1 / 3, 1 / 3, 1 / 3), (1.0, 0.0, -1.0), (-0.5, 1.0, -0.5))


def contrast(image: Images) -> Tensor:
    """Logarithm of the mean square of each band of detail, shape (batch, 3 x ``BANDS``, height / 32, width / 32).

        band_k = A^k x - A+ A A^k x

    Args:
        image: in [-1, 1], sides whole multiples of 32 px.
    """
    x = torch.einsum("oc,bchw->bohw", image.new_tensor(OPPONENT), image)
    found = []
    for k in range(BANDS):
        coarser = OPERATOR(x)
        band = x - OPERATOR.pinv(coarser)
        energy = functional.avg_pool2d(band.square(), PLACE >> k)
        found.append((energy + LEAST**2).log())
        x = coarser
    return torch.cat(found, dim=1)
