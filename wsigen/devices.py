"""Where to compute, on how many threads, and whether half precision pays there."""

import os

import torch
from torch import Tensor

from wsigen.errors import WsigenError


def choose_device(name: str | None = None) -> str:
    """Return a device that works: the one named, or a GPU where there is one, else the CPU.

    Raises:
        WsigenError: no such device on this machine.
    """
    if name is None:
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.zeros(1, device=name)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise WsigenError(
            f"no device {name!r} here ({str(error).splitlines()[0]}); expected cpu, or cuda with a GPU "
            "and a torch built for it"
        ) from error
    return name


def choose_threads(number: int | None = None) -> int:
    """Return how many threads work: as many as told, here or by OMP_NUM_THREADS, else one for each core.

    Of four cores and more one is left to what else the machine is used for.
    """
    if number is not None:
        return number
    cores = torch.get_num_threads()
    return cores - 1 if cores >= 4 and "OMP_NUM_THREADS" not in os.environ else cores


def has_fast_bfloat16(device: str) -> bool:
    """Whether the hardware multiplies bfloat16 natively."""
    if device.startswith("cuda"):
        return torch.cuda.is_bf16_supported()
    # an older torch cannot say; without the instructions bfloat16 is emulated, and slower than float32
    capabilities = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    return device == "cpu" and any(found for name, found in capabilities.items() if "bf16" in name)


def sent(tensor: Tensor, device: torch.device | str) -> Tensor:
    """A tensor of the processor on a device. A GPU is not waited for: what it has yet to do goes on meanwhile."""
    if torch.device(device).type != "cuda":
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)
