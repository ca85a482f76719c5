"""Workers that send each other rows of images, on torch.distributed (started by torchrun)."""

import functools
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Self

import torch
from torch import Tensor, distributed

from wsigen.errors import WsigenError
from wsigen.runs.canvas import Image
from wsigen.workers.bands import Transfer

MESSAGE_PIXELS = 1 << 22


@dataclass(frozen=True)
class Team:
    """The workers, as one of them sees it: it is number ``rank`` of ``size``."""

    rank: int
    size: int

    @classmethod
    def join(cls, timeout_s: float = 1800) -> Self:
        """Meet the others, as torchrun's environment variables say.

        Args:
            timeout_s: how long to wait for a worker that does not answer; one that dies is noticed at once.
        """
        backend = "gloo"
        if torch.cuda.is_available():  # rows on a GPU go by nccl, words and barriers by gloo
            backend = "cpu:gloo,cuda:nccl"
            # nccl and compiled kernels go by the current device
            torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", 0)) % torch.cuda.device_count())
        distributed.init_process_group(backend, timeout=timedelta(seconds=timeout_s))
        return cls(distributed.get_rank(), distributed.get_world_size())

    def leave(self) -> None:
        """Take leave of the others, when all is done."""
        distributed.destroy_process_group()

    def __call__(self, job: Callable[[], Any]) -> Any:
        """Do something together; a worker that is gone is told as an error of the user's."""
        try:
            return job()
        except RuntimeError as error:
            line = str(error).splitlines()[0]
            reason = line.split("] ", 1)[-1].split(". ")[0]  # less the place in gloo's source
            raise WsigenError(
                f"worker {self.rank} of {self.size} lost touch with another ({reason}); see that all hosts run "
                "and reach each other, then give the same command again: with --workdir it goes on"
            ) from error

    def wait(self) -> None:
        """Wait until all are here."""
        self(lambda: distributed.barrier())

    def tell(self, value: Any) -> list[Any]:
        """Say something to all; return what each has said."""
        found: list[Any] = [None] * self.size
        self(lambda: distributed.all_gather_object(found, value))
        return found

    def move(self, moves: Sequence[Transfer], source: "Rows", target: "Rows") -> None:
        """Send and receive rows, in the order of ``moves``, a few million pixels at a time."""
        for move in moves:
            if self.rank not in (move.source, move.target):
                continue
            height = max(1, MESSAGE_PIXELS // source.width)
            for start in range(move.start, move.stop, height):
                rows = range(start, min(start + height, move.stop))
                if move.source == move.target:
                    target.put(rows, source.get(rows))
                elif move.source == self.rank:
                    self(functools.partial(distributed.send, source.get(rows), move.target))
                else:
                    received = target.empty(rows)
                    self(functools.partial(distributed.recv, received, move.source))
                    target.put(rows, received)


@dataclass(frozen=True)
class Rows:
    """Rows of a plane of ``height``, of which ``image`` (3, rows, width) holds those from ``top`` on."""

    image: Image
    top: int
    height: int

    @property
    def width(self) -> int:
        """Of the plane."""
        return self.image.shape[2]

    def get(self, rows: range) -> Tensor:
        """Some rows as bytes, one after the other, shape (rows, 3, bytes)."""
        part = self.image[:, self._slice(rows)].permute(1, 0, 2).contiguous()
        return part.view(torch.uint8)

    def put(self, rows: range, values: Tensor) -> None:
        """Take some rows in."""
        part = values.view(self.image.dtype).permute(1, 0, 2)
        self.image[:, self._slice(rows)] = part

    def empty(self, rows: range) -> Tensor:
        """Room for some rows."""
        size = (len(rows), 3, self.width * self.image.element_size())
        return torch.empty(size, dtype=torch.uint8, device=self.image.device)

    def _slice(self, rows: range) -> slice:
        first = (rows.start - self.top) % self.height
        return slice(first, first + len(rows))
