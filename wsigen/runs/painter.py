"""What a run hands on from function to function: the denoiser, and how a slide is painted with it."""

import math
from dataclasses import dataclass, field, replace
from typing import Self

import torch

from wsigen.arrays import Denoiser
from wsigen.errors import WsigenError
from wsigen.guidance import Autoguided
from wsigen.plan import PAPER, StagePlan


@dataclass(frozen=True)
class Painter:
    """A denoiser with all that decides what slide it makes.

    Args:
        denoiser: D of Eq. 6.
        plan: how the stages are run.
        patch_px: side of the patches.
        seed: name of the slide; with the stage it names all noise and every shift.
        batch_size: patches of this side denoised together, of larger ones fewer; changes speed, not the slide.
        background: value of the empty slide, -1 to 1.
        drawing: which drawing of the overview, 0 the first; see :mod:`wsigen.zoom.overview`.
    """

    denoiser: Denoiser = field(repr=False)
    plan: StagePlan = PAPER
    patch_px: int = 64
    seed: int = 0
    batch_size: int = 32
    background: float = 1.0
    drawing: int = 0

    @property
    def device(self) -> torch.device:
        """Where the denoiser runs."""
        return device_of(self.denoiser)

    def at(self, index: int, mpp: float = 0.0) -> StagePlan:
        """The plan of one stage, see `StagePlan.at`; of an overview that the denoiser draws itself unguided.

        It does where it has no model for overviews, or one that does not know the scale.
        """
        own = self.plan.at(index, mpp)
        if index > 0 or not own.guide_strength:
            return own
        other = getattr(self.denoiser, "overview", None)
        return own if other and other.knows(mpp) else replace(own, guide_strength=0.0)

    def for_stage(self, own: StagePlan) -> Self:
        """The painter of a stage by its own plan, see :meth:`at`: its student or overview model may denoise.

        Raises:
            WsigenError: the plan asks for a student, and there is none.
        """
        if own.factor == 1 and own.guide_strength:
            return replace(
                self,
                plan=own,
                denoiser=Autoguided(
                    self.denoiser.overview,  # type: ignore[attr-defined]  # it has one
                    self.denoiser,
                    own.guide_strength,
                    own.guide_strength_sigma,
                ),
            )
        if own.solver != "student":
            return replace(self, plan=own)
        student = getattr(self.denoiser, "student", None)
        if student is None:
            raise WsigenError(
                "this model has no student, which the solver student asks; choose another --plan, or a model with one"
            )
        return replace(self, plan=own, denoiser=student)

    def style(self, mpp: float) -> torch.Tensor | None:
        """The slide's style at a scale, shape (1, length), where the denoiser knows styles."""
        styles = getattr(self.denoiser, "styles", None)
        return None if styles is None else styles.of(self.seed, mpp).to(self.device)

    @property
    def guide_margin(self) -> int:
        """How far round a patch empty glass is looked for, in pixels of the guide."""
        return math.ceil((self.plan.skip_background or 0) * self.patch_px / self.plan.factor)


def device_of(denoiser: Denoiser, guide: torch.Tensor | None = None) -> torch.device:
    """The device of a denoiser's weights; where it has none, that of the guide, or the CPU."""
    if isinstance(denoiser, torch.nn.Module):
        for parameter in denoiser.parameters():
            return parameter.device
    return guide.device if guide is not None else torch.device("cpu")
