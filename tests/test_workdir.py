"""Runs that are ended: by kill -9, by a full disk, by a second run."""

import contextlib
import errno
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from run_kit import PATH, digest, ledger, make, painter, undisturbed

from wsigen.coarse_to_fine import drain, generate
from wsigen.errors import WsigenError
from wsigen.plan import Stage
from wsigen.runs import state
from wsigen.runs import workdir as module
from wsigen.runs.progress import Position
from wsigen.runs.storage import Storage, bytes_on_disk, choose_storage, free_memory
from wsigen.runs.workdir import Workdir

HERE = Path(__file__).parent


@pytest.mark.parametrize(("kind", "half"), [("files", "half"), ("memory", "full")])
def test_a_run_killed_at_random_moments_makes_the_slide_of_an_undisturbed_run(tmp_path, kind, half):
    command = [sys.executable, HERE / "run_kit.py", tmp_path / "work", kind, half]
    found = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert found.returncode == 0, found.stderr
    assert int(found.stdout) >= 5
    expected = digest(undisturbed(half == "half"))
    assert (tmp_path / "work.digest").read_text() == expected
    make(tmp_path / "whole", half=half == "half")
    assert ledger(tmp_path / "work", half == "half") == ledger(tmp_path / "whole", half == "half")
    left = sorted(path.name for path in (tmp_path / "work").glob("*.npy"))
    assert left == [f"stage_{stage.index:02d}.npy" for stage in PATH]


@pytest.mark.parametrize("kind", ["files", "memory"])
def test_the_ledger_of_a_resumed_run_counts_all_its_sittings(tmp_path, monkeypatch, kind):
    monkeypatch.setattr(state, "KEEP_EVERY", 0.0)
    monkeypatch.setattr(state, "SAVE_EVERY", 0.0)
    ticks = count(0, 1e-3)  # a clock that goes on where it is looked at
    clock = SimpleNamespace(monotonic=lambda: next(ticks))
    monkeypatch.setattr("wsigen.runs.stage.time", clock)

    def told(folder, stop_after=None):
        """The last word on each stage."""
        storage = Storage(kind, False, "cpu", Workdir(folder, {"half": False}))
        run = generate(painter(), PATH, storage=storage)
        found = {}
        for n, progress in enumerate(run):
            found[progress.stage.index] = progress
            if n == stop_after:
                run.close()
        return found

    whole = told(tmp_path / "whole")
    first = told(tmp_path / "work", stop_after=len(PATH[:2]) + 30)
    assert 0 < max(first) < len(PATH) - 1
    rest = told(tmp_path / "work")
    assert list(rest) == list(whole)
    for stage, end in whole.items():
        assert replace(rest[stage], step=0, seconds=0) == replace(end, step=0, seconds=0)
        assert rest[stage].seconds > 0
    for stage in list(first)[:-1]:
        assert rest[stage].seconds == pytest.approx(first[stage].seconds, abs=1)


def test_in_files_and_in_memory_are_the_same_slide(tmp_path):
    assert torch.equal(make(tmp_path / "work"), undisturbed())
    assert torch.equal(make(tmp_path / "other", "memory"), undisturbed())


def test_half_precision_changes_no_grey_level_by_more_than_one():
    full, half = undisturbed(), undisturbed(half=True)
    assert half.dtype == torch.float16
    assert ((full - half.float()).abs() * 127.5).max() < 1


def test_a_power_cut_takes_the_patches_of_a_step_but_not_the_steps(tmp_path, monkeypatch):
    folder = Workdir(tmp_path / "work", {})
    folder.keep(Position(2, 3, 4))
    assert folder.position == Position(2, 3, 4)
    monkeypatch.setattr(module, "boot_id", lambda: "another")
    assert folder.position == Position(2, 3, 0)


def test_a_second_run_is_refused_and_the_first_goes_on(tmp_path):
    folder = Workdir(tmp_path / "work", {})
    storage = Storage("files", False, "cpu", folder)
    run = generate(painter(), PATH, storage=storage)
    next(run)
    with pytest.raises(WsigenError, match=f"another run is at work here .process {os.getpid()}"):
        drain(generate(painter(), PATH, workdir=Workdir(tmp_path / "work", {})))
    assert torch.equal(drain(run), undisturbed())


def test_a_full_disk_ends_a_run_with_a_message_and_it_goes_on_when_there_is_room(
    tmp_path, monkeypatch
):
    taken = 0
    room = 2 * bytes_on_disk(PATH[:-1], False)

    def allocate(file: int, start: int, length: int) -> None:
        nonlocal taken
        taken += length
        if taken > room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", allocate)
    with pytest.raises(
        WsigenError, match=r"the disk is full in stage 3 after 0 steps; .* make room"
    ):
        make(tmp_path / "work")
    assert not list((tmp_path / "work").glob("*.part"))
    monkeypatch.undo()
    assert torch.equal(make(tmp_path / "work"), undisturbed())


def test_a_disk_that_others_fill_in_the_middle_of_a_run_ends_it_and_the_slide_stays_the_same(
    tmp_path,
):
    disk = tmp_path / "disk"
    disk.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk]
    if shutil.which("mount") is None or subprocess.run(words, capture_output=True).returncode:
        pytest.skip("no small disk: mounting one needs root")
    try:
        run = generate(painter(), PATH, workdir=Workdir(disk / "work", {"half": False}))
        with pytest.raises(WsigenError, match=r"the disk is full in stage .* make room"):  # noqa: PT012
            for progress in run:
                if progress.stage.index == 2 and not (disk / "filler").exists():
                    with contextlib.suppress(OSError), (disk / "filler").open("wb") as file:
                        file.write(bytes(1 << 20))
        (disk / "filler").unlink()
        assert torch.equal(make(disk / "work"), undisturbed())
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


def test_too_little_free_disk_is_told_before_the_run(tmp_path, monkeypatch):
    class Usage:
        free = 1000

    monkeypatch.setattr(module.shutil, "disk_usage", lambda folder: Usage)
    with pytest.raises(WsigenError, match=r"needs 0\.00 GB, and 0\.00 GB are free"):
        make(tmp_path / "work")
    assert not (tmp_path / "work").exists()  # or a smaller slide would be refused there


def test_the_room_a_run_takes_is_the_room_it_said(tmp_path):
    most = 0
    folder = Workdir(tmp_path / "work", {})
    storage = Storage("files", True, "cpu", folder)
    run = generate(painter(), PATH, storage=storage)
    for _ in run:
        sizes = [file.stat().st_size for file in folder.folder.glob("*.npy")]
        most = max(most, sum(sizes) - 128 * len(sizes))  # less the headers
    assert most == bytes_on_disk(PATH, True)


def test_storage_is_chosen_by_size_and_said():
    small, large = [Stage(0, 512, 512, 1.0)], [Stage(0, 2**18, 2**18, 1.0)]
    assert choose_storage(small)[:2] == ("memory", False)
    assert choose_storage(small, resumable=True)[:2] == ("files", False)
    kind, half, _, text = choose_storage(large)
    assert (kind, half) == ("files", True)
    assert text == (
        "canvas of 262144 x 262144 px: 412.32 GB in half precision, in memory-mapped files"
    )
    assert choose_storage(large, half=False)[1] is False
    pixels = int(
        (free_memory("cpu") / 12) ** 0.5
    )  # a canvas of all free memory, for four workers a quarter each
    four = {"half": False, "workers": 4}
    assert choose_storage([Stage(0, pixels, pixels, 1.0)], **four)[0] == "memory"
    assert choose_storage([Stage(0, pixels, pixels, 1.0)], **four, workers_here=4)[0] == "files"
    with pytest.raises(WsigenError, match="expected auto, memory or files"):
        choose_storage(small, kind="tape")
