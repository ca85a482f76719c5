"""What a training run tells of each step."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from torch import Tensor

from wsigen.errors import WsigenError

Watch = Callable[[Iterable[int], str], Iterable[int]]  # given steps and what they do; tells of each


def unwatched(steps: Iterable[int], _: str) -> Iterable[int]:
    """The steps, and nothing told of them."""
    return steps


@dataclass(frozen=True)
class Progress:
    """One step: patches seen so far, its loss, the learning rate it took, the norm of its gradient."""

    images_seen: int
    loss: float
    learning_rate: float
    gradient_norm: float


@dataclass(frozen=True)
class Step:
    """One step as the device has it: its loss and the norm of its gradient may not be computed yet."""

    images_seen: int
    loss: Tensor
    learning_rate: float
    gradient_norm: Tensor

    def progress(self) -> Progress:
        """Wait for it; raise WsigenError where loss or gradient are no numbers."""
        loss, norm = float(self.loss), float(self.gradient_norm)
        if not (math.isfinite(loss) and math.isfinite(norm)):
            raise WsigenError(
                f"the loss is {loss} and the gradient {norm} after {self.images_seen} images; resume from the "
                "last checkpoint with a lower --learning-rate"
            )
        return Progress(self.images_seen, loss, self.learning_rate, norm)
