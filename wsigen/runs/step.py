"""A step of Algorithm 1 in some patches of a stage: what the network is asked for them, and what it costs."""

from collections.abc import Sequence
from functools import partial

import torch

from wsigen.arrays import Denoiser, Guides, Images
from wsigen.grid import Window
from wsigen.guidance import guided_step, told, toned
from wsigen.mending import mended
from wsigen.runs.background import Skipped, is_background, sparing, tone
from wsigen.runs.canvas import drawn_together
from wsigen.runs.plane import StagePlane
from wsigen.runs.progress import Spent
from wsigen.sampler import sample, take_step


class StageStep(StagePlane):
    """A stage whose patches can take its steps; where they come from and go to is for others to say."""

    def stepped(
        self, i: int, x: Images, batch: Sequence[Window], previous: Images | None, spent: Spent
    ) -> tuple[Images, Images | None]:
        """Step ``i`` in some patches; the overview has no guide.

        Args:
            i: the step.
            x: them at its noise level, shape (batch, 3, height, width).
            batch: their windows.
            previous: the estimate of the step before, for "2m".
            spent: what it costs is counted there.

        Returns:
            x at the next level, and with "2m" this step's estimate.
        """
        guides = None if self.guide is None else self.guide_of(batch)
        denoiser, skipped = self.asked(i, batch, guides)
        spent.skipped += skipped
        spent.evaluations += (len(batch) - skipped) * self.evaluations_at(i)
        noise = self.fresh_noise(i + 1, batch) if self.plan.solver == "student" else None
        with torch.no_grad():
            if self.at_once is not None:
                levels, solver = self.at_once.sigmas(), self.at_once.solver
                return sample(denoiser, x, levels, self.stage.mpp, solver=solver), None
            if guides is None:
                sigma, sigma_next = float(self.sigmas[i]), float(self.sigmas[i + 1])
                before = None if previous is None else (previous, float(self.sigmas[i - 1]))
                return take_step(
                    self.plan.solver, denoiser, x, sigma, sigma_next, self.stage.mpp, before, noise
                )
            return guided_step(
                denoiser,
                x,
                guides,
                i,
                self.sigmas,
                self.stage.mpp,
                guided_steps=self.plan.guided_steps,
                operator=self.operator,
                solver=self.plan.solver,
                previous=previous,
                noise=noise,
            )

    def evaluations_at(self, i: int) -> int:
        """Evaluations, of patches of the model's side, that step ``i`` spends on a patch that is not empty."""
        if self.at_once is not None:
            return self.at_once.evaluations
        return self.plan.cost_at(i)

    def asked(self, i: int, batch: Sequence[Window], guides: Guides | None) -> tuple[Denoiser, int]:
        """The denoiser for some patches with their guides, and how many are empty glass that it is not asked for."""
        plan, denoiser = self.plan, self.painter.denoiser
        mend = plan.guide_sigma is not None and i + 1 == self.num_steps  # else noise is to come
        if guides is None:
            return mended(denoiser) if mend else denoiser, 0
        skipped = self.empty(batch, guides)
        number = int(skipped.sum())
        if plan.guide_sigma is not None and number < len(batch):
            kept = [w for w, empty in zip(batch, skipped.tolist(), strict=True) if not empty]
            theirs = guides if number == 0 else guides[~skipped]
            denoiser = told(  # the plane has seen to it that it can be
                denoiser, self.shown(kept, theirs), plan.guide_strength, plan.guide_strength_sigma
            )
            denoiser = mended(denoiser) if mend else denoiser
            if plan.tone_px:  # at last: what is mended keeps the guide's tone, too
                denoiser = toned(denoiser, theirs, self.operator, plan.tone_px)
        if number == 0:
            return denoiser, 0
        glass = tone(guides[skipped], plan.factor)
        return sparing(denoiser, skipped.to(self.device), glass), number

    def empty(self, windows: Sequence[Window], guides: Guides | None = None) -> Skipped:
        """Which windows, as they are seen, are empty glass by their guides, and so not evaluated."""
        plan, margin = self.plan, self.painter.guide_margin
        if self.guide is None or plan.skip_background is None:
            return torch.zeros(len(windows), dtype=torch.bool)
        if guides is None or margin:
            guides = self.guide.read([w.reduced(plan.factor).grown(margin) for w in windows])
        return is_background(guides, self.painter.background).cpu()

    def fresh_noise(self, i: int, batch: Sequence[Window]) -> Images | None:
        """The noise that a student's estimates get before step ``i``; none after the last."""
        if i == self.num_steps:
            return None
        kind = f"noise of step {i}"
        return drawn_together(partial(self.noise, kind=kind), batch)
