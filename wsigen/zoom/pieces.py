"""A stage of which only some patches are there: those that the live microscope has made and kept."""

from collections.abc import Iterable, Sequence

import torch

from wsigen.arrays import Images
from wsigen.grid import Grid, Window
from wsigen.plan import Stage
from wsigen.runs.canvas import Canvas, Image
from wsigen.runs.kept import Kept, Key
from wsigen.runs.painter import Painter
from wsigen.runs.plane import flat_round
from wsigen.runs.stage import StageRun
from wsigen.runs.state import InMemory
from wsigen.zoom.cone import within


class Gone(Exception):
    """A patch was thrown out before it was used."""


class Patchwork(Canvas):
    """A canvas of which only some patches are there.

    Args:
        kept: where they are.
        key: their name in ``kept``, but for the place.
        grid: all patches that make up the canvas.
        like: a canvas of the same plane, boundary, unit, type and device, whose pixels are not looked at.
    """

    def __init__(self, kept: Kept, key: Key, grid: Grid, like: Canvas) -> None:
        plane = (like.height, like.width)
        super().__init__(like.image, like.boundary, like.outside, plane=plane, unit=like.unit)
        self.kept, self.key, self.grid, self.like = kept, key, grid, like

    def has(self, window: Window) -> bool:
        """Whether a patch of the grid is there."""
        return self._named(window) in self.kept

    def read(self, windows: Sequence[Window]) -> Images:
        """Return windows of one size, as a canvas does. Raises :class:`Gone` where a patch is not there."""
        _, _, height, width = windows[0]
        patches = torch.empty(len(windows), 3, height, width)
        for patch, window in zip(patches, windows, strict=True):
            inside = window.clipped(self.height, self.width)
            if inside != window:
                patch[:] = self.outside(window)
            if inside.height == 0 or inside.width == 0:
                continue
            patch[inside.slices(window.top, window.left)] = self._joined(inside)
        return patches.to(self.image.device)

    def write(self, windows: Sequence[Window], patches: Images) -> None:
        """Keep patches, each a window of the grid."""
        for window, patch in zip(windows, self.like.stored(windows, patches).cpu(), strict=True):
            self.kept.put(self._named(window), patch)

    def _joined(self, area: Window) -> Image:
        """An area of the plane, of the patches that reach into it."""
        reach = self.like.margin
        image = torch.zeros(3, area.height, area.width, dtype=self.image.dtype)
        for window in self.grid.touching(area.grown(reach)):
            patch = self.kept.get(self._named(window))
            if patch is None:
                raise Gone
            whole = window.grown(reach)
            shared = within(whole, area)
            place = image[shared.slices(area.top, area.left)]
            self.like.lay(patch[shared.slices(whole.top, whole.left)], place)
        return self.like.value(image)

    def _named(self, window: Window) -> Key:
        return self.key._replace(top=window.top, left=window.left)


class Pieces(StageRun):
    """A stage whose canvases are patchwork.

    Args:
        kept: where its patches are.
        half: whether they are in half precision.
        painter, stage, guide: as for :class:`wsigen.runs.stage.StageRun`.
    """

    def __init__(
        self, kept: Kept, half: bool, painter: Painter, stage: Stage, guide: Canvas | None
    ) -> None:
        super().__init__(painter, stage, guide, state=InMemory(0, 0, half=half))
        self.kept = kept
        self.grids = [self.grid(i) for i in range(self.num_steps)]

    def canvas(self, i: int, name: str = "x") -> Patchwork:
        """A canvas as it stands before step ``i``: what step i - 1 wrote."""
        key = self.key(i, name, Window(0, 0, 0, 0))
        return Patchwork(self.kept, key, self.grids[i - 1], super().canvas(i, name))

    def as_guide(self) -> Patchwork:
        """The finished stage in flat background, as it guides the next."""
        finished = self.canvas(self.num_steps)
        flat = flat_round(finished.image, self.painter)
        finished.outside = flat.outside
        return finished

    def lacking(self, i: int, windows: Iterable[Window]) -> list[Window]:
        """Those patches of step ``i`` that are not kept, in order."""
        canvases = [self.canvas(i + 1, name) for name in self.written(i)]
        return sorted(w for w in set(windows) if not all(canvas.has(w) for canvas in canvases))

    def reaching(self, i: int, area: Window) -> Grid:
        """The patches of step ``i`` that write into an area."""
        return self.grids[i].touching(area.grown(self.fading(i)))

    def under(self, windows: Iterable[Window]) -> set[Window]:
        """What is looked at of the guide for some patches."""
        if self.guide is None:
            return set()
        plane, margin, factor = self.guide, self.painter.guide_margin, self.plan.factor
        return {
            self.seen(window).reduced(factor).grown(margin).clipped(plane.height, plane.width)
            for window in windows
        }

    def _check_guide(self) -> None:
        """Nothing: the guide is made wherever it is looked at."""
