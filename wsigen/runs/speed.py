"""How fast a network is on a device: its seconds, its operations, its best batch, and the device's ceiling.

Work on a GPU is given to it and done later, so that clocks of the processor say nothing: seconds inside the network are
read from events of the device. On a processor, which others may use too, they are the process's own.
"""

import time
from collections.abc import Callable
from threading import Lock
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from wsigen.arrays import Images, PerImage
from wsigen.denoiser import Told
from wsigen.networks.unet import UNet

BATCHES = {"cuda": (64, 128, 256, 512, 1024, 2048), "cpu": (8, 16, 32, 64)}
NEARLY = 1.02  # a batch so much slower than the fastest is as good, and takes less memory


class Timed(nn.Module):
    """A denoiser that counts the seconds spent in it: of the device, which go by, and of the processor.

    Calls may be side by side, each on one thread: their seconds are added up.
    """

    def __init__(self, denoiser: nn.Module) -> None:
        super().__init__()
        self.denoiser = denoiser
        self.device = next(denoiser.parameters()).device
        self.seconds = self.cpu_seconds = 0.0
        self.moments: list[tuple[Any, Any]] = []
        self.lock = Lock()

    @property
    def is_told(self) -> bool:
        """Whether the denoiser knows what to make of a guide."""
        return bool(getattr(self.denoiser, "is_told", False))

    @property
    def student(self) -> "TimedStudent | None":
        """The denoiser's student, whose seconds are counted here too; None where it has none."""
        student = getattr(self.denoiser, "student", None)
        return None if student is None else TimedStudent(self, student)

    def forward(
        self, x: Images, sigma: Tensor | float, mpp: Tensor | float, told: Told | None = None
    ) -> Images:
        return self.ask(self.denoiser, x, sigma, mpp, told)

    def ask(
        self,
        denoiser: nn.Module,
        x: Images,
        sigma: Tensor | float,
        mpp: Tensor | float,
        told: Told | None,
    ) -> Images:
        """What a denoiser says, and count the seconds it takes."""
        began, cpu = self._now(), time.thread_time()
        more = () if told is None else (told,)
        estimate: Images = denoiser(x, sigma, mpp, *more)
        with self.lock:
            self.cpu_seconds += time.thread_time() - cpu
            self.moments.append((began, self._now()))
            if self.device.type != "cuda" or len(self.moments) > 1000:
                self.settle()
        return estimate

    def settle(self) -> None:
        """Add up what was timed; a GPU is waited for."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
            self.seconds += sum(began.elapsed_time(ended) for began, ended in self.moments) / 1e3
        else:
            self.seconds += sum(ended - began for began, ended in self.moments)
        self.moments.clear()

    def _now(self) -> Any:
        """A moment of the device, which need not have come yet."""
        if self.device.type != "cuda":
            return time.monotonic()
        event = torch.cuda.Event(enable_timing=True)
        event.record(torch.cuda.current_stream(self.device))
        return event


class TimedStudent(nn.Module):
    """A student whose seconds its teacher's `Timed` counts."""

    def __init__(self, teacher: Timed, student: nn.Module) -> None:
        super().__init__()
        self.teacher, self.denoiser = teacher, student

    @property
    def is_told(self) -> bool:
        """Whether the student knows what to make of a guide."""
        return bool(getattr(self.denoiser, "is_told", False))

    def forward(
        self, x: Images, sigma: Tensor | float, mpp: Tensor | float, told: Told | None = None
    ) -> Images:
        return self.teacher.ask(self.denoiser, x, sigma, mpp, told)


def seconds_of(work: Callable[[], object], device: str | torch.device, times: int) -> float:
    """The mean time of one call after a first: of a GPU, or of this process on a processor."""
    on_gpu = torch.device(device).type == "cuda"

    def now() -> float:
        if not on_gpu:
            return time.process_time()
        torch.cuda.synchronize(device)
        return time.monotonic()

    work()
    began = now()
    for _ in range(times):
        work()
    return (now() - began) / times


def matrix_product(device: str) -> float:
    """Operations per second of the product of two large matrices of bfloat16 noise: a device's ceiling."""
    side, times = (8192, 50) if device.startswith("cuda") else (2048, 8)
    a, b = (torch.randn(side, side, device=device, dtype=torch.bfloat16) for _ in range(2))
    return 2 * side**3 / seconds_of(lambda: a @ b, device, times)


def flops_per_patch(network: UNet, patch_px: int) -> int:
    """Operations of one evaluation: a product and a sum are two."""
    with torch.device("meta"):
        copy, x, one = UNet(network.config), torch.zeros(1, 3, patch_px, patch_px), torch.ones(1)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        copy(x, one, one)
    return int(counter.get_total_flops())


@torch.no_grad()
def best_batch(denoiser: nn.Module, patch_px: int) -> int:
    """The smallest batch that is nearly as fast as any; those that the memory does not hold are left out."""
    device = next(denoiser.parameters()).device
    found: dict[int, float] = {}
    for batch in BATCHES[device.type]:
        x = torch.randn(batch, 3, patch_px, patch_px, device=device)
        times = max(2, min(20, 256 // batch))
        try:
            found[batch] = seconds_of(lambda x=x: denoiser(x, 1.0, 1.0), device, times) / batch  # type: ignore[misc]
        except torch.cuda.OutOfMemoryError:
            torch.cuda.empty_cache()
            break
    return min(batch for batch, spent in found.items() if spent < NEARLY * min(found.values()))


def fitted(batch: int, height: int, width: int, patch_px: int) -> int:
    """A batch near ``batch`` into which the rows of windows go evenly, so that hardly a place of it stays empty."""
    in_a_row, rows = (-(-side // patch_px) + 1 for side in (width, height))
    if batch >= in_a_row:
        return in_a_row * min(rows, round(batch / in_a_row))
    return -(-in_a_row // -(-in_a_row // batch))


class EvenBatches(nn.Module):
    """A network that a compiler sees at one batch size only: fuller batches are filled up to it.

    Compilers build a program per shape, and batches of a run have many: what is left over of a stage, patches that are
    not empty glass. Small batches, of which a run has few, go to the network as it is.

    Args:
        network: F, as it is.
        compiled: the same, as a compiler made it.
        size: the batch size that ``compiled`` is given.
    """

    def __init__(self, network: nn.Module, compiled: Callable[..., Tensor], size: int) -> None:
        super().__init__()
        self.network, self.compiled, self.size = network, compiled, size
        self.config = getattr(network, "config", None)  # what a denoiser asks its network

    def forward(self, x: Images, c_noise: PerImage, mpp: PerImage, *told: Tensor | None) -> Images:
        number = x.shape[0]
        if not self.size / 2 < number <= self.size:
            output: Images = self.network(x, c_noise, mpp, *told)
            return output
        filled = (
            None if values is None else filled_up(values, self.size)
            for values in (x, c_noise, mpp, *told)
        )
        return self.compiled(*filled)[:number]


def filled_up(values: Tensor, size: int) -> Tensor:
    """The first axis made ``size`` long by repeating its first entry."""
    missing = size - values.shape[0]
    return torch.cat([values, values[:1].expand(missing, *values.shape[1:])]) if missing else values
