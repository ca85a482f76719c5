"""Many who look and one machine that draws: who waits for which windows, and whose turn it is.

A reader says what it waits for, all of it each time, the most wanted first: what it does not name again is dropped.
Readers take turns, batch by batch of patches, whoever asks how much how often. Neighbours in the list are made
together, and what two wait for is made once. A reader who has not been heard of for some seconds is forgotten.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from wsigen.errors import WsigenError
from wsigen.grid import Window

Pixels = NDArray[np.uint8]
Work = Generator[int, None, list[Pixels]]

TOGETHER = 16  # windows that are made together at most
SILENT_S = 10.0  # a reader who says nothing for so long has gone
SLIDES = 64  # slides that stay open
FAILURES = 1000  # that are remembered


class Piece(NamedTuple):
    """A window of a finished stage of a slide, and in what form it is wanted: "jpg", "png" or "pixels"."""

    seed: int
    stage: int
    window: Window
    form: str


class Slide(Protocol):
    """What is drawn: a :class:`wsigen.zoom.scope.Scope`."""

    @property
    def spent(self) -> Any: ...  # wsigen.runs.progress.Spent, which imports torch
    @property
    def share(self) -> float: ...
    def make(self, stage: int, windows: Sequence[Window]) -> Work: ...


class Full(WsigenError):
    """More readers than the desk serves."""


@dataclass
class Reader:
    """Somebody who waits."""

    waits: Sequence[Piece] = ()
    heard: float = 0.0
    pieces: Sequence[Piece] = ()  # those that are being made
    work: Work | None = None
    lacking: int = 0  # patches that these lack still
    total: int = 0  # and at first


@dataclass
class Standing:
    """How a reader's wish stands: what is there of it, what cannot be had and why, patches lacking now and at first."""

    ready: list[Piece] = field(default_factory=list)
    failed: dict[Piece, str] = field(default_factory=dict)
    lacking: int = 0
    total: int = 0
    others: int = 0  # readers who wait too


class Desk:
    """The queue before the machine that draws.

    Args:
        slide_of: opens the slide of a seed.
        formed: brings the pixels of a piece, (height, width, 3), into its form.
        keep_bytes: memory for pieces that are done.
        readers: how many are served.
    """

    def __init__(
        self,
        slide_of: Callable[[int], Slide],
        formed: Callable[[Piece, Pixels], Any],
        *,
        keep_bytes: int = 64 << 20,
        readers: int = 100,
    ) -> None:
        self.slide_of, self.formed = slide_of, formed
        self.keep_bytes, self.most_readers = keep_bytes, readers
        self.slides: OrderedDict[int, Slide] = OrderedDict()
        self.readers: OrderedDict[str, Reader] = OrderedDict()
        self.done: OrderedDict[Piece, Any] = OrderedDict()
        self.failed: OrderedDict[Piece, str] = OrderedDict()
        self.bytes = 0
        self.changed = threading.Condition()
        self.closed = False

    def ask(self, name: str, pieces: Sequence[Piece]) -> Standing:
        """Wait for these pieces and no others, as ``name``. Raises :class:`Full` where it is one reader too many."""
        with self.changed:
            self._forget_silent()
            if name not in self.readers and len(self.readers) >= self.most_readers:
                raise Full(f"{len(self.readers)} others are being served; try again in a while")
            reader = self.readers.setdefault(name, Reader())
            reader.waits, reader.heard = pieces, time.monotonic()
            self.changed.notify()
        return self.standing(name)

    def standing(self, name: str) -> Standing:
        """How the wish of a reader stands; who is not known has none."""
        with self.changed:
            reader = self.readers.get(name, Reader())
            return Standing(
                [piece for piece in reader.waits if piece in self.done],
                {piece: self.failed[piece] for piece in reader.waits if piece in self.failed},
                reader.lacking,
                reader.total,
                sum(self._waits(other) for other in self.readers.values() if other is not reader),
            )

    def leave(self, name: str) -> None:
        """Drop what a reader waits for."""
        with self.changed:
            self.readers.pop(name, None)

    def get(self, piece: Piece) -> Any | None:
        """A piece that is done, in its form, or None."""
        with self.changed:
            if piece in self.done:
                self.done.move_to_end(piece)
            return self.done.get(piece)

    @contextmanager
    def at_work(self) -> Iterator["Desk"]:
        """Draw in a thread of its own until the end of the block."""
        thread = threading.Thread(target=self._run, name="desk", daemon=True)
        thread.start()
        try:
            yield self
        finally:
            with self.changed:
                self.closed = True
                self.changed.notify()
            thread.join()

    def _run(self) -> None:
        while True:
            with self.changed:
                while not self.closed and (turn := self._turn()) is None:
                    self.changed.wait(SILENT_S)
                if self.closed:
                    return
            assert turn is not None
            self._serve(*turn)

    def _turn(self) -> tuple[Reader, Sequence[Piece]] | None:
        """The next who waits, and what is to be made for them."""
        self._forget_silent()
        for name, reader in self.readers.items():
            wanted = [piece for piece in reader.waits if self._open(piece)]
            if wanted:
                self.readers.move_to_end(name)
                first = wanted[0]
                alike = [p for p in wanted if (p.seed, p.stage) == (first.seed, first.stage)]
                return reader, alike[:TOGETHER]
        return None

    def _waits(self, reader: Reader) -> bool:
        return any(self._open(piece) for piece in reader.waits)

    def _open(self, piece: Piece) -> bool:
        return piece not in self.done and piece not in self.failed

    def _serve(self, reader: Reader, pieces: Sequence[Piece]) -> None:
        """A batch of patches for a reader, and what comes of it."""
        done: dict[Piece, Any] = {}
        failed: dict[Piece, str] = {}
        try:
            if reader.work is None or not set(reader.pieces) <= set(reader.waits):
                reader.pieces, reader.total = pieces, 0
                windows = [piece.window for piece in pieces]
                reader.work = self.slide(pieces[0].seed).make(pieces[0].stage, windows)
            reader.lacking = next(reader.work)
            reader.total = max(reader.total, reader.lacking)
            return
        except StopIteration as end:
            for piece, pixels in zip(reader.pieces, end.value, strict=True):
                done[piece] = self.formed(piece, pixels)
        except Exception as error:  # whatever it is, the others are served on
            failed = dict.fromkeys(reader.pieces, str(error))
        reader.work, reader.pieces, reader.lacking, reader.total = None, (), 0, 0
        with self.changed:
            for piece, form in done.items():
                self.bytes += size_of(form) - size_of(self.done.pop(piece, b""))
                self.done[piece] = form
            while self.bytes > self.keep_bytes and len(self.done) > TOGETHER:
                self.bytes -= size_of(self.done.popitem(last=False)[1])
            self.failed |= failed
            while len(self.failed) > FAILURES:
                self.failed.popitem(last=False)

    def slide(self, seed: int) -> Slide:
        """The slide of a seed; those looked at last stay open."""
        if seed not in self.slides:
            self.slides[seed] = self.slide_of(seed)
        self.slides.move_to_end(seed)
        while len(self.slides) > SLIDES:
            self.slides.popitem(last=False)
        return self.slides[seed]

    def _forget_silent(self) -> None:
        since = time.monotonic() - SILENT_S
        for name in [name for name, reader in self.readers.items() if reader.heard < since]:
            del self.readers[name]


def size_of(form: Any) -> int:
    """Bytes of a piece, encoded or an array."""
    return len(form) if isinstance(form, bytes) else int(form.nbytes)
