"""The state of a stage between two steps: its canvases, in memory or in files, and how far it has come.

A canvas in half precision is kept in units of sqrt(1 + sigma^2), the spread of its values at noise level sigma: so they
stay near 1, whatever sigma, and all eleven bits of a half say something of the image and its noise.
"""

import math
import time
from typing import Protocol

import torch

from wsigen.errors import WsigenError
from wsigen.runs.canvas import Image
from wsigen.runs.progress import Position, Spent
from wsigen.runs.workdir import Workdir, stage_name

RELEASE_EVERY = 64 << 20  # bytes of mapped pixels touched before memory is let go
KEEP_EVERY = 1.0  # seconds between two notes of how many patches are done
SAVE_EVERY = 60.0  # seconds between two copies of canvases in memory


def copy_rows(source: Image, target: Image, rows: int = 256) -> None:
    """Copy an image to another device some rows at a time: where they lie otherwise, a copy between them has a copy."""
    for top in range(0, source.shape[1], rows):
        target[:, top : top + rows].copy_(source[:, top : top + rows])


class OutOfTime(WsigenError):
    """A run ended where it was told to, and can go on."""


class State(Protocol):
    """Where the canvases of a stage lie, and how far the stage has come."""

    step: int  # the step to take next
    patches: int  # how many patches of it are done, in the order of its grid
    half: bool  # whether the canvases are in half precision
    spent: (
        Spent  # what the stage has spent; whoever runs it counts on, and it is noted with the step
    )

    def image(self, name: str, step: int) -> Image:
        """The pixels of a canvas as it stands before ``step``; the image of step + 1 may be the same."""
        ...

    def keep_apart(self) -> None:
        """From now on the image of step + 1 is another: patches look at more than they write."""
        ...

    def batch_done(self, step: int, patches: int, pixels: int) -> None:
        """So many patches of a step have been written, the last batch of so many pixels."""
        ...

    def step_done(self, step: int) -> None:
        """All batches of a step have been written."""
        ...

    def finish(self, num_steps: int) -> Image:
        """All steps are done: return the clean image from where it may stay."""
        ...


def unit(sigma: float, half: bool) -> float:
    """What a stored 1 stands for at a noise level; 1 for the clean image."""
    return math.sqrt(1 + sigma**2) if half else 1.0


def dtype_name(half: bool) -> str:
    """What numpy calls the type of a canvas."""
    return "float16" if half else "float32"


class InMemory:
    """Canvases in memory, each stepped in place, or from one to another and back.

    Args:
        height, width: of the canvases.
        half: keep them in half precision.
        device: where they lie.
    """

    step = patches = 0
    apart = False

    def __init__(
        self, height: int, width: int, *, half: bool = False, device: torch.device | str = "cpu"
    ) -> None:
        self.shape = (3, height, width)
        self.half, self.device = half, device
        self.images: dict[tuple[str, int], Image] = {}
        self.spent = Spent()

    def image(self, name: str, step: int) -> Image:
        """The one image of this name, whatever the step; kept apart, that of the step's parity."""
        slot = (name, step % 2 if self.apart else 0)
        if slot not in self.images:
            dtype = getattr(torch, dtype_name(self.half))
            self.images[slot] = torch.empty(self.shape, dtype=dtype, device=self.device)
        return self.images[slot]

    def keep_apart(self) -> None:
        """Two images of each name."""
        self.apart = True

    def batch_done(self, step: int, patches: int, pixels: int) -> None:
        """Nothing to keep."""

    def step_done(self, step: int) -> None:
        """Nothing to keep."""

    def finish(self, num_steps: int) -> Image:
        """The image, where it is."""
        return self.image("x", num_steps)


class Saved(InMemory):
    """Canvases in memory, copied to files every minute or so.

    Args:
        workdir: where the files lie.
        stage: number of the stage.
        height, width, half, device: see :class:`InMemory`.
        until: when the run has to end, as of `time.monotonic`; then it is copied once, at the end of a step, and
            ends. Without, it is copied every minute, for who knows what may end it.
    """

    def __init__(
        self,
        workdir: Workdir,
        stage: int,
        height: int,
        width: int,
        *,
        half: bool = False,
        device: torch.device | str = "cpu",
        until: float | None = None,
    ) -> None:
        super().__init__(height, width, half=half, device=device)
        self.workdir, self.stage, self.saved = workdir, stage, time.monotonic()
        self.until, self.resumed = until, set[str]()
        self.step = workdir.begun(stage, lambda step: self._file("x", step)).step
        self.spent = workdir.spent(stage)

    def image(self, name: str, step: int) -> Image:
        """The image of this name; in a resumed run at first as it was saved."""
        if self.step > 0 and name not in self.resumed:
            self.resumed.add(name)
            copy_rows(self._copy(name, self.step), super().image(name, self.step))
        return super().image(name, step)

    def step_done(self, step: int) -> None:
        """Copy the canvases, if the last copy is old enough.

        Raises:
            OutOfTime: the run has to end; all is saved.
        """
        if self.until is None:
            if time.monotonic() - self.saved > SAVE_EVERY:
                self._save(step + 1)
        elif time.monotonic() > self.until:
            self._save(step + 1)
            raise OutOfTime(
                f"time is up in stage {self.stage} after {step + 1} steps; run the same command again: it goes on "
                "from there"
            )

    def finish(self, num_steps: int) -> Image:
        """Copy the clean image to where it stays."""
        image = self.image(
            "x", num_steps
        )  # read now: once it has its lasting name the copy is gone
        self._save(num_steps)
        self.workdir.finish(self.stage, self._file("x", num_steps))
        return image

    def _save(self, step: int) -> None:
        for name in sorted({name for name, _ in self.images}):
            copy_rows(self.image(name, step), self._copy(name, step))
        self.workdir.keep(Position(self.stage, step), self.spent)
        self.workdir.drop(self.stage, except_for=f"at{step}")
        self.saved = time.monotonic()

    def _copy(self, name: str, step: int) -> Image:
        return self.workdir.pixels(self._file(name, step), *self.shape[1:], dtype_name(self.half))

    def _file(self, name: str, step: int) -> str:
        return f"{stage_name(self.stage)}.{name}.at{step}"


class InFiles:
    """Canvases in memory-mapped files, two of each name: a step reads one and writes the other.

    Args:
        workdir: where the files lie.
        stage: number of the stage.
        height, width, half: see :class:`InMemory`.
    """

    def __init__(
        self, workdir: Workdir, stage: int, height: int, width: int, *, half: bool = False
    ) -> None:
        self.workdir, self.stage, self.half = workdir, stage, half
        self.size = (height, width)
        _, self.step, self.patches = workdir.begun(stage, lambda step: self.file("x", step))
        self.spent = workdir.spent(stage)
        self.kept, self.touched = time.monotonic(), 0
        for step in (0, 1):  # a full disk is told before the work, not after the first step
            self.image("x", step)

    def image(self, name: str, step: int) -> Image:
        """The image of the step's parity."""
        return self.workdir.pixels(self.file(name, step), *self.size, dtype_name(self.half))

    def keep_apart(self) -> None:
        """They are."""

    def file(self, name: str, step: int) -> str:
        """Name of the file that holds a canvas before ``step``."""
        return f"{stage_name(self.stage)}.{name}.{step % 2}"

    def batch_done(self, step: int, patches: int, pixels: int) -> None:
        """Let go of memory from time to time, and note the patches. A patch done twice is done the same."""
        self.touched += pixels * 3 * (2 if self.half else 4)
        if self.touched > RELEASE_EVERY:
            self.workdir.release()
            self.touched = 0
        if time.monotonic() - self.kept > KEEP_EVERY:
            self.workdir.keep(Position(self.stage, step, patches), self.spent)
            self.kept = time.monotonic()

    def step_done(self, step: int) -> None:
        """Note the step."""
        self.workdir.keep(Position(self.stage, step + 1), self.spent)
        self.step, self.patches = step + 1, 0

    def finish(self, num_steps: int) -> Image:
        """Give the file of the clean image its lasting name."""
        self.workdir.finish(self.stage, self.file("x", num_steps))
        image = self.workdir.image(self.stage)
        assert image is not None
        return image
