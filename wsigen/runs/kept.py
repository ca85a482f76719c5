"""Windows that were made and may be of use again: in memory up to a limit, in a folder up to another.

Of each the least lately used go first, from memory to the folder and from the folder for good. A window that is gone is
only made again, the same.
"""

import os
from collections import OrderedDict
from pathlib import Path
from threading import RLock
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from wsigen.runs.canvas import Image

WINDOWS = "windows"  # folder of the windows of a slide
BLOCK = 4096  # bytes by which a file grows on the disk
PAGE = 768  # numbers in a piece of memory: a window takes as many as it fills


class Key(NamedTuple):
    """A window of a canvas as it stands before a step of a stage of the slide named by ``seed``."""

    seed: int
    stage: int
    step: int
    name: str
    top: int
    left: int

    @property
    def in_slide(self) -> Path:
        """Where it lies in the folder of its slide."""
        canvas = f"stage_{self.stage:02d}.{self.step:02d}.{self.name}"
        return Path(WINDOWS) / canvas / f"{self.top}_{self.left}.npy"

    @property
    def file(self) -> Path:
        """Where it lies in a folder of many slides."""
        return Path(seed_folder(self.seed)) / self.in_slide

    @classmethod
    def of(cls, file: Path) -> "Key":
        """The key of a file that is named so."""
        seed, _, canvas, place = file.parts[-4:]
        stage, step, name = canvas.removeprefix("stage_").split(".")
        top, left = place.removesuffix(".npy").split("_")
        number = int(seed.removeprefix("seed_"))
        return cls(number, int(stage), int(step), name, int(top), int(left))


def seed_folder(seed: int | str) -> str:
    """Name of the folder that holds what is kept of a slide."""
    return f"seed_{seed}"


class Kept:
    """The windows lately used; to be shared by threads.

    Args:
        memory_bytes: how much memory they may take.
        folder: where those go that leave memory, and where those of an earlier session are; None: nowhere.
        disk_bytes: how much of the disk they may take there.
    """

    def __init__(
        self, memory_bytes: int, folder: Path | None = None, disk_bytes: int = 4 << 30
    ) -> None:
        self.memory_bytes, self.disk_bytes, self.folder = memory_bytes, disk_bytes, folder
        # One block of memory in pages: windows of all sizes find room there, and leave no gaps that none would fill.
        self.pool: torch.Tensor | None = None
        self.pages = torch.empty(0, dtype=torch.int32)  # the first ``free`` of them are free
        self.free = 0
        self.in_memory: OrderedDict[Key, tuple[Tensor, torch.Size]] = OrderedDict()  # pages, shape
        self.on_disk: OrderedDict[Key, int] = OrderedDict()  # bytes of each
        self.bytes_on_disk = 0
        self.lock = RLock()
        if folder is not None:
            found = [
                (file, file.stat()) for file in folder.glob(f"seed_*/{WINDOWS}/stage_*.*.*/*_*.npy")
            ]
            for file, about in sorted(found, key=lambda pair: pair[1].st_mtime):
                self._count(Key.of(file), about.st_size)
            self._shrink_disk()

    def __contains__(self, key: Key) -> bool:
        return key in self.in_memory or key in self.on_disk

    @property
    def bytes_in_memory(self) -> int:
        """What the windows in memory take."""
        return 0 if self.pool is None else (len(self.pool) - self.free) * self.pool[:1].nbytes

    def get(self, key: Key) -> Image | None:
        """A copy of a window, or None where it is not kept; it counts as used."""
        with self.lock:
            if key in self.in_memory:
                self.in_memory.move_to_end(key)
                return self._at(*self.in_memory[key])
            if key not in self.on_disk:
                return None
            self.on_disk.move_to_end(key)
            assert self.folder is not None
            image = loaded(self.folder / key.file)
            if image is None:
                self._forget(key)
            else:
                self._remember(key, image)
            return image

    def put(self, key: Key, image: Image) -> None:
        """Keep a window; all are of one type."""
        with self.lock:
            if key not in self.in_memory:
                self._remember(key, image)

    def close(self) -> None:
        """Send what is in memory to the folder, as much as there is room for."""
        with self.lock:
            needed = sum(self._file_bytes(shape) for _, shape in self.in_memory.values())
            while needed > self.disk_bytes:
                _, (_, shape) = self.in_memory.popitem(last=False)
                needed -= self._file_bytes(shape)
            while self.in_memory:
                self._drop()

    def _file_bytes(self, shape: torch.Size) -> int:
        """The most that a window in memory takes on the disk."""
        assert self.pool is not None
        return shape.numel() * self.pool.element_size() + BLOCK

    def _remember(self, key: Key, image: Image) -> None:
        if self.pool is None:
            count = self.memory_bytes // (PAGE * image.element_size())
            self.pool = torch.empty(count, PAGE, dtype=image.dtype)
            self.pages, self.free = torch.arange(count, dtype=torch.int32), count
        number = -(-image.numel() // PAGE)
        while self.free < number and self.in_memory:
            self._drop()
        if self.free < number:  # no room for a single one
            self._save(key, image)
            return
        self.free -= number
        pages = self.pages[self.free : self.free + number].clone()
        filled = functional.pad(image.reshape(-1), (0, number * PAGE - image.numel()))
        self.pool[pages] = filled.view(number, PAGE)
        self.in_memory[key] = (pages, image.shape)

    def _drop(self) -> None:
        """Send the least lately used window out of memory."""
        key, (pages, shape) = self.in_memory.popitem(last=False)
        self._save(key, self._at(pages, shape))
        self.pages[self.free : self.free + len(pages)] = pages
        self.free += len(pages)

    def _at(self, pages: Tensor, shape: torch.Size) -> Image:
        """A copy of what lies in some pages."""
        assert self.pool is not None
        return self.pool[pages].view(-1)[: shape.numel()].view(shape)

    def _save(self, key: Key, image: Image) -> None:
        if self.folder is None or key in self.on_disk:
            return
        file = self.folder / key.file
        part = file.with_suffix(".part")
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            with part.open("wb") as opened:
                np.save(opened, image.numpy())
            os.replace(part, file)
        except OSError:  # a full disk, say: then this one is lost
            part.unlink(missing_ok=True)
            return
        self._count(key, file.stat().st_size)
        self._shrink_disk()

    def _count(self, key: Key, size: int) -> None:
        self.on_disk[key] = -(-size // BLOCK) * BLOCK
        self.bytes_on_disk += self.on_disk[key]

    def _shrink_disk(self) -> None:
        while self.bytes_on_disk > self.disk_bytes and self.on_disk:
            self._forget(next(iter(self.on_disk)))

    def _forget(self, key: Key) -> None:
        assert self.folder is not None
        self.bytes_on_disk -= self.on_disk.pop(key)
        (self.folder / key.file).unlink(missing_ok=True)


class Drawn:
    """Windows of one slide that somebody looked at before it is made as a whole.

    Args:
        folder: the work folder of the slide, in which ``Kept`` has left them.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def get(self, key: Key) -> Image | None:
        """A window, or None where nobody has looked."""
        file = self.folder / key.in_slide
        return loaded(file) if file.is_file() else None


def loaded(file: Path) -> Image | None:
    """A window from its file; None where it is gone or not whole."""
    try:
        return torch.from_numpy(np.load(file))
    except (OSError, EOFError, ValueError):
        return None
