"""The plane that a stage of Algorithm 2 is painted on: its noise, what it starts from, its shifted grids, its guide.

All of it is drawn from named streams or read from the guide, by window and in any order; nothing is kept.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import torch

from wsigen.arrays import Guides, Images
from wsigen.denoiser import Told
from wsigen.devices import sent
from wsigen.errors import WsigenError
from wsigen.grid import Grid, Window, draw_shift, shifted_grid, spread_shift
from wsigen.guidance import AveragePool
from wsigen.plan import Stage, StagePlan
from wsigen.runs.canvas import Canvas, Image, drawn_together
from wsigen.runs.painter import Painter, device_of
from wsigen.schedule import SIGMA_MAX
from wsigen.seeds import generator, white_noise


class StagePlane:
    """What a stage is before any step is taken.

    Args:
        painter: the denoiser, and how the slide is made; kept with the plan of this stage alone.
        stage: its size and scale.
        guide: the stage before, shape (3, height / factor, width / factor); None for the overview.
        region: the part of the plane that is made; by default all of it.
    """

    def __init__(
        self,
        painter: Painter,
        stage: Stage,
        guide: Image | Canvas | None = None,
        *,
        region: Window | None = None,
    ) -> None:
        self.stage = stage
        self.plan = painter.at(stage.index if guide is not None else 0, stage.mpp)
        self.painter = painter = painter.for_stage(self.plan)
        self.at_once = self.plan if fits_freely(painter, stage) and guide is None else None
        if (
            self.at_once is not None
        ):  # the one patch goes from noise to image in one step of the stage
            self.plan = replace(self.plan, num_steps=1, solver="euler")
            self.painter = painter = replace(painter, plan=self.plan)
        self.sigmas = self.plan.sigmas()
        self.operator = AveragePool(self.plan.factor)
        self.guide = flat_round(guide, painter) if isinstance(guide, torch.Tensor) else guide
        self.device = device_of(painter.denoiser, self.guide.image if self.guide else None)
        self.region = region or Window(0, 0, stage.height, stage.width)
        self._check_guide()
        if self.plan.guide_sigma is not None and not getattr(painter.denoiser, "is_told", False):
            raise WsigenError(
                f"the plan shows the network its guide (guide_sigma = {self.plan.guide_sigma:g}), and this model was "
                "not trained to be told; choose another --plan, or a model that is told"
            )

    @property
    def num_steps(self) -> int:
        """Steps of the stage."""
        return self.plan.num_steps

    @property
    def patch_px(self) -> int:
        """Side of the stage's patches."""
        return self.plan.side_px(self.painter.patch_px)

    def grid(self, i: int) -> Grid:
        """The windows of step ``i``."""
        return step_grid(self.stage, self.plan, self.painter.patch_px, self.painter.seed, i)

    def seen(self, window: Window) -> Window:
        """What the network looks at to write a patch: the patch with its margin."""
        return window.grown(max(0, self.patch_px - window.height) // 2)

    def start(self, window: Window) -> Image:
        """Return x at the first noise level: noise alone, or the guide with so much noise."""
        sigma = float(self.sigmas[0])
        noise = self.noise(window)
        if self.plan.boundary == "wrap":
            noise = torch.empty_like(noise)
            for piece, place in window.pieces(self.stage.height, self.stage.width):
                noise[place.slices()] = self.noise(piece)
        x = noise.mul_(sigma)
        if self.at_once is not None:
            return x
        if self.guide is not None and sigma < SIGMA_MAX:
            return x + self.operator.pinv(self.guide_of([window]))[0]
        if self.plan.boundary == "wrap":
            return x
        inside = window.clipped(self.stage.height, self.stage.width)
        start = self.painter.background + x
        start[inside.slices(window.top, window.left)] = x[inside.slices(window.top, window.left)]
        return start

    def noise(
        self, window: Window, device: torch.device | None = None, kind: str = "noise"
    ) -> Image:
        """A window of a plane of noise, on a device; by default that of the network."""
        top, left, height, width = window
        name: tuple[str | int, ...] = ("stage", self.stage.index, kind)
        if self.stage.index == 0 and self.painter.drawing > 0:
            name += ("drawing", self.painter.drawing)
        values = white_noise(
            self.painter.seed,
            *name,
            top=top,
            left=left,
            height=height,
            width=width,
            threads=torch.get_num_threads(),
        )
        return sent(torch.from_numpy(values), device or self.device)

    def guide_of(self, batch: Sequence[Window]) -> Images:
        """The guide under some windows."""
        assert self.guide is not None
        return self.guide.read([w.reduced(self.plan.factor) for w in batch]).to(self.device)

    def shown(self, batch: Sequence[Window], guides: Guides) -> Told:
        """What a told network is shown of the guides under some windows.

        The guide's noise is drawn by guide pixel: patches that overlap, and runs that are resumed, see the same.
        """
        assert self.plan.guide_sigma is not None
        under = [window.reduced(self.plan.factor) for window in batch]
        noise = drawn_together(partial(self.noise, kind="guide noise"), under)
        seen = guides + self.plan.guide_sigma * noise
        style = self.painter.style(self.stage.mpp)
        if style is not None:
            style = style.expand(len(seen), -1)
        return Told(self.operator.enlarged(seen), self.plan.guide_sigma, style=style)

    def rimmed(self, i: int, x: Image, window: Window) -> Image:
        """X in one window at the noise level of step ``i``, with glass along the edge of the plane."""
        rim = self.plan.rim
        inner = Window(rim, rim, self.stage.height - 2 * rim, self.stage.width - 2 * rim)
        inner = inner.shared(window)
        glass = self.glass(window, float(self.sigmas[i]), x.device)
        place = inner.slices(window.top, window.left)
        glass[place] = x[place]
        return glass

    def glass(self, window: Window, sigma: float, device: torch.device) -> Image:
        """Background with the noise that a plane of it would have at a level: the path that every solver follows."""
        if sigma == 0:
            shape = (3, window.height, window.width)
            return torch.full(shape, self.painter.background, device=device)
        return self.painter.background + sigma * self.noise(window, device)

    def _check_guide(self) -> None:
        """A part of a guide has to reach as far as empty glass is looked for."""
        if self.guide is None or self.plan.skip_background is None:
            return
        looked_at = self.region.reduced(self.plan.factor).grown(self.painter.guide_margin)
        looked_at = looked_at.clipped(self.guide.height, self.guide.width)
        held = Window(self.guide.top, self.guide.left, *self.guide.image.shape[1:])
        if self.plan.boundary == "pad" and not held.holds(looked_at):
            raise WsigenError(
                f"stage {self.stage.index} has {tuple(held)} of its guide and looks for empty glass in "
                f"{tuple(looked_at)} (top, left, height, width); expected all of it: leave skip_background off here"
            )


def fits_freely(painter: Painter, stage: Stage) -> bool:
    """Whether an overview is drawn as the middle of one patch, with no glass put round it.

    So are later drawings of an overview that is smaller than a patch: glass all round a small canvas is what made the
    first one empty. Where a rim of glass is wanted, it stays.
    """
    plan = painter.plan.at(0)
    small = max(stage.height, stage.width) <= painter.patch_px
    return painter.drawing > 0 and small and plan.boundary == "pad" and plan.rim == 0


def step_grid(stage: Stage, plan: StagePlan, patch_px: int, seed: int, step: int) -> Grid:
    """The patches of one step of a slide's stage: of a plan its factor, boundary, shifts, margin and times decide.

    They are what is written, without the margin. A canvas that fits into one patch is not cut: the patch lies round it.
    """
    own = plan.at(stage.index, stage.mpp)
    factor, whole = own.factor, own.side_px(patch_px)
    if max(stage.height, stage.width) <= whole:
        down, right = (whole - stage.height) // 2, (whole - stage.width) // 2
        return Grid([-down // factor * factor], [-right // factor * factor], whole)
    name, side = (seed, "stage", stage.index, "shift"), whole - 2 * own.margin_at(step)
    if own.shifts == "low-discrepancy":
        shift = spread_shift(generator(*name), step, side, factor)
    else:
        shift = draw_shift(generator(*name, step), side, factor)
    return shifted_grid(stage.height, stage.width, side, shift, own.boundary)


def fading_px(painter: Painter, stage: Stage, step: int) -> int:
    """How far patches of a step reach beyond what is their own: those of the last fade into each other.

    By half of their margin: what lies farther out is seen with too little round it. See :mod:`wsigen.runs.fade`. A
    canvas that fits into one patch has none beside it.
    """
    own = painter.plan.at(stage.index, stage.mpp)
    cut = max(stage.height, stage.width) > own.side_px(painter.patch_px)
    return own.margin_px // 2 if cut and step + 1 == own.num_steps else 0


def flat_round(
    image: Image,
    painter: Painter,
    *,
    plane: tuple[int, int] | None = None,
    corner: tuple[int, int] = (0, 0),
) -> Canvas:
    """A finished image, or a part of one, as the guide of the next stage: round it lies flat background.

    Whoever holds whatever part of it sees the same background, rounded as the image is.
    """

    def flat(window: Window) -> Image:
        return image.new_full((3, window.height, window.width), painter.background)

    return Canvas(image, painter.plan.boundary, flat, plane=plane, corner=corner)
