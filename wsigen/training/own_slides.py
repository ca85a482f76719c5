"""A student's own slides, as guides to learn from: what a slide really shows it.

Averages of real patches are not what it is told in a slide: there a stage is told what the student painted in the stage
before, of tissue that nobody has seen. What it should make of that no truth says. But what it makes of many such guides
can be a crowd like that of real patches (`wsigen.training.crowd`).

So it paints slides while it learns, each a few millimetres wide, and of their stages some windows are kept: guides as
they are, with their scale and the style of their slide.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from wsigen.arrays import Guides, Images, PerImage
from wsigen.coarse_to_fine import drain, run_stage
from wsigen.denoiser import Told
from wsigen.networks.styles import Styles
from wsigen.pixels import in_range
from wsigen.plan import STUDENT, Stage, stages
from wsigen.runs.canvas import strips
from wsigen.runs.painter import Painter
from wsigen.seeds import generator
from wsigen.training.checkpoint import LoadedDenoiser
from wsigen.training.examples import on_device
from wsigen.training.styles import tissue
from wsigen.training.upscaling import OPERATOR, Upscaling, patches
from wsigen.zoom.overview import with_tissue

SLIDES = 10**9  # seed of the first: far from those that anybody asks for
FINEST = (1.4, 11.2)  # um/px, of slides; more of them are fine
MM = (2.0, 1.5)  # width and height, of those up to 2.8 um/px; coarser ones are as much larger
WINDOWS_OF_A_SLIDE = 32
KEPT = 2048  # windows; the oldest go
TRIES = 8  # places looked at for a window that shows tissue


class Pair(nn.Module):
    """A teacher and the student that learns from it, as a painter asks for them."""

    def __init__(self, teacher: LoadedDenoiser, student: LoadedDenoiser) -> None:
        super().__init__()
        self.teacher, self.student = teacher, student

    @property
    def is_told(self) -> bool:
        """Whether the teacher knows what to make of a guide."""
        return self.teacher.is_told

    @property
    def overview(self) -> LoadedDenoiser | None:
        """The model that draws the teacher's overviews."""
        return self.teacher.overview

    def forward(
        self, x: Images, sigma: Tensor | float, mpp: Tensor | float, told: Told | None = None
    ) -> Images:
        estimate: Images = self.teacher(x, sigma, mpp, told)
        return estimate


class OwnSlides(nn.Module):
    """Windows of the last slides that a student has painted.

    Args:
        styles: that its slides can have.
        side: of a window in pixels of the guide; what is made of it has twice as many.
        kept: how many windows.
    """

    def __init__(self, styles: Styles, side: int, kept: int = KEPT) -> None:
        super().__init__()
        self.styles = styles
        self.register_buffer("guides", torch.zeros(kept, 3, side, side, dtype=torch.uint8))
        # of what is to be made of them; infinite where there is none yet
        self.register_buffer("mpp", torch.full((kept,), torch.inf))
        self.register_buffer("case", torch.zeros(kept, dtype=torch.int64))
        self.register_buffer("painted", torch.zeros((), dtype=torch.int64))

    def paint(self, teacher: LoadedDenoiser, student: LoadedDenoiser, seed: int) -> None:
        """Paint one slide more, and keep windows of it; ``seed`` is the run's."""
        number = SLIDES + 10**6 * seed + int(self.get_buffer("painted"))
        self.get_buffer("painted").add_(1)
        stream = generator(number, "own slide")
        info, student.styles = teacher.info, self.styles
        path = path_of(stream, info.patch_px, info.mpp_max)
        painter = Painter(
            Pair(teacher, student), STUDENT, info.patch_px, number, background=teacher.background
        )
        overview = with_tissue(painter, path[0])
        painter = painter if overview is None else overview.painter
        image, told = None, []
        for stage in path:
            image = drain(run_stage(painter, stage, image))
            if (
                stage.mpp <= 2 * STUDENT.teacher_above
                and min(stage.height, stage.width) >= self.side
            ):
                whole = next(strips(image, stage.height, stage.width, stage.height))
                told.append((whole.transpose(2, 0, 1), stage.mpp / 2))
        windows, scales = list[Tensor](), list[float]()
        for _ in range(WINDOWS_OF_A_SLIDE):
            pixels, mpp = told[stream.integers(len(told))]
            window = self.window(pixels, stream)
            if window is not None:
                windows.append(window)
                scales.append(mpp)
        if windows:
            self.keep(torch.stack(windows), torch.tensor(scales), self.styles.case(number))

    @property
    def side(self) -> int:
        """Of a window in pixels."""
        return self.get_buffer("guides").shape[-1]

    def window(self, pixels: NDArray[np.uint8], stream: np.random.Generator) -> Tensor | None:
        """A window of an image (3, height, width) that shows tissue, turned by chance; None if none is found."""
        side = self.side
        for _ in range(TRIES):
            top, left = (stream.integers(length - side + 1) for length in pixels.shape[1:])
            found = torch.from_numpy(pixels[:, top : top + side, left : left + side].copy())
            if tissue(in_range(found[None])):
                turned = found.rot90(int(stream.integers(4)), (1, 2))
                return turned if stream.choice((1, -1)) == 1 else turned.flip(1)
        return None

    @torch.no_grad()
    def keep(self, windows: Tensor, mpp: PerImage, case: int) -> None:
        """Keep windows of a slide of this case, and forget as many of the oldest."""
        cases = torch.full((len(windows),), case)
        for name, new in (("guides", windows), ("mpp", mpp), ("case", cases)):
            buffer = self.get_buffer(name)
            buffer.copy_(torch.cat([buffer, new])[len(new) :])

    def batch(self, number: int, seed: int, first: int) -> Upscaling:
        """Patches to be made of so many windows, told and begun as a slide's are; there is no truth.

        Args:
            number: of windows, four patches each.
            seed: of the run.
            first: number of the first, which names the stream.
        """
        guides = self.get_buffer("guides")
        stream = on_device(guides.device, seed, "own slides", first)
        there = self.get_buffer("mpp").isfinite().nonzero()[:, 0]
        some = there[torch.randint(len(there), (number,), generator=stream)]
        guide: Guides = in_range(guides[some])
        mpp: PerImage = self.get_buffer("mpp")[some]
        style = self.styles.at(self.get_buffer("case")[some], mpp)
        seen = OPERATOR.enlarged(guide)

        def normal(like: Tensor) -> Tensor:
            return torch.randn(like.shape, generator=stream)

        def all_of(value: float | None) -> PerImage:
            return torch.full((number,), value or 0.0)

        return Upscaling(
            seen, guide, normal(guide), all_of(STUDENT.guide_sigma),
            style, mpp, normal(seen), normal(seen), all_of(STUDENT.sigma_min), all_of(0.0),
        ).each(patches)  # fmt: skip


def path_of(stream: np.random.Generator, patch_px: int, mpp_max: float) -> list[Stage]:
    """The stages of a slide of a size that suits its scale, which is drawn by chance."""
    low, high = np.log(FINEST)
    mpp = float(np.exp(low + (high - low) * stream.uniform() ** 2))
    width, height = (round(1000 * mm * max(1.0, mpp / 2.8) / mpp) for mm in MM)
    return stages(height, width, mpp, patch_px=patch_px, mpp_max=mpp_max)
