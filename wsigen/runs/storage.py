"""Where a run keeps its canvases: in memory, on the device or in files; in full or in half precision."""

import contextlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import torch

from wsigen.errors import WsigenError
from wsigen.grid import Window
from wsigen.plan import Stage
from wsigen.runs.canvas import Image
from wsigen.runs.kept import WINDOWS, Drawn
from wsigen.runs.progress import Position, Progress, Spent
from wsigen.runs.state import InFiles, InMemory, Saved, State, dtype_name
from wsigen.runs.workdir import Workdir, stage_name

HALF_FROM = 2 << 30  # bytes of a float32 canvas from which half precision is chosen
SHARE = 0.5  # of the memory that is free may be taken by canvases
SHARE_OF_DEVICE = 0.75  # which nobody else uses; the rest is for a batch in the network


@dataclass(frozen=True)
class Storage:
    """How the canvases of all stages are kept.

    Args:
        kind: "memory" (of ``device``), stepped in place, or "files", memory-mapped in the workdir.
        half: in half precision, else in float32.
        device: whose memory.
        workdir: keeps what a resumed run goes on from; "files" cannot do without.
        until: for canvases in memory, when the run has to end; see :class:`wsigen.runs.state.Saved`.
    """

    kind: str = "memory"
    half: bool = False
    device: torch.device | str = "cpu"
    workdir: Workdir | None = None
    until: float | None = None

    @classmethod
    def beside(cls, device: torch.device, workdir: Workdir | None = None) -> Self:
        """The simplest one for a network on a device: in files where there is a workdir and no GPU, else in memory."""
        files = workdir is not None and device.type == "cpu"
        return cls("files" if files else "memory", False, device, workdir)

    def state(self, stage: Stage, region: Window | None = None) -> State:
        """The canvases of a stage, or of a region of it, as they were left or new."""
        height, width = (region or stage).height, (region or stage).width
        if self.workdir is None:
            return InMemory(height, width, half=self.half, device=self.device)
        if self.kind == "files":
            return InFiles(self.workdir, stage.index, height, width, half=self.half)
        return Saved(
            self.workdir,
            stage.index,
            height,
            width,
            half=self.half,
            device=self.device,
            until=self.until,
        )

    @property
    def drawn(self) -> Drawn | None:
        """What somebody has looked at already, if it lies in the workdir."""
        if self.workdir is None or not (self.workdir.folder / WINDOWS).is_dir():
            return None
        return Drawn(self.workdir.folder)

    def guide(self, stage: int, height: int, width: int) -> Image:
        """Room for that part of the stage before that guides a worker's band; empty or as it was left."""
        if self.workdir is None:
            return InMemory(height, width, half=self.half, device=self.device).image("x", 0)
        name = f"{stage_name(stage)}.guide"
        return self.workdir.pixels(name, height, width, dtype_name(self.half))

    @property
    def position(self) -> Position:
        """How far a run has come that can be resumed."""
        return self.workdir.position if self.workdir else Position()

    def keep(self, position: Position) -> None:
        """Note how far a run has come, if it can be resumed."""
        if self.workdir is not None:
            self.workdir.keep(position)

    def spent(self, stage: int) -> Spent:
        """What a stage of a run that can be resumed has spent."""
        return self.workdir.spent(stage) if self.workdir else Spent()

    def before(self, stage: Stage) -> Iterator[Progress]:
        """What a stage spent that was finished before, if that is known."""
        spent = self.spent(stage.index)
        if spent.patches:
            yield Progress.of(stage, 0, spent, spent.patches)

    def drop(self, stage: int) -> None:
        """Delete the files that a stage worked with."""
        if self.workdir is not None:
            self.workdir.drop(stage)

    def finished(self, stage: Stage) -> Image | None:
        """A stage that was finished before, or None."""
        image = self.workdir.image(stage.index) if self.workdir else None
        return image if image is None or self.kind == "files" else image.to(self.device)

    def check_room(self, path: Sequence[Stage], canvases: int = 1, share: float = 1) -> None:
        """Raise WsigenError where the disk cannot take a run, or a worker's share, before it starts."""
        if self.workdir is not None and self.workdir.position.stage <= path[-1].index:
            self.workdir.check_room(int(share * bytes_on_disk(path, self.half, canvases)))

    @contextlib.contextmanager
    def claimed(self, *, tidy: bool = True) -> Iterator[None]:
        """Keep other runs out of the workdir, if there is one."""
        with self.workdir.claimed(tidy=tidy) if self.workdir else contextlib.nullcontext():
            yield

    def release(self) -> None:
        """Let go of memory that files were read into."""
        if self.workdir is not None:
            self.workdir.release()


def canvas_bytes(stage: Stage, half: bool) -> int:
    """Size of one canvas of a stage."""
    return 3 * stage.height * stage.width * (2 if half else 4)


def needs_half(path: Sequence[Stage]) -> bool:
    """Whether a slide's canvases are in half precision if nobody says: by the last one's size, on every machine."""
    return canvas_bytes(path[-1], False) > HALF_FROM


def bytes_on_disk(path: Sequence[Stage], half: bool, canvases: int = 1) -> int:
    """Room for all finished stages and, of the last one, two files of each canvas, one of which is to stay."""
    finished = sum(canvas_bytes(stage, half) for stage in path)
    return finished + (2 * canvases - 1) * canvas_bytes(path[-1], half)


def choose_storage(
    path: Sequence[Stage],
    device: torch.device | str = "cpu",
    *,
    kind: str = "auto",
    half: bool | None = None,
    resumable: bool = False,
    canvases: int = 1,
    workers: int = 1,
    workers_here: int = 1,
) -> tuple[str, bool, torch.device | str, str]:
    """Choose kind, half and device of a :class:`Storage` by size, and say so in a line.

    Args:
        path: the stages of the slide.
        device: where the network runs.
        kind: "memory", "files", or "auto": files where a run on the CPU shall be resumable, or memory is short.
        half: given, or chosen by the size of the last canvas alone, so that it is the same on every machine.
        resumable: whether there is a workdir.
        canvases: how many the solver needs.
        workers: among how many they are divided.
        workers_here: how many of these share this machine's memory.
    """
    if kind not in ("auto", "memory", "files"):
        raise WsigenError(f"no kind of canvas {kind!r}; expected auto, memory or files")
    last = path[-1]
    if half is None:
        half = needs_half(path)
    needed = canvases * canvas_bytes(last, half) + (
        canvas_bytes(path[-2], half) if len(path) > 1 else 0
    )
    needed //= workers
    places = [device] if str(device) == "cpu" else [device, "cpu"]
    fitting = [place for place in places if needed <= room(place, workers_here)]
    if kind == "auto":
        on_disk = not fitting or (resumable and str(fitting[0]) == "cpu")
        kind = "files" if on_disk else "memory"
    place = fitting[0] if fitting and kind == "memory" else "cpu"
    where = "in memory-mapped files" if kind == "files" else f"in the memory of {place}"
    shared = f", for each of {workers} workers" if workers > 1 else ""
    text = (
        f"canvas of {last.width} x {last.height} px: {needed / 1e9:.2f} GB "
        f"in {'half' if half else 'full'} precision{shared}, {where}"
    )
    return kind, half, place, text


def room(place: torch.device | str, workers: int = 1) -> float:
    """Bytes of memory that a worker's canvases may take there; each has a device of its own, if not the processor."""
    share = SHARE / workers if str(place) == "cpu" else SHARE_OF_DEVICE
    return share * free_memory(place)


def free_memory(device: torch.device | str) -> int:
    """Bytes that can be taken of a device's memory, or of the machine's."""
    if str(device).startswith("cuda"):
        return int(torch.cuda.mem_get_info(device)[0])
    free = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES")
    meminfo = Path("/proc/meminfo")
    if meminfo.is_file():
        for line in meminfo.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                free = int(line.split()[1]) * 1024
    limit = Path("/sys/fs/cgroup/memory.max")
    if limit.is_file() and limit.read_text().strip().isdigit():
        free = min(free, int(limit.read_text()))
    return free
