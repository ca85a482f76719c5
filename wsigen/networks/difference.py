"""The weights of a student as a small difference from its teacher's: of low rank where they are matrices.

    W' = W + B A        B: outputs x rank,  A: rank x inputs        (Hu et al. 2022, "LoRA")
    b' = b + a

B and a begin at zero, so that a student begins as its teacher.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy

import torch
from torch import Tensor, nn

Weights = dict[str, Tensor]


class Difference(nn.Module):
    """B and A for each matrix of a network, and a for each vector.

    Args:
        weights: of the teacher, by name; a convolution counts as the matrix of all that an output sees.
        rank: of B A, or less where the matrix is smaller.
    """

    def __init__(self, weights: Mapping[str, Tensor], rank: int) -> None:
        super().__init__()
        self.names = list(weights)
        self.left, self.right = nn.ParameterDict(), nn.ParameterDict()
        for name, weight in weights.items():
            key, inputs = _key(name), weight[0].numel()
            if weight.dim() == 1:
                self.left[key] = torch.zeros(len(weight))
                continue
            narrow = min(rank, len(weight), inputs)
            self.left[key] = torch.zeros(len(weight), narrow)
            self.right[key] = torch.randn(narrow, inputs) / math.sqrt(inputs)

    @property
    def rank(self) -> int:
        """The largest rank there is."""
        return max(matrix.shape[0] for matrix in self.right.values())

    def of(self, parts: Sequence[str]) -> list[nn.Parameter]:
        """The parameters of the layers in whose names one of these words stands."""
        return [
            parameter
            for name, parameter in self.named_parameters()
            if any(part in name.split(".")[1].split("/") for part in parts)
        ]

    @torch.no_grad()
    def applied(self, weights: Mapping[str, Tensor]) -> Weights:
        """The student's weights, from the teacher's."""
        return {name: weights[name] + self._of(_key(name), weights[name]) for name in self.names}

    def times(self, factor: float) -> Weights:
        """The state of a difference so many times as large."""
        return {
            name: factor * value if name.startswith("left.") else value
            for name, value in self.state_dict().items()
        }

    @torch.no_grad()
    def take(self, other: "Difference", times: float = 1.0) -> None:
        """Become so many times another difference, of no higher rank; what this one has more begins at zero again."""
        for key, left in other.left.items():
            self.left[key].zero_()
            self.left[key][..., : left.shape[-1]] = times * left
            if key in other.right:
                self.right[key][: left.shape[-1]] = other.right[key]

    @torch.no_grad()
    def nearest(self, rank: int) -> "Difference":
        """The nearest difference of at most this rank: its first singular vectors (Eckart and Young 1936)."""
        found = deepcopy(self)
        for key, right in self.right.items():
            u, s, v = torch.linalg.svd(self.left[key] @ right, full_matrices=False)
            found.left[key] = (u[:, :rank] * s[:rank]).contiguous()
            found.right[key] = v[:rank].contiguous()
        return found

    def _of(self, key: str, weight: Tensor) -> Tensor:
        left = self.left[key]
        return (left @ self.right[key]).view_as(weight) if key in self.right else left

    @torch.no_grad()
    def take_gradients(self, found: Iterable[Tensor | None]) -> None:
        """Leave in B, A and a the gradients that follow from those of the student's weights, in their order.

        dL/dB = (dL/dW') A^T,  dL/dA = B^T (dL/dW'). So the network itself is run as it is, with plain weights.
        """
        for name, gradient in zip(self.names, found, strict=True):
            key = _key(name)
            left = self.left[key]
            if gradient is None:
                left.grad = None
            elif key not in self.right:
                left.grad = gradient.float()
            else:
                right, matrix = self.right[key], gradient.float().flatten(1)
                left.grad, right.grad = matrix @ right.T, left.T @ matrix


def _key(name: str) -> str:
    """A name that torch allows for a parameter."""
    return name.replace(".", "/")
