"""The average of a network's weights over the last part of a run."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class PowerAverage:
    """average <- beta average + (1 - beta) new, beta = (1 - 1/t)^(gamma + 1) at the t-th update.

    The power-function average of Karras et al. 2024 (EDM2, Eq. 1): its length is a share of the run.
    """

    gamma: float

    def beta(self, updates: Tensor | int) -> float:
        """What is left of the average at an update."""
        return float((1 - 1 / (float(updates) + 1)) ** (self.gamma + 1))

    def __call__(self, average: Tensor, new: Tensor, updates: Tensor | int) -> Tensor:
        return torch.lerp(new, average, self.beta(updates))


@torch.no_grad()
def follow(averages: list[Tensor], news: list[Tensor], beta: float) -> None:
    """Draw averages after new weights, all in one call; ``beta`` is what is left of them, 0 at the first update.

    `AveragedModel.update_parameters` sends the number of updates to a GPU and back, once for each weight.
    """
    torch._foreach_lerp_(averages, news, 1 - beta)
