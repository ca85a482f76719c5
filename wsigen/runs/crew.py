"""Batches side by side on a processor, each on one thread.

Threads that share the work of an operator wait for each other at its end, some hundred times a batch. Beside other
programs all of them wait for whichever was put off last. Threads that have a batch each wait for nobody, and what comes
of a batch does not depend on how many of them there are.

How many is what torch has been told (``torch.set_num_threads``; at first ``OMP_NUM_THREADS``, else the cores).
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from threading import Barrier
from typing import Self, TypeVar, cast

import torch

Piece = TypeVar("Piece")
Result = TypeVar("Result")

AHEAD = (
    3  # pieces a thread that are begun or wait, so that none is idle while the oldest is not done
)


class Crew:
    """Threads that take one piece of work after the other; a context, at whose end they are gone.

    Args:
        device: on a GPU, as with one thread, pieces are done one after the other where they are asked for.
    """

    def __init__(self, device: torch.device | str = "cpu") -> None:
        self.size = torch.get_num_threads() if torch.device(device).type == "cpu" else 1
        self.pool: ThreadPoolExecutor | None = None

    def __enter__(self) -> Self:
        if self.size > 1:
            here = Barrier(self.size + 1)

            def begin() -> None:
                torch.set_num_threads(1)
                torch.get_num_threads()  # a thread that has not asked yet would take the next one's number
                here.wait()

            self.pool = ThreadPoolExecutor(self.size, "crew")
            for _ in range(self.size):
                self.pool.submit(begin)
            here.wait()
            torch.set_num_threads(self.size)  # of all other threads, also of those to come
        return self

    def __exit__(self, *_: object) -> None:
        if self.pool is not None:
            self.pool.shutdown(cancel_futures=True)

    def ahead(self, pieces: Iterable[Piece]) -> Iterator[Piece]:
        """Yield pieces, each made on a thread of the crew while the one before is in use."""
        if self.pool is None:
            yield from pieces
            return
        source, end = iter(pieces), object()
        future = self.pool.submit(next, source, end)
        try:
            while (piece := future.result()) is not end:
                future = self.pool.submit(next, source, end)
                yield cast(Piece, piece)
        finally:
            future.cancel()
            wait([future])

    def in_order(
        self, work: Callable[[Piece], Result], pieces: Iterable[Piece]
    ) -> Iterator[tuple[Piece, Result]]:
        """Do pieces of work side by side; yield each with what comes of it, in their order.

        Whatever ends it, an error of one piece or a caller who does not come back, no work goes on behind it.
        """
        if self.pool is None:
            for piece in pieces:
                yield piece, work(piece)
            return
        alike = torch.is_inference_mode_enabled()  # each thread has a mode of its own
        begun: deque[tuple[Piece, Future[Result]]] = deque()

        def done(piece: Piece) -> Result:
            with torch.inference_mode(alike):
                return work(piece)

        try:
            for piece in pieces:
                begun.append((piece, self.pool.submit(done, piece)))
                if len(begun) >= AHEAD * self.size:
                    oldest, future = begun.popleft()
                    yield oldest, future.result()
            while begun:
                oldest, future = begun.popleft()
                yield oldest, future.result()
        finally:
            for _, future in begun:
                future.cancel()
            wait([future for _, future in begun])

    def each(self, work: Callable[[Piece], Result], pieces: Iterable[Piece]) -> list[Result]:
        """Do pieces of work side by side; return what comes of each once all are done."""
        return [result for _, result in self.in_order(work, pieces)]


@contextmanager
def one_thread() -> Iterator[None]:
    """Have torch work on one thread here: beside a crew, operators of this thread are to have no barrier either."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
