"""Slides on a device: what runs there, and what it costs."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from oracles import GaussianDenoiser
from run_kit import PATCH_PX, PATH, PLAN, scrambled_network
from torch.utils._python_dispatch import TorchDispatchMode

from wsigen.coarse_to_fine import drain, generate, run_stage
from wsigen.denoiser import EDMDenoiser, Told
from wsigen.devices import sent
from wsigen.grid import shifted_grid
from wsigen.networks.unet import UNet, UNetConfig
from wsigen.plan import Stage, StagePlan, stages
from wsigen.runs.painter import Painter
from wsigen.runs.speed import EvenBatches, Timed, best_batch, filled_up, fitted, flops_per_patch
from wsigen.runs.state import InMemory, OutOfTime
from wsigen.runs.storage import Storage
from wsigen.runs.workdir import Workdir

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("boundary", ["pad", "wrap"])
@pytest.mark.parametrize("solver", ["euler", "heun", "2m"])
@pytest.mark.parametrize("half", [False, True])
def test_a_run_never_waits_for_its_device_and_mixes_no_devices(boundary, solver, half):
    """Tensors of the device "meta" have no values: reading one back, or adding one of the processor's, is an error."""
    with torch.device("meta"):
        network = UNet(UNetConfig(widths=(16, 16), blocks=1, condition_channels=32))
    denoiser = EDMDenoiser(network.requires_grad_(False))
    plan = StagePlan(3, 1, solver, overview_solver=solver, overview_steps=2, boundary=boundary)
    path = stages(40, 24, 1.0, patch_px=16, boundary=boundary)
    storage = Storage("memory", half, "meta")
    image = drain(generate(Painter(denoiser, plan, 16), path, storage=storage))
    assert image.is_meta
    assert image.dtype == (torch.float16 if half else torch.float32)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("solver", ["heun", "2m"])
def test_a_gpu_makes_the_slide_of_the_processor(solver):
    plan = replace(PLAN, solver=solver)
    one, other = (
        drain(generate(Painter(scrambled_network().to(device), plan, PATCH_PX, seed=7), PATH))
        for device in ("cpu", "cuda")
    )
    assert other.is_cuda
    torch.testing.assert_close(one, other.cpu(), atol=2e-3, rtol=0)


def test_batches_filled_up_for_a_compiler_give_what_the_network_gives():
    network, seen = scrambled_network().network, []

    def compiled(x, c_noise, mpp):
        seen.append(len(x))
        return network(x, c_noise, mpp)

    even = EvenBatches(network, compiled, 8)
    for number in (1, 4, 5, 8, 9):
        asked = torch.randn(number, 3, 16, 16), torch.rand(number), torch.rand(number) + 1
        torch.testing.assert_close(even(*asked), network(*asked), atol=1e-5, rtol=0)
    assert seen == [8, 8]  # 1 and 4 are too few to fill up, 9 are too many


def test_what_a_network_is_told_is_filled_up_for_a_compiler_too():
    seen = []

    def compiled(x, c_noise, mpp, guide, c_guide, organ):
        seen.append([None if each is None else len(each) for each in (x, guide, c_guide, organ)])
        return x + guide

    x, one = torch.randn(6, 3, 8, 8), torch.ones(6)
    answer = EvenBatches(torch.nn.Identity(), compiled, 8)(x, one, one, 2 * x, one, None)
    torch.testing.assert_close(answer, 3 * x)
    assert seen == [[8, 8, 8, None]]


def test_a_timed_denoiser_is_told_what_it_is_told():
    class Listening(torch.nn.Module):
        is_told = True

        def __init__(self):
            super().__init__()
            self.one = torch.nn.Parameter(torch.ones(()))

        def forward(self, x, sigma, mpp, told=None):
            return x if told is None else told.image

    timed = Timed(Listening())
    x, shown = torch.zeros(1, 3, 4, 4), Told(torch.ones(1, 3, 4, 4), 0.1)
    assert timed.is_told
    assert torch.equal(timed(x, 1.0, 1.0, shown), shown.image)
    assert torch.equal(timed(x, 1.0, 1.0), x)
    assert not Timed(scrambled_network()).is_told


def test_the_seconds_of_a_student_are_counted_with_its_teachers():
    teacher, student = scrambled_network(), scrambled_network()
    timed = Timed(teacher)
    assert timed.student is None
    teacher.student = student
    x, sigma, mpp = torch.randn(1, 3, 32, 32), torch.ones(1), torch.ones(1)
    assert torch.equal(timed.student(x, sigma, mpp), student(x, sigma, mpp))
    assert timed.cpu_seconds > 0
    assert timed.seconds > 0


def test_filled_up_repeats_the_first():
    assert filled_up(torch.arange(3), 5).tolist() == [0, 1, 2, 0, 0]


@pytest.mark.parametrize(("width", "batch"), [(65_536, 1024), (8192, 1024), (8192, 32), (300, 64)])
def test_a_fitted_batch_leaves_hardly_a_place_empty(width, batch):
    size = fitted(batch, width, width, 64)
    assert size < 1.5 * batch
    grid = shifted_grid(width, width, 64, (6, 10))
    batches = sum(1 for _ in grid.batches(size))
    assert len(grid) / (batches * size) > 0.9


def test_seconds_and_operations_are_counted():
    denoiser = scrambled_network()
    timed = Timed(denoiser)
    x = torch.randn(4, 3, 16, 16)
    assert torch.equal(timed(x, 1.0, 2.0), denoiser(x, 1.0, 2.0))
    assert timed.seconds > 0
    once = timed.cpu_seconds
    timed(x, 1.0, 2.0)
    assert timed.cpu_seconds > once > 0
    assert flops_per_patch(denoiser.network, 32) > 3.9 * flops_per_patch(denoiser.network, 16)
    assert best_batch(denoiser, 8) in (8, 16, 32, 64)


def test_seconds_of_a_gpu_are_read_from_its_events_once_it_is_done(monkeypatch):
    class Event:
        clock, done = 0.0, False

        def __init__(self, enable_timing):
            assert enable_timing

        def record(self, stream):
            Event.clock += 500.0  # milliseconds
            self.at = Event.clock

        def elapsed_time(self, other):
            assert Event.done
            return other.at - self.at

    monkeypatch.setattr(torch.cuda, "Event", Event)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: None)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda device: setattr(Event, "done", True))
    timed = Timed(scrambled_network())
    timed.device = torch.device("cuda")
    for _ in range(3):
        timed(torch.randn(1, 3, 16, 16), 1.0, 1.0)
    assert timed.seconds == 0
    timed.settle()
    assert timed.seconds == 1.5


def test_noise_goes_to_a_gpu_from_pinned_memory_without_waiting():
    class Noise:
        def pin_memory(self):
            return Pinned()

    class Pinned:
        def to(self, device, non_blocking):
            return device, non_blocking

    gpu = torch.device("cuda")
    assert sent(Noise(), gpu) == (gpu, True)
    noise = torch.randn(3, 4, 4)
    assert sent(noise, torch.device("cpu")) is noise


def test_a_run_told_to_end_saves_once_and_goes_on_to_the_same_slide(tmp_path):
    painter = Painter(scrambled_network(), PLAN, PATCH_PX, seed=7)
    whole = drain(generate(painter, PATH))
    sittings = 0
    while True:
        sittings += 1
        storage = Storage("memory", False, "cpu", Workdir(tmp_path / "work", {}), until=0.0)
        run = generate(painter, PATH, storage=storage)
        try:
            found = drain(run)
            break
        except OutOfTime:
            assert sittings < 30
    assert sittings == PLAN.overview_steps + PLAN.num_steps * (len(PATH) - 1) + 1
    assert torch.equal(found, whole)


class Largest(TorchDispatchMode):
    """Notes the bytes of the largest tensor made, views of tensors that were there before left out."""

    def __init__(self, *known: torch.Tensor) -> None:
        super().__init__()
        self.known = {tensor.untyped_storage().data_ptr() for tensor in known}
        self.bytes = 0

    def __torch_dispatch__(self, function, types, arguments=(), named=None):
        made = function(*arguments, **(named or {}))
        if isinstance(made, torch.Tensor):
            storage = made.untyped_storage()
            if storage.data_ptr() not in self.known:
                self.bytes = max(self.bytes, storage.nbytes())
        return made


@pytest.mark.parametrize("solver", ["euler", "2m"])
def test_memory_beyond_the_canvas_is_bounded_by_the_batch(threads, solver):
    """No tensor of a run is larger than a batch of patches, on canvases of any size."""
    threads(1)  # what is done on others is not seen from here

    def largest(side: int, batch: int) -> int:
        guide = torch.zeros(3, side // 2, side // 2)
        stage, plan = Stage(1, side, side, 1.0), StagePlan(3, 1, solver)
        canvases = InMemory(side, side)
        known = [canvases.image(name, 0) for name in ("x", "u")]
        painter = Painter(GaussianDenoiser(), plan, 16, batch_size=batch)
        run = run_stage(painter, stage, guide, state=canvases)
        with Largest(guide, *known) as seen:
            drain(run)
        return seen.bytes

    patch = 3 * 16 * 16 * 4
    assert largest(128, 4) == largest(256, 4) == largest(512, 4) <= 4 * patch
