"""The training loop: a generator that takes one step at a time and says how it went.

The caller plots, logs, saves and stops. Everything random is named by (seed, images seen), so a run that is
stopped and resumed gives the same weights, bit for bit, as one that was not.
"""

import json
import os
from collections import deque
from collections.abc import Iterator
from contextlib import nullcontext
from copy import deepcopy
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed import get_rank, get_world_size, init_process_group, is_initialized
from torch.nn.parallel import DistributedDataParallel
from torch.optim.swa_utils import AveragedModel
from torch.utils.data import DataLoader

from wsigen.cohorts.patches import PatchSampler
from wsigen.denoiser import EDMDenoiser, keep_as_multiplied
from wsigen.devices import has_fast_bfloat16
from wsigen.errors import WsigenError
from wsigen.loss import denoising_loss
from wsigen.networks.unet import UNet, grown
from wsigen.runs.crew import Crew, one_thread
from wsigen.training.average import PowerAverage
from wsigen.training.config import TrainConfig
from wsigen.training.descent import Descent
from wsigen.training.drawing import Drawer
from wsigen.training.examples import Example, TrainingPatches, told_example
from wsigen.training.progress import Progress, Step
from wsigen.training.weights import read_header, read_safetensors, under, write_safetensors

STATE_FORMAT = "wsigen-training-1"
SHARE = 16  # patches whose gradient a thread computes at once; threads beyond batch_size / SHARE have nothing to do


class Trainer:
    """Network, average and optimiser of a run, and what it takes to go on with it.

    Args:
        config: what to train.
        device: where.
        start: a trained network to start from, which this one may extend; see `wsigen.networks.unet.grown`.
    """

    def __init__(
        self,
        config: TrainConfig,
        device: str = "cpu",
        start: UNet | None = None,
    ) -> None:
        if config.patch_px % config.network.multiple:
            raise WsigenError(
                f"patch_px is {config.patch_px}; expected a whole multiple of {config.network.multiple}, as the "
                "network needs"
            )
        torch.manual_seed(config.seed)
        self.config = config
        self.device = device
        self.images_seen = 0
        self.network = UNet(config.network).to(device)
        if start is not None:
            self.network.load_state_dict(grown(start, self.network))
        self.average = AveragedModel(self.network)
        rule = PowerAverage(config.ema_gamma)
        self.descent = Descent(self.network, self.average, rule, config.clip)

    def train(
        self, sampler: PatchSampler | Drawer, workers: int = 0, *, compiled: bool = False
    ) -> Iterator[Progress]:
        """Train from where the run stands to ``config.images``, one step at a time.

        On a processor a batch is taken in shares, each on one thread; see :meth:`_by_shares`. On a GPU a step is told
        of while the next one runs there, so that it never waits.

        Args:
            sampler: what draws patches.
            workers: processes that read them, for a `PatchSampler`.
            compiled: let torch.compile write the network's kernels before the first step.

        Raises:
            WsigenError: a loss is no number. No step with such a loss changes the weights.
        """
        rank, world = (get_rank(), get_world_size()) if is_initialized() else (0, 1)
        by_shares = world == 1 and self.device == "cpu"
        half = has_fast_bfloat16(self.device)
        network = deepcopy(self.network) if by_shares else self.network
        if by_shares and half:
            keep_as_multiplied(network)
        if compiled:
            network.compile(dynamic=False)
        model: nn.Module = EDMDenoiser(network, self.config.sigma_data, half=half)
        if world > 1:
            model = DistributedDataParallel(model)
        examples = self._examples(sampler, workers, rank, world)
        late = 1 if self.device.startswith("cuda") else 0
        steps = deque[Step]()
        with Crew(self.device) as crew:
            for example in crew.ahead(examples) if workers == 0 else examples:
                with one_thread() if by_shares else nullcontext():
                    steps.append(self.step(model, example, crew if by_shares else None))
                if len(steps) > late:
                    yield steps.popleft().progress()
            for step in steps:
                yield step.progress()

    def step(self, model: nn.Module, example: Example, crew: Crew | None) -> "Step":
        """Take one step; without a crew with the batch as a whole. Nothing here waits for a GPU."""
        rate = learning_rate(self.config, self.images_seen)
        self.network.zero_grad()
        if crew is None:
            loss = self._losses(model, example).mean()
            loss.backward()
        else:
            loss = self._by_shares(model, example, crew)
        norm = self.descent.step(rate, crew)
        self.images_seen += self.config.batch_size
        return Step(self.images_seen, loss.detach(), rate, norm)

    def _losses(self, model: nn.Module, example: Example) -> Tensor:
        return denoising_loss(
            model if example.told is None else partial(model, told=example.told),
            example.clean,
            example.noise,
            example.sigma,
            example.mpp,
            self.config.sigma_data,
        )

    def _by_shares(self, model: nn.Module, example: Example, crew: Crew) -> Tensor:
        """Leave the gradient of a batch in the parameters, and return its loss: both are sums over shares.

        Shares are of a fixed size and are added up in their order, so that any number of threads gives the same bits.

        Args:
            model: of a copy of the network, as it is multiplied: weights are cast once a step, not once a share.
            example: the batch.
            crew: whose threads take a share each.
        """
        copies = list[Tensor](model.parameters())
        self.descent.copy_to(copies, crew)

        def gradient(share: Example) -> tuple[Tensor, tuple[Tensor | None, ...]]:
            loss = self._losses(model, share).sum() / len(example.clean)
            return loss.detach(), torch.autograd.grad(loss, copies, allow_unused=True)

        most = min(SHARE, -(-len(example.clean) // 2))  # two threads both have something to do
        losses, gradients = zip(*crew.each(gradient, example.shares(most)), strict=True)
        self.descent.gather(gradients, crew)
        return sum(losses, torch.zeros(()))

    def _examples(
        self, sampler: PatchSampler | Drawer, workers: int, rank: int, world: int
    ) -> Iterator[Example]:
        """This process's share of every batch, from the first unseen patch on."""
        size = self.config.batch_size
        numbers = (
            range(first + rank, first + size, world)
            for first in range(self.images_seen, self.config.images, size)
        )
        if isinstance(sampler, Drawer):
            for share in numbers:
                yield told_example(sampler.draw(share), self.config, share[0])
            return
        loader = DataLoader(
            TrainingPatches(sampler, self.config),
            batch_sampler=list[Any](numbers),
            num_workers=workers,
            persistent_workers=workers > 0,
            pin_memory=self.device.startswith("cuda"),
        )
        for batch in loader:
            yield Example(*(part.to(self.device, non_blocking=True) for part in batch))

    def save(self, path: Path) -> None:
        """Write everything a run needs to go on, as one safetensors file."""
        tensors = {f"network.{name}": value for name, value in self.network.state_dict().items()}
        tensors |= {f"average.{name}": value for name, value in self.average.state_dict().items()}
        tensors |= {f"optimizer.{name}": value for name, value in self.descent.state().items()}
        header = {
            "format": STATE_FORMAT,
            "config": json.dumps(self.config.as_json()),
            "images_seen": str(self.images_seen),
        }
        write_safetensors(path, {name: t.contiguous().cpu() for name, t in tensors.items()}, header)

    @classmethod
    def resume(cls, path: Path, device: str = "cpu", **changes: Any) -> "Trainer":
        """Go on with a saved run, under its own config but for ``changes`` of its fields."""
        config, images_seen = standing(path, **changes)
        tensors, _ = read_safetensors(path)
        trainer = cls(config, device)
        trainer.images_seen = images_seen
        trainer.network.load_state_dict(under(tensors, "network."))
        trainer.average.load_state_dict(under(tensors, "average."))
        trainer.descent.load(under(tensors, "optimizer."))
        return trainer


def standing(path: Path, **changes: Any) -> tuple[TrainConfig, int]:
    """The config of a saved run, but for ``changes`` of its fields, and the patches that it has seen."""
    header = read_header(path)
    if header.get("format") != STATE_FORMAT:
        raise WsigenError(
            f"{path}: not the state of a training run; expected a training.safetensors"
        )
    config = TrainConfig.from_json(json.loads(header["config"]) | changes)
    return config, int(header["images_seen"])


def learning_rate(config: TrainConfig, images_seen: int) -> float:
    """Linear warm-up, then the inverse square root of the images seen."""
    rise = min(1.0, (images_seen + config.batch_size) / max(config.warmup_images, 1))
    fall = max(1.0, images_seen / config.decay_images) ** -0.5
    return config.learning_rate * rise * fall


def world() -> tuple[int, int]:
    """Rank and number of processes as torchrun gives them; 0 and 1 without it."""
    return int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))


def join_processes(device: str) -> str:
    """Join the processes that torchrun started, if it did; return this one's device."""
    if world()[1] == 1:
        return device
    init_process_group("nccl" if device.startswith("cuda") else "gloo")
    return f"cuda:{os.environ.get('LOCAL_RANK', '0')}" if device.startswith("cuda") else device
