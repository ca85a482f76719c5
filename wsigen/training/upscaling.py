"""What a student is distilled on: patches to be made again from their guides, and how.

Everything random of a batch comes from a stream named by (seed, number of its first patch).
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from wsigen.arrays import Guides, Images, PerImage
from wsigen.denoiser import Told
from wsigen.errors import WsigenError
from wsigen.guidance import AveragePool
from wsigen.training.drawing import Drawn
from wsigen.training.examples import on_device, softened

WINDOWS = 4  # of a field
WAYS = ("adversarial", "progressive", "consistency")


@dataclass(frozen=True)
class DistilConfig:
    """Everything that decides a student but its teacher and the cohort.

    Args:
        way: "adversarial", "progressive" or "consistency".
        rank: of the difference.
        batch_size: patches a step.
        learning_rate, critic_rate: of student and critic.
        ema: what is left of the average at each step.
        truth, guide, tone: weights of the squared errors of an adversarial student: of its pixels, of averages over
            squares as large as a guide pixel, and of its means over 8 px from those of the guide.
        smooth: weight of the critic's steepness.
        guide_sigmas: range of sigma_g, drawn log-uniformly.
        later_sigmas: range of the noise levels of steps after the first, likewise.
        blur, organ_share: as in `wsigen.training.config.TrainConfig`.
        seed: name of every random stream of the run.
    """

    way: str = "adversarial"
    rank: int = 16
    batch_size: int = 16
    learning_rate: float = 3e-4
    critic_rate: float = 4e-4
    ema: float = 0.995
    truth: float = 0.2
    guide: float = 1.0
    tone: float = 0.3
    smooth: float = 0.1
    guide_sigmas: tuple[float, float] = (0.05, 0.3)
    later_sigmas: tuple[float, float] = (0.1, 0.6)
    blur: float = 0.5
    organ_share: float = 0.6
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("guide_sigmas", "later_sigmas"):
            object.__setattr__(self, name, tuple(getattr(self, name)))  # JSON gives a list
        if self.way not in WAYS:
            raise WsigenError(f"no way {self.way!r} to distil; expected one of {', '.join(WAYS)}")


@dataclass(frozen=True)
class Upscaling:
    """A batch of patches to be made again from their guides, four of a field in a row.

    Args:
        clean: the truth, (batch, 3, side, side).
        guide: its averages, softened, (batch, 3, side / 2, side / 2).
        told: what student and teacher are told of it.
        mpp: micrometres per pixel, (batch,).
        noise, fresh: standard normal, of the truth's shape: of a stage's start, and of a later step.
        later: noise level of that step, (batch,).
        chance: uniform numbers, (batch,).
    """

    clean: Images
    guide: Guides
    told: Told
    mpp: PerImage
    noise: Images
    fresh: Images
    later: PerImage
    chance: PerImage

    def __len__(self) -> int:
        return len(self.clean)

    def part(self, rows: slice) -> "Upscaling":
        """Some of the batch."""
        organ, sigma = self.told.organ, torch.as_tensor(self.told.sigma)
        some = Told(self.told.image[rows], sigma[rows], None if organ is None else organ[rows])
        return Upscaling(
            self.clean[rows], self.guide[rows], some, self.mpp[rows], self.noise[rows],
            self.fresh[rows], self.later[rows], self.chance[rows],
        )  # fmt: skip

    def shares(self, most: int) -> "list[Upscaling]":
        """The batch in shares of up to ``most``, in order."""
        return [self.part(slice(n, n + most)) for n in range(0, len(self), most)]


def upscaling(drawn: Drawn, config: DistilConfig, first: int) -> Upscaling:
    """Draw guides, their noise and that of the stages for fields of two by two patches.

    Patches are told, denoised and joined as a stage's are: what lies beyond a patch is not seen, and its borders are.

    Args:
        drawn: the fields, (batch / 4, 3, 2 side, 2 side).
        config: how to distil.
        first: number of the first field, which names the stream.
    """
    fields, operator = drawn.clean, AveragePool()
    stream = on_device(fields.device, config.seed, "distilling", first)

    def normal(like: Tensor) -> Tensor:
        return torch.randn(like.shape, generator=stream, device=fields.device)

    def uniform() -> Tensor:
        return torch.rand(len(fields), generator=stream, device=fields.device)

    guide = windows(softened(operator(fields), config.blur, uniform))

    def level(ends: tuple[float, float]) -> PerImage:
        low, high = (math.log(sigma) for sigma in ends)
        return (low + (high - low) * uniform()).exp()

    sigma_g, later = level(config.guide_sigmas), level(config.later_sigmas)
    organ = torch.where(uniform() < config.organ_share, drawn.organ, 0)
    sigma_g, organ, mpp, later, chance = (
        each.repeat_interleave(WINDOWS) for each in (sigma_g, organ, drawn.mpp, later, uniform())
    )
    shown = operator.enlarged(guide + sigma_g[:, None, None, None] * normal(guide))
    clean = windows(fields)
    about = Told(shown, sigma_g, organ)
    return Upscaling(clean, guide, about, mpp, normal(clean), normal(clean), later, chance)


def windows(fields: Tensor) -> Tensor:
    """The two by two patches of each field, (4 batch, channels, height / 2, width / 2), row by row."""
    batch, channels, height, width = fields.shape
    cut = fields.view(batch, channels, 2, height // 2, 2, width // 2)
    return cut.permute(0, 2, 4, 1, 3, 5).reshape(-1, channels, height // 2, width // 2)


def joined(patches: Tensor) -> Tensor:
    """The fields that patches are of: the inverse of :func:`windows`."""
    number, channels, height, width = patches.shape
    cut = patches.view(number // WINDOWS, 2, 2, channels, height, width)
    return cut.permute(0, 3, 1, 4, 2, 5).reshape(-1, channels, 2 * height, 2 * width)
