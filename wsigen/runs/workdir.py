"""A folder that keeps a long run: its canvases, memory-mapped, how far it has come, and what made it.

A step reads one file and writes another, so that whatever ends a run, the image it goes on from is whole. How far it
has come stands in a small file that is replaced, never written in place.
"""

import contextlib
import errno
import fcntl
import json
import math
import mmap
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from wsigen.errors import WsigenError
from wsigen.runs.canvas import Image
from wsigen.runs.progress import Position, Spent

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Workdir:
    """The stages of one slide, finished and in work.

    Args:
        folder: made if it is not there.
        parameters: everything that decides the slide, as JSON values; a folder begun with others is refused.
    """

    def __init__(self, folder: Path, parameters: dict[str, Any]) -> None:
        self.folder, self.begun_here = folder, False
        self.mapped: dict[Path, np.memmap[Any, Any]] = {}
        described = folder / "config.json"
        text = json.dumps(parameters, indent=2, sort_keys=True)
        if described.is_file():
            if described.read_text() != text:
                raise WsigenError(
                    f"{folder}: holds another slide's stages, begun with other {others(described, text)} (see "
                    f"{described.name}); give the same as then, or another --workdir"
                )
            return
        if folder.is_dir() and any(path.suffix != ".part" for path in folder.iterdir()):
            raise WsigenError(
                f"{folder}: not empty and no wsigen workdir; choose another --workdir"
            )
        folder.mkdir(parents=True, exist_ok=True)
        self.begun_here = True
        with self._told_when_full():
            replace_text(described, text)

    @contextlib.contextmanager
    def claimed(self, *, tidy: bool = True) -> Iterator[None]:
        """Keep all other runs out, also those of other processes; the claim dies with the process.

        If ``tidy``, what finished stages worked with is deleted: a killed run may not have come to it.

        Raises:
            WsigenError: another run is at work here.
        """
        with (self.folder / "lock").open("a+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                file.seek(0)
                raise WsigenError(
                    f"{self.folder}: another run is at work here (process {file.read() or 'unknown'}); "
                    "wait for it, end it, or choose another --workdir"
                ) from error
            file.truncate(0)
            file.write(str(os.getpid()))
            file.flush()
            for stage in range(self.position.stage if tidy else 0):
                self.drop(stage)
            yield

    @property
    def position(self) -> Position:
        """Where to go on. Patches count only while the machine runs: after a power cut the step begins anew."""
        found = self._noted()
        if not found:
            return Position()
        if self._file(stage_name(found["stage"])).is_file():  # killed between two lines of finish()
            return Position(found["stage"] + 1)
        same_boot = found["boot"] == boot_id()
        return Position(found["stage"], found["step"], found["patches"] if same_boot else 0)

    def begun(self, stage: int, file_of: Callable[[int], str]) -> Position:
        """Where to go on with a stage: where it was left, if the canvas of that step is there, else at its start.

        It is not there if the run before kept its canvases in another way. What that left is deleted.

        Args:
            stage: which.
            file_of: names the file that holds the canvas before a step.
        """
        found = self.position
        if found.stage != stage:
            return Position(stage)
        if self._file(file_of(found.step)).is_file():
            return found
        self.drop(stage, except_for="guide")
        if found != Position(stage):
            self.keep(Position(stage), Spent())
        return Position(stage)

    def keep(self, position: Position, spent: Spent | None = None) -> None:
        """Note how far the run has come; at the end of a step, after its pixels are on the disk.

        ``spent`` is noted with it, as what the position's stage has spent.
        """
        step_done = position.patches == 0
        ledger = self._noted().get("spent", {})
        if spent is not None:
            ledger[str(position.stage)] = asdict(spent)
        text = json.dumps(position._asdict() | {"boot": boot_id(), "spent": ledger})
        with self._told_when_full():
            if step_done:
                for array in self.mapped.values():
                    array.flush()
            replace_text(self.folder / "position.json", text, durable=step_done)

    def spent(self, stage: int) -> Spent:
        """What a stage had spent when the run was noted last."""
        return Spent(**self._noted().get("spent", {}).get(str(stage), {}))

    def pixels(self, name: str, height: int, width: int, dtype: str) -> Image:
        """A memory-mapped image, (3, height, width); made, with all of its room on the disk, if it is not there.

        In the file a row of the image is one run of bytes, its three colours after each other.
        """
        path = self._file(name)
        if path not in self.mapped:
            shape = (height, 3, width)
            with self._told_when_full(math.prod(shape) * np.dtype(dtype).itemsize):
                self.mapped[path] = mapped(path, shape, dtype)
        return torch.from_numpy(self.mapped[path]).permute(1, 0, 2)

    def finish(self, stage: int, name: str) -> None:
        """Give an image its lasting name, note that its stage is done, and drop what the stage worked with."""
        os.replace(self._file(name), self._file(stage_name(stage)))
        self.mapped.clear()
        self.keep(Position(stage + 1))
        self.drop(stage)

    def drop(self, stage: int, *, except_for: str = "(none)") -> None:
        """Delete the files that a stage works with, except those whose name ends so."""
        for path in self.folder.glob(f"{stage_name(stage)}.*.npy"):
            if not path.stem.endswith(f".{except_for}"):
                self.mapped.pop(path, None)
                path.unlink()

    def image(self, stage: int) -> Image | None:
        """A finished stage, memory-mapped, shape (3, height, width), or None."""
        path = self._file(stage_name(stage))
        if self.position.stage <= stage or not path.is_file():
            return None
        if path not in self.mapped:
            self.mapped[path] = np.load(path, mmap_mode="r+")
        return torch.from_numpy(self.mapped[path]).permute(1, 0, 2)

    def load(self, stage: int) -> NDArray[np.float32] | None:
        """A finished stage in memory, shape (3, height, width), or None."""
        image = self.image(stage)
        return None if image is None else image.float().numpy().copy()

    def release(self) -> None:
        """Let go of the memory that mapped pixels were read into; what was written stays, in the system's cache."""
        for array in self.mapped.values():
            assert isinstance(array.base, mmap.mmap)
            array.base.madvise(mmap.MADV_DONTNEED)

    def check_room(self, needed: int) -> None:
        """Raise WsigenError where the disk cannot take ``needed`` bytes, of which some may be here already."""
        present = sum(file.stat().st_blocks * 512 for file in self.folder.glob("stage_*.npy"))
        free = shutil.disk_usage(self.folder).free
        if needed > present + free:
            if self.begun_here:  # what cannot be made shall not keep the place of what can
                (self.folder / "config.json").unlink()
                with contextlib.suppress(OSError):  # others have files there
                    self.folder.rmdir()
            raise WsigenError(
                f"{self.folder}: the run needs {needed / 1e9:.2f} GB, and {(present + free) / 1e9:.2f} GB "
                "are free; make room, choose another --workdir, or keep the canvas in half precision"
            )

    @contextlib.contextmanager
    def _told_when_full(self, size: int = 0) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                raise
            stage, step, _ = self.position
            needed = f" {size / 1e9:.2f} GB are needed;" if size else ""
            raise WsigenError(
                f"{self.folder}: the disk is full in stage {stage} after {step} steps;{needed} make room "
                "and run the same command again: it goes on from there"
            ) from error

    def _noted(self) -> dict[str, Any]:
        file = self.folder / "position.json"
        found: dict[str, Any] = json.loads(file.read_text()) if file.is_file() else {}
        return found

    def _file(self, name: str) -> Path:
        return self.folder / f"{name}.npy"


def stage_name(stage: int) -> str:
    """What the files of a stage are called."""
    return f"stage_{stage:02d}"


def mapped(path: Path, shape: tuple[int, ...], dtype: str) -> "np.memmap[Any, Any]":
    """Open or make a memory-mapped array whose room is taken: a write into it cannot find the disk full."""
    if not path.is_file():
        part = path.with_suffix(".part")
        try:
            np.lib.format.open_memmap(part, mode="w+", dtype=dtype, shape=shape)
            with part.open("r+b") as file:
                os.posix_fallocate(file.fileno(), 0, part.stat().st_size)
            os.replace(part, path)
        finally:
            part.unlink(missing_ok=True)
    array = np.load(path, mmap_mode="r+")
    assert array.shape == shape
    assert array.dtype == dtype
    return array


def others(described: Path, text: str) -> str:
    """The names of the parameters in which a text differs from that kept in a file."""
    try:
        kept, given = json.loads(described.read_text()), json.loads(text)
        names = [name for name in {**kept, **given} if kept.get(name) != given.get(name)]
    except (ValueError, TypeError):
        return "parameters"
    return ", ".join(names) or "parameters"


def replace_text(path: Path, text: str, *, durable: bool = True) -> None:
    """Write a small file that is there whole or not at all; if ``durable``, also after a power cut."""
    part = path.with_suffix(".part")
    try:
        with part.open("w") as file:
            file.write(text)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def boot_id() -> str:
    """A name of this run of the machine."""
    return BOOT_ID.read_text().strip() if BOOT_ID.is_file() else "unknown"
