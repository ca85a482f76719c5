"""One stage of Algorithm 2: the noise it starts from, its shifted grids, and a step of its patches.

Between two steps a stage is nothing but its canvases: "x", the image at the noise level of the step, and with the
solver "2m" also "u", the estimate of the step before. Where they lie, and what is kept of them for a resumed run, is
the matter of a :class:`State`.
"""

import math
import time
from collections.abc import Callable, Iterator, Sequence

import torch

from wsigen.arrays import Denoiser, Images
from wsigen.errors import WsigenError
from wsigen.grid import Grid, Window, draw_shift, shifted_grid, side_by_side, spread_shift
from wsigen.guidance import AveragePool, guided_step
from wsigen.plan import Stage, StagePlan
from wsigen.runs.background import is_background, sparing
from wsigen.runs.canvas import Canvas, Image, cut
from wsigen.runs.progress import Progress
from wsigen.runs.state import InMemory, State, unit
from wsigen.sampler import take_step
from wsigen.schedule import SIGMA_MAX, karras_sigmas
from wsigen.seeds import generator, white_noise

Part = Callable[[int, Grid], Grid]


class StageRun:
    """One stage, step by step.

    Args:
        denoiser: D of Eq. 6.
        stage: its size and scale.
        guide: the stage before, shape (3, height / factor, width / factor); None for the overview.
        plan: how.
        patch_px: side of the patches.
        seed: name of the slide; with the stage it names all noise and every shift.
        batch_size: patches denoised together; changes speed, not the slide.
        background: value of the empty slide, -1 to 1.
        state: where the canvases lie, or how to find out for this run; by default in memory, beside the network.
        region: the part of the plane that the canvases hold; by default all of it.
        part: chooses from step and grid the windows that are run; by default all.
    """

    def __init__(
        self,
        denoiser: Denoiser,
        stage: Stage,
        guide: Image | Canvas | None,
        plan: StagePlan,
        *,
        patch_px: int,
        seed: int = 0,
        batch_size: int = 32,
        background: float = 1.0,
        state: State | Callable[["StageRun"], State] | None = None,
        region: Window | None = None,
        part: Part | None = None,
    ) -> None:
        self.denoiser, self.stage = denoiser, stage
        self.plan = plan = plan.at(stage.index)
        self.patch_px, self.seed, self.batch_size = patch_px, seed, batch_size
        self.background = background
        self.sigmas = plan.sigmas() if guide is not None else karras_sigmas(plan.overview_steps)
        self.solver = plan.solver if guide is not None else plan.overview_solver
        self.operator = AveragePool(plan.factor if guide is not None else 1)
        self.guide = flat_round(guide, plan.boundary, background)
        self.device = device_of(denoiser, self.guide.image if self.guide else None)
        self.region = region or Window(0, 0, stage.height, stage.width)
        self._check_guide()
        self.part = part or (lambda step, grid: grid)
        self.patches_in_all = sum(len(self.grid(i)) for i in range(self.num_steps))
        if state is None:
            state = InMemory(self.region.height, self.region.width, device=self.device)
        self.state: State = state(self) if callable(state) else state
        self.spent = self.state.spent
        self.began = time.monotonic() - self.spent.seconds

    @property
    def num_steps(self) -> int:
        """Steps of the stage."""
        return len(self.sigmas) - 1

    def grid(self, i: int) -> Grid:
        """The windows that take step ``i``, of those that :func:`step_grid` draws."""
        factor, plan = self.operator.factor, self.plan
        drawn = step_grid(
            self.stage, self.patch_px, plan.boundary, factor, self.seed, i, plan.shifts
        )
        return self.part(i, drawn)

    def steps(self) -> Iterator[int]:
        """The steps that are still to be taken; each is kept when the caller comes for the next."""
        self.spent.patches = sum(len(self.grid(i)) for i in range(self.state.step))
        for i in range(self.state.step, self.num_steps):
            yield i
            self.spent.seconds = time.monotonic() - self.began
            self.state.step_done(i)

    def batches(self, i: int) -> Iterator[list[Window]]:
        """The windows of step ``i``, in batches; each is kept when the caller comes for the next."""
        done = self.state.patches if i == self.state.step else 0
        taken = 0
        for batch in self.grid(i).batches(self.batch_size):
            taken += len(batch)
            self.spent.patches += len(batch)
            if taken > done:
                yield batch
                self.spent.seconds = time.monotonic() - self.began
                self.state.batch_done(i, taken, len(batch) * self.patch_px**2)

    def read(self, i: int, batch: Sequence[Window]) -> Images:
        """Return x at the noise level of step ``i``: at first noise that no one has written down."""
        if i > 0:
            return self.canvas(i).read(batch).to(self.device)
        return torch.cat([cut(self.start(wide), n) for wide, n in side_by_side(batch)])

    def step(self, i: int, x: Images, batch: Sequence[Window]) -> Images:
        """Step ``i`` of Algorithm 1 in some patches; the overview has no guide."""
        corrected = self.solver == "heun" and i + 1 < self.num_steps
        denoiser, skipped = self.spared(batch)
        self.spent.skipped += skipped
        self.spent.evaluations += (len(batch) - skipped) * (2 if corrected else 1)
        remembers = self.solver == "2m" and i > 0
        previous = self.canvas(i, "u").read(batch).to(self.device) if remembers else None
        with torch.no_grad():
            if self.guide is None:
                sigma, sigma_next = float(self.sigmas[i]), float(self.sigmas[i + 1])
                before = None if previous is None else (previous, float(self.sigmas[i - 1]))
                x, u = take_step(
                    self.solver, denoiser, x, sigma, sigma_next, self.stage.mpp, before
                )
            else:
                x, u = guided_step(
                    denoiser,
                    x,
                    self.guide_of(batch),
                    i,
                    self.sigmas,
                    self.stage.mpp,
                    guided_steps=self.plan.guided_steps,
                    operator=self.operator,
                    solver=self.solver,
                    previous=previous,
                )
        if u is not None:
            canvas = self.canvas(i + 1, "u")
            canvas.write(batch, u.to(canvas.image.device))
        return x

    def spared(self, batch: Sequence[Window]) -> tuple[Denoiser, int]:
        """The denoiser for some patches, and how many of them are empty glass that it is not asked for."""
        if self.guide is None or self.plan.skip_background is None:
            return self.denoiser, 0
        around = [window.reduced(self.plan.factor).grown(self.guide_margin) for window in batch]
        skipped = is_background(self.guide.read(around), self.background).to(self.device)
        number = int(skipped.sum())
        if number == 0:
            return self.denoiser, 0
        return sparing(self.denoiser, skipped, self.background), number

    @property
    def guide_margin(self) -> int:
        """How far round a patch empty glass is looked for, in pixels of the guide."""
        return math.ceil((self.plan.skip_background or 0) * self.patch_px / self.plan.factor)

    def write(self, i: int, batch: Sequence[Window], x: Images) -> None:
        """Put x, now at the noise level of step ``i``, back; the clean image keeps to [-1, 1]."""
        canvas = self.canvas(i)
        canvas.write(batch, (x.clamp_(-1, 1) if i == self.num_steps else x).to(canvas.image.device))

    def canvas(self, i: int, name: str = "x") -> Canvas:
        """A canvas as it stands before step ``i``; beyond its edge lies background with the step's noise."""
        sigma = float(self.sigmas[i]) if name == "x" else 0.0  # an estimate has no noise
        image = self.state.image(name, i)

        def outside(window: Window) -> Image:
            if sigma == 0:
                shape = (3, window.height, window.width)
                return torch.full(shape, self.background, device=image.device)
            return self.background + sigma * self.noise(window, image.device)

        return Canvas(
            image,
            self.plan.boundary,
            outside,
            plane=(self.stage.height, self.stage.width),
            corner=(self.region.top, self.region.left),
            unit=unit(sigma, self.state.half),
        )

    @property
    def canvases(self) -> tuple[str, ...]:
        """Names of the canvases that are carried from step to step."""
        return ("x", "u") if self.solver == "2m" else ("x",)

    @property
    def image(self) -> Image:
        """The clean image, once all steps are taken."""
        return self.state.image("x", self.num_steps)

    def finish(self) -> Image:
        """The clean image, from where it may stay: the end of the stage."""
        return self.state.finish(self.num_steps)

    def start(self, window: Window) -> Image:
        """Return x at the first noise level: noise alone, or the guide with so much noise."""
        sigma = float(self.sigmas[0])
        noise = self.noise(window)
        if self.plan.boundary == "wrap":
            noise = torch.empty_like(noise)
            for piece, place in window.pieces(self.stage.height, self.stage.width):
                noise[place.slices()] = self.noise(piece)
        x = noise.mul_(sigma)
        if self.guide is not None and sigma < SIGMA_MAX:
            return x + self.operator.pinv(self.guide_of([window]))[0]
        if self.plan.boundary == "wrap":
            return x
        inside = window.clipped(self.stage.height, self.stage.width)
        start = self.background + x
        start[inside.slices(window.top, window.left)] = x[inside.slices(window.top, window.left)]
        return start

    def guide_of(self, batch: Sequence[Window]) -> Images:
        """The guide under some windows."""
        assert self.guide is not None
        return self.guide.read([w.reduced(self.plan.factor) for w in batch]).to(self.device)

    def noise(self, window: Window, device: torch.device | None = None) -> Image:
        """A window of the stage's plane of noise, on a device; by default that of the network."""
        top, left, height, width = window
        name = (self.seed, "stage", self.stage.index, "noise")
        values = white_noise(
            *name,
            top=top,
            left=left,
            height=height,
            width=width,
            threads=torch.get_num_threads(),
        )
        return sent(torch.from_numpy(values), device or self.device)

    def _check_guide(self) -> None:
        """A part of a guide has to reach as far as empty glass is looked for."""
        if self.guide is None or self.plan.skip_background is None:
            return
        plane = self.guide.height, self.guide.width
        looked_at = self.region.reduced(self.plan.factor).grown(self.guide_margin).clipped(*plane)
        held = Window(self.guide.top, self.guide.left, *self.guide.image.shape[1:])
        if self.plan.boundary == "pad" and not held.holds(looked_at):
            raise WsigenError(
                f"stage {self.stage.index} has {tuple(held)} of its guide and looks for empty glass in "
                f"{tuple(looked_at)} (top, left, height, width); expected all of it: leave skip_background off here"
            )

    def progress(self, i: int) -> Progress:
        """What has been done so far."""
        self.spent.seconds = time.monotonic() - self.began
        return Progress.of(self.stage, i, self.spent, self.patches_in_all)


def step_grid(
    stage: Stage,
    patch_px: int,
    boundary: str,
    factor: int,
    seed: int,
    step: int,
    shifts: str = "uniform",
) -> Grid:
    """The patches of one step, with ``shifts`` as a plan has them.

    A canvas that fits into one patch is not cut: the patch lies round it.
    """
    if max(stage.height, stage.width) <= patch_px:
        down, right = (patch_px - stage.height) // 2, (patch_px - stage.width) // 2
        return Grid([-down // factor * factor], [-right // factor * factor], patch_px)
    name = (seed, "stage", stage.index, "shift")
    if shifts == "low-discrepancy":
        shift = spread_shift(generator(*name), step, patch_px, factor)
    else:
        shift = draw_shift(generator(*name, step), patch_px, factor)
    return shifted_grid(stage.height, stage.width, patch_px, shift, boundary)


def flat_round(guide: Image | Canvas | None, boundary: str, background: float) -> Canvas | None:
    """A guide as a canvas in flat background."""
    if guide is None or isinstance(guide, Canvas):
        return guide

    def flat(window: Window) -> Image:
        return guide.new_full((3, window.height, window.width), background)

    return Canvas(guide, boundary, flat)


def sent(image: Image, device: torch.device) -> Image:
    """An image on a device. A GPU is not waited for: what it has yet to do goes on while the next noise is drawn."""
    if device.type != "cuda":
        return image.to(device)
    return image.pin_memory().to(device, non_blocking=True)


def device_of(denoiser: Denoiser, guide: Image | None = None) -> torch.device:
    """The device of a denoiser's weights; where it has none, that of the guide, or the CPU."""
    if isinstance(denoiser, torch.nn.Module):
        for parameter in denoiser.parameters():
            return parameter.device
    return guide.device if guide is not None else torch.device("cpu")
