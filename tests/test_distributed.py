"""Several workers on one slide: real processes, on this machine and across two network namespaces."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from server_kit import free_port
from team_kit import alone

from wsigen.errors import WsigenError
from wsigen.networks.unet import UNet, UNetConfig
from wsigen.runs.progress import Position
from wsigen.slides import open_slide
from wsigen.training.checkpoint import ModelInfo, save_checkpoint
from wsigen.workers.distributed import meet

KIT = Path(__file__).with_name("team_kit.py")


def start(
    rank: int, size: int, port: int, words: list[object], *, address: str = "127.0.0.1", prefix=()
):
    """One worker, as torchrun would start it."""
    variables = {"RANK": rank, "WORLD_SIZE": size, "MASTER_ADDR": address, "MASTER_PORT": port}
    environment = os.environ | {name: str(value) for name, value in variables.items()}
    command = [*prefix, sys.executable, KIT, *words]
    return subprocess.Popen(
        list(map(str, command)), env=environment, stderr=subprocess.PIPE, text=True
    )


def run(size: int, words: list[object]) -> list[tuple[int, str]]:
    """All workers to their ends: exit status and last words of each."""
    port = free_port()
    team = [start(rank, size, port, words) for rank in range(size)]
    return [(worker.wait(), worker.communicate()[1]) for worker in team]


def test_two_workers_under_torchrun_make_the_slide_of_one(tmp_path):
    out = tmp_path / "slide.npy"
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
    command += ["--master-port", str(free_port()), str(KIT), str(out), "--plan", "wrap"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    np.testing.assert_array_equal(np.load(out), alone("wrap"))


def test_two_workers_of_the_command_write_the_slide_of_one(tmp_path):
    """The overview is one patch, so that the second worker begins with nothing to do."""
    config = UNetConfig(widths=(8,), blocks=1, condition_channels=16)
    info = ModelInfo(config, 0.5, 32, 0.25, 40.0, 1, ("nothing (own data)",))
    torch.manual_seed(0)
    save_checkpoint(tmp_path / "tiny.safetensors", UNet(config), info)
    words = ["--model", tmp_path / "tiny.safetensors", "--width", 120, "--height", 88, "--seed", 3]
    words += ["--num-steps", 2, "--solver", "euler", "--overview-steps", 2, "--guided-sigma", 1]
    two = ["-m", "torch.distributed.run", "--nproc-per-node", 2, "--master-port", free_port()]
    for name, workers in (("one", []), ("two", two)):
        command = [sys.executable, *workers, "-m", "wsigen", "generate", f"{name}.tiff", *words]
        done = subprocess.run(
            list(map(str, command)), cwd=tmp_path, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, done.stderr
    with open_slide(tmp_path / "one.tiff") as one, open_slide(tmp_path / "two.tiff") as shared:
        np.testing.assert_array_equal(one.read(0, 0, 120, 88), shared.read(0, 0, 120, 88))


def test_workers_see_the_margins_that_others_write(tmp_path):
    out = tmp_path / "slide.npy"
    assert [status for status, _ in run(3, [out, "--plan", "margin"])] == [0] * 3
    np.testing.assert_array_equal(np.load(out), alone("margin"))


@pytest.mark.parametrize(("plan", "step"), [("2m", 2), ("margin", 3), ("2m margin", 3)])
def test_a_dead_worker_ends_the_run_with_a_clear_error_and_the_same_command_goes_on(
    tmp_path, plan, step
):
    out = tmp_path / "slide.npy"
    words = [out, "--plan", plan, "--work", tmp_path / "work"]
    ends = run(4, [*words, "--die-at", 2, 3, step])
    assert ends[2][0] == -9
    for rank in (0, 1, 3):
        status, said = ends[rank]
        assert status == 2
        assert f"worker {rank} of 4 lost touch with another" in said
        assert "with --workdir it goes on" in said
    assert not out.exists()
    assert [status for status, _ in run(4, words)] == [0] * 4
    np.testing.assert_array_equal(np.load(out), alone(plan))


@pytest.fixture
def two_hosts():
    """Two network namespaces joined by a wire: nothing but messages passes between them."""
    if shutil.which("ip") is None or os.geteuid() != 0:
        pytest.skip("no network namespaces: they need root and iproute2")
    one, two = f"wsigen{os.getpid()}a", f"wsigen{os.getpid()}b"
    wires = f"w{os.getpid()}a", f"w{os.getpid()}b"
    steps = [f"ip netns add {one}", f"ip netns add {two}"]
    steps += [f"ip link add {wires[0]} type veth peer name {wires[1]}"]
    for host, wire, address in ((one, wires[0], "10.77.0.1"), (two, wires[1], "10.77.0.2")):
        steps += [f"ip link set {wire} netns {host}"]
        steps += [f"ip -n {host} addr add {address}/24 dev {wire}"]
        steps += [f"ip -n {host} link set {wire} up", f"ip -n {host} link set lo up"]
    try:
        for step in steps:
            made = subprocess.run(step.split(), capture_output=True, text=True, check=False)
            if made.returncode:
                pytest.skip(f"no network namespaces here: {made.stderr.strip()}")
        yield (one, wires[0]), (two, wires[1])
    finally:
        for host in (one, two):
            subprocess.run(["ip", "netns", "del", host], capture_output=True, check=False)


def test_workers_on_two_hosts_make_the_slide_of_one(tmp_path, two_hosts):
    out = tmp_path / "slide.npy"
    team = []
    for rank, (host, wire) in enumerate(two_hosts):
        prefix = ["ip", "netns", "exec", host, "env", f"GLOO_SOCKET_IFNAME={wire}"]
        words = [out, "--plan", "pad", "--work", tmp_path / f"host{rank}"]
        team.append(start(rank, 2, 29400, words, address="10.77.0.1", prefix=prefix))
    ends = [(worker.wait(timeout=300), worker.communicate()[1]) for worker in team]
    assert [status for status, _ in ends] == [0, 0], ends
    np.testing.assert_array_equal(np.load(out), alone("pad"))
    assert not (tmp_path / "host0" / "1").exists()  # each host has its own rows only


def test_workers_meet_at_the_slowest_and_refuse_what_no_run_leaves():
    assert meet([Position(3, 2), Position(3, 1, 7), Position(3, 2)]) == Position(3, 1, 7)
    assert meet([Position(2, 10), Position(3, 0)]) == Position(2, 10)
    for lost in (Position(), Position(2, 3), Position(3, 3)):
        with pytest.raises(
            WsigenError, match=r"workers are at different places: .*give each the workdir"
        ):
            meet([Position(3, 5, 1), lost])
