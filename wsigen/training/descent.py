"""What a step does to each weight: add up the gradients of shares, clip them, Adam, and the average.

It is done part by part of the weights, so that the threads of a crew share it: one thread alone would keep the others
waiting for a tenth of a step. What becomes of a weight does not depend on which thread it was.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from wsigen.runs.crew import Crew
from wsigen.training.average import PowerAverage, follow

Result = TypeVar("Result")
PART = 1_000_000  # weights; a GPU is faster with all in one call


class Part:
    """Some of a network's parameters with their averages and their Adam.

    Args:
        numbers: which parameters.
        parameters, averages: of the whole network.
    """

    def __init__(
        self, numbers: Sequence[int], parameters: Sequence[Tensor], averages: Sequence[Tensor]
    ) -> None:
        self.numbers = numbers
        self.parameters = [parameters[number] for number in numbers]
        self.averages = [averages[number] for number in numbers]
        self.adam = torch.optim.Adam(self.parameters, betas=(0.9, 0.99), fused=True)

    @torch.no_grad()
    def copy_to(self, copies: Sequence[Tensor]) -> None:
        """Write the weights into copies of the network's."""
        torch._foreach_copy_([copies[number] for number in self.numbers], self.parameters)

    def gather(self, shares: Sequence[Sequence[Tensor | None]]) -> None:
        """Add up the gradients of shares in their order; None is where a share has none."""
        for number, parameter in zip(self.numbers, self.parameters, strict=True):
            for gradients in shares:
                part, before = gradients[number], parameter.grad
                if part is not None:
                    parameter.grad = part.float() if before is None else before.add_(part)

    def norm(self) -> Tensor:
        """The norm of its gradient."""
        return nn.utils.get_total_norm([p.grad for p in self.parameters if p.grad is not None])

    def step(self, norm: Tensor, clip: float, rate: float, beta: float) -> None:
        """Take a step: ``norm`` is that of the whole gradient, ``clip`` the most of it that is taken."""
        if norm.device.type != "cpu" or norm > clip:  # a GPU is not waited for to learn its norm
            nn.utils.clip_grads_with_norm_(self.parameters, clip, norm)
        for group in self.adam.param_groups:
            group["lr"] = rate
        # as a gradient scaler tells it: the step is left out where a gradient is no number
        self.adam.found_inf = (~norm.isfinite()).float()  # type: ignore[attr-defined]
        self.adam.step()
        follow(self.averages, self.parameters, beta)


class Descent:
    """The optimiser of a network and of the average that follows it. Its methods are given a crew, or None.

    Args:
        network: what is trained, on its device.
        average: follows it.
        rule: how.
        clip: norm beyond which a gradient is shortened.
    """

    def __init__(
        self, network: nn.Module, average: AveragedModel, rule: PowerAverage, clip: float
    ) -> None:
        self.average, self.rule, self.clip = average, rule, clip
        self.parameters = list[Tensor](network.parameters())
        sizes = [parameter.numel() for parameter in self.parameters]
        dealt = sorted(
            range(len(sizes)), key=lambda number: sizes[number]
        )  # parts of about one size
        on_processor = self.parameters[0].device.type == "cpu"
        many = min(-(-sum(sizes) // PART), len(sizes)) if on_processor else 1
        averages = list[Tensor](average.parameters())
        self.parts = [Part(dealt[n::many], self.parameters, averages) for n in range(many)]

    def copy_to(self, copies: Sequence[Tensor], crew: Crew | None) -> None:
        """Write the weights into copies of the parameters, which may be of another precision."""
        self._each(lambda part: part.copy_to(copies), crew)

    def gather(self, shares: Sequence[Sequence[Tensor | None]], crew: Crew | None) -> None:
        """Leave the sum of the gradients of shares, one for each parameter or None, in the parameters."""
        self._each(lambda part: part.gather(shares), crew)

    def step(self, rate: float, crew: Crew | None) -> Tensor:
        """Take a step down the gradient in the parameters; return its norm before it was clipped."""
        norm = torch.linalg.vector_norm(torch.stack(self._each(Part.norm, crew)))
        beta = self.rule.beta(int(self.average.n_averaged))
        self._each(lambda part: part.step(norm, self.clip, rate, beta), crew)
        self.average.n_averaged += 1
        return norm

    def _each(self, work: Callable[[Part], Result], crew: Crew | None) -> list[Result]:
        return [work(part) for part in self.parts] if crew is None else crew.each(work, self.parts)

    def state(self) -> dict[str, Tensor]:
        """What Adam knows, by the number of the parameter and Adam's name for it."""
        return {
            f"{number}.{name}": value
            for part in self.parts
            for number, parameter in zip(part.numbers, part.parameters, strict=True)
            for name, value in part.adam.state[parameter].items()
        }

    def load(self, state: dict[str, Tensor]) -> None:
        """Go on with what :meth:`state` gave."""
        owner = {number: part.adam for part in self.parts for number in part.numbers}
        for key, value in state.items():
            number, name = key.split(".")
            parameter = self.parameters[int(number)]
            # the fused step wants the memory layout of the parameter
            like = value.to(parameter.device) if name == "step" else torch.empty_like(parameter)
            owner[int(number)].state[parameter][name] = like.copy_(value)
