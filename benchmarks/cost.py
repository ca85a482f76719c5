"""What the network costs: operations, patches per second, and the share of the hardware's ceiling that it reaches.

    python benchmarks/cost.py [--preset small] [--device cpu] [--batch 32] [--out benchmarks/results/cost.json]

The ceiling is what a large bfloat16 matrix product reaches on the same device in the same run. Each switch (half
precision, channels-last memory, torch.compile, the fused optimiser) is turned off or on alone; ``ratio`` is its patches
per second over those of the default. Weights do not matter to any of this: a fresh network is measured.

torch.compile takes its time before the first patch. ``compile_pays_after_patches`` says how many must follow until that
time is won back; by it the package leaves it off on a CPU.
"""

import statistics
import time
from collections.abc import Callable

import torch
from saving import finish, parser
from torch.utils.flop_counter import FlopCounterMode

from wsigen.denoiser import EDMDenoiser
from wsigen.devices import choose_device, has_fast_bfloat16
from wsigen.loss import denoising_loss
from wsigen.networks.unet import UNet
from wsigen.training.config import TrainConfig, preset


def seconds(work: Callable[[], object], device: str, least: float = 3.0, rounds: int = 3) -> float:
    """The median time of one call, over rounds of at least ``least`` seconds in all."""

    def wait() -> None:
        if device.startswith("cuda"):
            torch.cuda.synchronize()

    work()
    wait()
    began = time.perf_counter()
    work()
    wait()
    calls = max(1, int(least / rounds / (time.perf_counter() - began)))
    found = []
    for _ in range(rounds):
        began = time.perf_counter()
        for _ in range(calls):
            work()
        wait()
        found.append((time.perf_counter() - began) / calls)
    return statistics.median(found)


def matrix_ceiling(device: str, side: int) -> float:
    """Operations per second of a product of two bfloat16 matrices."""
    a, b = (torch.randn(side, side, device=device, dtype=torch.bfloat16) for _ in range(2))
    return 2 * side**3 / seconds(lambda: a @ b, device)


def pays_after(spent: float, slow: float, fast: float) -> int | None:
    """Patches after which ``spent`` seconds are won back, at so many patches per second without and with."""
    return round(spent / (1 / slow - 1 / fast)) if fast > slow else None


class Inference:
    """The denoiser on a batch of noise."""

    def __init__(
        self,
        config: TrainConfig,
        device: str,
        batch: int,
        *,
        half: bool,
        channels_last: bool = True,
        compiled: bool = False,
    ) -> None:
        network = UNet(config.network).to(device).eval().requires_grad_(False)
        if not channels_last:
            network.to(memory_format=torch.contiguous_format)
        self.denoiser: torch.nn.Module = EDMDenoiser(network, half=half)
        if compiled:
            network.compile()
        self.x = torch.randn(batch, 3, config.patch_px, config.patch_px, device=device)

    @torch.no_grad()
    def __call__(self) -> None:
        self.denoiser(self.x, 1.0, 1.0)


class Training:
    """A step of the optimiser on a batch of noise."""

    def __init__(
        self, config: TrainConfig, device: str, batch: int, *, half: bool, fused: bool = True
    ) -> None:
        network = UNet(config.network).to(device)
        self.denoiser = EDMDenoiser(network, half=half)
        self.optimizer = torch.optim.Adam(network.parameters(), fused=fused, lr=1e-5)
        shape = (batch, 3, config.patch_px, config.patch_px)
        self.clean, self.noise = (torch.randn(shape, device=device) for _ in range(2))
        self.ones = torch.ones(batch, device=device)

    def __call__(self) -> None:
        loss = denoising_loss(self.denoiser, self.clean, self.noise, self.ones, self.ones).mean()
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()


def main() -> None:
    """Measure, print and save one JSON object."""
    words = parser(__doc__)
    words.add_argument("--preset", default="small")
    words.add_argument("--device", default=None)
    words.add_argument("--batch", type=int, default=32)
    arguments = words.parse_args()

    device = choose_device(arguments.device)
    config, batch, half = preset(arguments.preset), arguments.batch, has_fast_bfloat16(device)
    one = Inference(config, device, 1, half=False)
    with FlopCounterMode(display=False) as counter:
        one()
    flops = counter.get_total_flops()
    ceiling = matrix_ceiling(device, 8192 if device.startswith("cuda") else 2048)

    def sampled(**switches: bool) -> float:
        return batch / seconds(
            Inference(config, device, batch, **{"half": half} | switches), device
        )

    def compiling() -> float:
        work = Inference(config, device, batch, half=half, compiled=True)
        began = time.perf_counter()
        work()
        return time.perf_counter() - began

    def trained(**switches: bool) -> float:
        return batch / seconds(Training(config, device, batch, **{"half": half} | switches), device)

    plain, learning = sampled(), trained()
    compile_seconds = compiling()
    switched = {
        "half precision off": sampled(half=False) / plain,
        "channels-last off": sampled(channels_last=False) / plain,
        "torch.compile on": sampled(compiled=True) / plain,
        "training, half precision off": trained(half=False) / learning,
        "training, fused optimiser off": trained(fused=False) / learning,
    }
    result = {
        "preset": arguments.preset,
        "network_parameters": sum(p.numel() for p in one.denoiser.parameters()),
        "patch_px": config.patch_px,
        "batch": batch,
        "threads": torch.get_num_threads(),
        "half": half,
        "flops_per_patch": flops,
        "flops_per_pixel": round(flops / config.patch_px**2),
        "patches_per_second": round(plain, 1),
        "training_patches_per_second": round(learning, 1),
        "matrix_product_flops_per_second": round(ceiling),
        "share_of_matrix_product": round(plain * flops / ceiling, 4),
        "training_share_of_matrix_product": round(3 * learning * flops / ceiling, 4),
        "compile_seconds": round(compile_seconds, 1),
        "compile_pays_after_patches": pays_after(
            compile_seconds, plain, plain * switched["torch.compile on"]
        ),
        "ratios": {name: round(value, 3) for name, value in switched.items()},
    }
    finish(result, arguments, device=device)


if __name__ == "__main__":
    main()
