"""What the network is trained on: a clean patch, its noise, and what it is told of it.

Everything random of a batch comes from a stream named by (seed, number of its first patch).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from wsigen.arrays import Guides, Images, PerImage
from wsigen.cohorts.patches import PatchSampler
from wsigen.denoiser import Told
from wsigen.guidance import AveragePool
from wsigen.mending import binomial
from wsigen.pixels import to_images
from wsigen.schedule import SIGMA_MAX, lognormal_sigmas
from wsigen.seeds import generator
from wsigen.training.config import TrainConfig
from wsigen.training.drawing import Drawn

Batch = tuple[Tensor, Tensor, Tensor, Tensor]  # clean, noise, sigma, mpp
OVERVIEWS_TOLD = 1 / 3  # how often an overview is told, for each time another patch is


@dataclass(frozen=True)
class Example:
    """A batch: clean and noise (batch, 3, side, side), sigma and mpp (batch,), and what the network is told."""

    clean: Images
    noise: Images
    sigma: PerImage
    mpp: PerImage
    told: Told | None = None

    def shares(self, most: int) -> "list[Example]":
        """The batch in shares of up to ``most``, in order."""
        return [self._part(slice(n, n + most)) for n in range(0, len(self.clean), most)]

    def _part(self, rows: slice) -> "Example":
        told = self.told and Told(
            self.told.image[rows],
            torch.as_tensor(self.told.sigma).expand(len(self.clean))[rows],
            None if self.told.organ is None else self.told.organ[rows],
        )
        return Example(self.clean[rows], self.noise[rows], self.sigma[rows], self.mpp[rows], told)


def told_example(drawn: Drawn, config: TrainConfig, first: int) -> Example:
    """Draw noise for patches, and a guide with noise of its own: y = A z of the patch itself, plus sigma_g n.

    A patch that is not told has sigma_g = ``SIGMA_MAX`` and an empty image.

    Args:
        drawn: the patches.
        config: its ``told_*``, ``organ_share`` and ``sigma_*``.
        first: number of the first patch, which names the stream.
    """
    clean, operator = drawn.clean, AveragePool()
    stream = on_device(clean.device, config.seed, "training noise", first)

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=stream, device=clean.device)

    def uniform() -> Tensor:
        return torch.rand(len(clean), generator=stream, device=clean.device)

    share = torch.where(drawn.overview, config.told_share * OVERVIEWS_TOLD, config.told_share)
    is_told = uniform() < share
    low, high = math.log(config.told_sigma_min), math.log(config.told_sigma_max)
    sigma_g = torch.where(is_told, (low + (high - low) * uniform()).exp(), SIGMA_MAX)
    gauss = normal(len(clean))
    sigma = torch.where(
        is_told,
        lognormal_sigmas(gauss, config.told_sigma_mean, config.told_sigma_std),
        lognormal_sigmas(gauss, config.sigma_mean, config.sigma_std),
    )
    guide = softened(operator(clean), config.told_blur, uniform)
    guide = guide + sigma_g[:, None, None, None] * normal(*guide.shape)
    image = torch.where(is_told[:, None, None, None], operator.enlarged(guide), 0.0)
    organ = torch.where(uniform() < config.organ_share, drawn.organ, 0)
    return Example(clean, normal(*clean.shape), sigma, drawn.mpp, Told(image, sigma_g, organ))


def softened(guide: Guides, blur: float, uniform: Callable[[], Tensor]) -> Guides:
    """The guide, a share ``blur`` of the batch blurred by up to a binomial filter; ``uniform`` draws (batch,)."""
    if not blur:
        return guide
    share = torch.where(uniform() < blur, uniform(), 0.0)
    return torch.lerp(guide, binomial(guide), share[:, None, None, None])


def on_device(device: torch.device, seed: int, *path: str | int) -> torch.Generator:
    """A stream of torch's that is named as `wsigen.seeds.generator`: a processor cannot draw what a GPU trains on.

    Each kind of device has its own numbers for a name.
    """
    number = int(generator(seed, *path).integers(2**63))
    return torch.Generator(device if device.type == "cuda" else "cpu").manual_seed(number)


class TrainingPatches(Dataset[Batch]):
    """Patch number n with its noise, as tensors; all of it named by (seed, n)."""

    def __init__(self, sampler: PatchSampler, config: TrainConfig) -> None:
        self.sampler, self.config = sampler, config

    def __getitem__(self, number: int) -> Batch:
        pixels, mpp = self.sampler.patch(number)
        clean = to_images(pixels)
        stream = generator(self.config.seed, "training noise", number)
        mean = self.config.sigma_mean + self.config.sigma_mean_per_octave * max(math.log2(mpp), 0)
        sigma = lognormal_sigmas(
            torch.tensor(stream.standard_normal()), mean, self.config.sigma_std
        )
        noise = torch.from_numpy(stream.standard_normal(clean.shape, np.float32))
        return clean, noise, sigma.float(), torch.tensor(mpp, dtype=torch.float32)
