"""The canvases of a stage: what its patches read before a step and write after it, and the image they end in.

Between two steps a stage is nothing but its canvases: "x", the image at the noise level of the step, and with the
solver "2m" also "u", the estimate of the step before. Where they lie, and what is kept of them for a resumed run, is
the matter of a :class:`State`; what a step does to a patch, of :class:`wsigen.runs.step.StageStep`.
"""

from collections.abc import Sequence

import torch

from wsigen.arrays import Images
from wsigen.grid import Window
from wsigen.runs.canvas import Canvas, Image, drawn_together
from wsigen.runs.fade import Fading
from wsigen.runs.kept import Key
from wsigen.runs.plane import fading_px
from wsigen.runs.progress import Spent
from wsigen.runs.state import State, unit
from wsigen.runs.step import StageStep

ROWS = 256  # that are joined at once


class StageCanvases(StageStep):
    """A stage with somewhere to read its patches from and to write them to.

    Attributes:
        state: where the canvases lie.
        spent: what the stage has cost so far.
    """

    state: State
    spent: Spent

    def fading(self, i: int) -> int:
        """How far the patches of step ``i`` reach beyond what is their own."""
        return fading_px(self.painter, self.stage, i)

    def moved(self, i: int, batch: Sequence[Window], spent: Spent | None = None) -> Images:
        """Some patches after step ``i``: what is seen of each takes it; of the margin what fades is left."""
        seen = [self.seen(window) for window in batch]
        x = self.step(i, self.read(i, seen), seen, spent)
        return within_margin(x, (seen[0].height - batch[0].height) // 2 - self.fading(i))

    def key(self, i: int, name: str, window: Window) -> Key:
        """What a patch of a canvas as it stands before step ``i`` is kept by."""
        return Key(self.painter.seed, self.stage.index, i, name, window.top, window.left)

    def written(self, i: int) -> tuple[str, ...]:
        """Names of the canvases that step ``i`` writes and somebody reads."""
        return self.canvases if i + 1 < self.num_steps else ("x",)

    def read(self, i: int, batch: Sequence[Window]) -> Images:
        """Return x at the noise level of step ``i``: at first noise that no one has written down."""
        if i > 0:
            return self.canvas(i).read(batch).to(self.device)
        return drawn_together(self.start, batch)

    def step(
        self, i: int, x: Images, batch: Sequence[Window], spent: Spent | None = None
    ) -> Images:
        """Step ``i`` in some patches, counted in ``spent``, or the run's; what "2m" remembers of it is written down."""
        remembers = self.plan.solver == "2m" and i > 0
        previous = self.canvas(i, "u").read(batch).to(self.device) if remembers else None
        x, u = self.stepped(i, x, batch, previous, spent or self.spent)
        if u is not None and "u" in self.written(i):
            canvas, margin = self.canvas(i + 1, "u"), (batch[0].height - self.grid(i).patch_px) // 2
            own = [window.grown(-margin) for window in batch]
            canvas.write(own, within_margin(u, margin).to(canvas.image.device))
        return x

    def write(self, i: int, batch: Sequence[Window], x: Images) -> None:
        """Put x, now at the noise level of step ``i``, back; the clean image keeps to [-1, 1]."""
        canvas = self.canvas(i)
        if self.plan.rim:
            x = torch.stack(
                [self.rimmed(i, one, window) for one, window in zip(x, batch, strict=True)]
            )
        canvas.write(batch, (x.clamp_(-1, 1) if i == self.num_steps else x).to(canvas.image.device))

    def canvas(self, i: int, name: str = "x") -> Canvas:
        """A canvas as it stands before step ``i``; beyond its edge lies background with the step's noise."""
        sigma = float(self.sigmas[i]) if name == "x" else 0.0  # an estimate has no noise
        image = self.state.image(name, i)

        def outside(window: Window) -> Image:
            return self.glass(window, sigma, image.device)

        canvas = Canvas(
            image,
            self.plan.boundary,
            outside,
            plane=(self.stage.height, self.stage.width),
            corner=(self.region.top, self.region.left),
            unit=unit(sigma, self.state.half),
        )
        if name == "x" and self.fading(i - 1):
            return Fading(canvas, self.fading(i - 1))
        return canvas

    @property
    def canvases(self) -> tuple[str, ...]:
        """Names of the canvases that are carried from step to step."""
        return ("x", "u") if self.plan.solver == "2m" else ("x",)

    @property
    def image(self) -> Image:
        """The clean image, once all steps are taken."""
        return self.state.image("x", self._joined())

    def finish(self) -> Image:
        """The clean image, from where it may stay: the end of the stage."""
        return self.state.finish(self._joined())

    def _joined(self) -> int:
        """The step before which the clean image stands, once all are taken: what fades is a step of its own."""
        sums = self.canvas(self.num_steps)
        if not isinstance(sums, Fading):
            return self.num_steps
        if self.state.step > self.num_steps:  # joined and saved by the run before
            return self.num_steps + 1
        clean = self.state.image("x", self.num_steps + 1)
        for top in range(0, clean.shape[1], ROWS):
            rows = slice(top, top + ROWS)
            clean[:, rows] = sums.value(sums.image[:, rows])
        return self.num_steps + 1


def within_margin(patches: Images, margin: int) -> Images:
    """Patches without so many pixels along their borders."""
    _, _, height, width = patches.shape
    return patches[..., margin : height - margin, margin : width - margin]
