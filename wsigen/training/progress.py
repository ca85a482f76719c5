"""What a training run tells of each step."""

import math
from dataclasses import dataclass

from torch import Tensor

from wsigen.errors import WsigenError


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
