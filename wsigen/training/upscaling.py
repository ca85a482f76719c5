"""What a student is distilled on: patches to be made again from their guides, and how.

Everything random of a batch comes from a stream named by (seed, number of its first patch).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from wsigen.arrays import Guides, Images, PerImage
from wsigen.denoiser import Told
from wsigen.errors import WsigenError
from wsigen.guidance import AveragePool
from wsigen.training.config import check_signs
from wsigen.training.drawing import Drawn
from wsigen.training.examples import on_device, softened

OPERATOR = AveragePool()
WINDOWS = 4  # of a field
WAYS = ("adversarial", "progressive", "consistency", "styled", "slides")


@dataclass(frozen=True)
class DistilConfig:
    """Everything that decides a student but its teacher and the cohort.

    Args:
        way: one of `wsigen.training.ways`; "styled" goes on from a student, "slides" from one that has styles.
        rank: of the difference while it learns.
        kept_rank: of the nearest one that is saved as the student.
        batch_size: patches a step.
        learning_rate, critic_rate: of student and critics.
        alone: patches from which the critics learn before the student does, so that they know what to ask for.
        ema: what is left of the average at each step.
        strength: what the average of an adversarial student is multiplied by when it is saved: the differences it is
            made of go round what critics like, and it is shorter than they are.
        truth, guide, tone: weights of the squared errors of an adversarial student: of its pixels, of averages over
            squares as large as a guide pixel, and of its means over 8 px from those of the guide.
        contrast: weight of the squared error of its :func:`wsigen.training.contrast.contrast`.
        smooth: weight of the steepness of the critic that sees grain.
        guide_sigmas: range of sigma_g, drawn log-uniformly.
        later_sigmas: range of the noise levels of steps after the first, likewise.
        own_share: of fields whose guide is what the student itself makes of a guide twice as coarse, as in a slide.
        mpp_max: the coarsest patches, micrometres per pixel.
        breast_share, breast_only_below: as in `wsigen.training.config.TrainConfig`.
        blur: as in `wsigen.training.config.TrainConfig`.
        style_share: of fields of which a styled student is told the style.
        style_own: up to what share that is the field's own, and for the rest its case's.
        kept: weight of a styled student's squared error on glass, and from what it painted before it was told styles;
            and of another's own slides on glass, from what it painted there.
        style_fields: how many are looked at to find the styles of the cases.
        crowd: weight of the crowd of what is made of the student's own slides.
        slides: painted before the first step; another one follows every ``wsigen.training.distil.PAINT`` steps.
        seed: name of every random stream of the run.
    """

    way: str = "adversarial"
    rank: int = 128
    kept_rank: int = 64
    batch_size: int = 32
    learning_rate: float = 2e-4
    critic_rate: float = 4e-4
    alone: int = 2400
    ema: float = 0.997
    strength: float = 1.12
    truth: float = 0.02
    guide: float = 0.1
    tone: float = 0.3
    contrast: float = 0.005
    smooth: float = 0.1
    guide_sigmas: tuple[float, float] = (0.04, 0.2)
    later_sigmas: tuple[float, float] = (0.1, 0.6)
    own_share: float = 0.5
    mpp_max: float = 64.0
    breast_share: float = 0.3
    breast_only_below: float = 0.0
    blur: float = 0.5
    style_share: float = 0.9
    style_own: float = 0.7
    kept: float = 60.0
    style_fields: int = 9600
    crowd: float = 6.0
    slides: int = 32
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("guide_sigmas", "later_sigmas"):
            object.__setattr__(self, name, tuple(getattr(self, name)))  # JSON gives a list
        if self.way not in WAYS:
            raise WsigenError(f"no way {self.way!r} to distil; expected one of {', '.join(WAYS)}")
        check_signs(
            self,
            positive=(
                "rank",
                "kept_rank",
                "batch_size",
                "style_fields",
                "slides",
                "strength",
                "mpp_max",
            ),
            not_negative=("learning_rate", "critic_rate", "alone", "seed"),
        )
        if self.batch_size % WINDOWS:
            raise WsigenError(
                f"batch_size is {self.batch_size}; expected a whole multiple of {WINDOWS}, the patches of a field"
            )


@dataclass(frozen=True)
class Upscaling:
    """A batch of patches to be made again from their guides.

    Args:
        clean: the truth, (batch, 3, side, side).
        guide: its averages, softened, (batch, 3, side / 2, side / 2).
        guide_noise: standard normal, of the guide's shape.
        guide_sigma: how much of it student and teacher are told, (batch,).
        style: what the student is told of its style, zero for nothing, (batch, ``LENGTH``).
        mpp: micrometres per pixel, (batch,).
        noise, fresh: standard normal, of the truth's shape: of a stage's start, and of a later step.
        later: noise level of that step, (batch,).
        chance: uniform numbers, (batch,).
    """

    clean: Images
    guide: Guides
    guide_noise: Guides
    guide_sigma: PerImage
    style: Tensor
    mpp: PerImage
    noise: Images
    fresh: Images
    later: PerImage
    chance: PerImage

    def __len__(self) -> int:
        return len(self.clean)

    @property
    def told(self) -> Told:
        """What student and teacher are told."""
        shown = self.guide + self.guide_sigma[:, None, None, None] * self.guide_noise
        return Told(OPERATOR.enlarged(shown), self.guide_sigma, style=self.style)

    def each(self, change: Callable[[Tensor], Tensor]) -> "Upscaling":
        """The batch with each of its tensors changed."""
        return Upscaling(*(change(getattr(self, field.name)) for field in fields(self)))

    def part(self, rows: slice) -> "Upscaling":
        """Some of the batch."""
        return self.each(lambda tensor: tensor[rows])

    def shares(self, most: int) -> "list[Upscaling]":
        """The batch in shares of up to ``most``, in order."""
        return [self.part(slice(n, n + most)) for n in range(0, len(self), most)]


def upscaling(
    drawn: Drawn, style: Tensor, config: DistilConfig, first: int
) -> tuple[Upscaling, Upscaling]:
    """Draw guides, their noise and that of the stages for fields of two by two patches.

    Patches are told, denoised and joined as a stage's are: what lies beyond a patch is not seen, and its borders are.

    Args:
        drawn: the fields, (batch / 4, 3, 2 side, 2 side).
        style: that a student can be told of them, (batch / 4, ``LENGTH``).
        config: how to distil.
        first: number of the first field, which names the stream.

    Returns:
        The patches of the fields, four of a field in a row, and the stage before: one patch of each field's averages.
    """
    stream = on_device(drawn.clean.device, config.seed, "distilling", first)

    def normal(like: Tensor) -> Tensor:
        return torch.randn(like.shape, generator=stream, device=like.device)

    def uniform() -> Tensor:
        return torch.rand(len(drawn.clean), generator=stream, device=drawn.clean.device)

    def level(ends: tuple[float, float]) -> PerImage:
        low, high = (math.log(sigma) for sigma in ends)
        return (low + (high - low) * uniform()).exp()

    style = torch.where(uniform()[:, None] < config.style_share, style, 0.0)

    def of(clean: Images, mpp: PerImage) -> Upscaling:
        guide = softened(OPERATOR(clean), config.blur, uniform)
        return Upscaling(
            clean, guide, normal(guide), level(config.guide_sigmas), style, mpp,
            normal(clean), normal(clean), level(config.later_sigmas), uniform(),
        )  # fmt: skip

    return of(drawn.clean, drawn.mpp).each(patches), of(OPERATOR(drawn.clean), 2 * drawn.mpp)


def patches(each: Tensor) -> Tensor:
    """What each field's patches have of a tensor: a window of an image, or the field's own numbers."""
    return windows(each) if each.dim() == 4 else each.repeat_interleave(WINDOWS, 0)


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
