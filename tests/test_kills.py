"""Runs that die at each of the moments at which they change a file's name, one moment after the other."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from oracles import GaussianDenoiser

from wsigen.coarse_to_fine import drain, generate
from wsigen.plan import StagePlan, stages
from wsigen.runs import state
from wsigen.runs.canvas import Image
from wsigen.runs.painter import Painter
from wsigen.runs.progress import Position
from wsigen.runs.storage import Storage
from wsigen.runs.workdir import Workdir

PATCH_PX = 8
PATH = stages(16, 12, 1.0, patch_px=PATCH_PX)
PLAN = StagePlan(num_steps=2, guided_steps=1, overview_steps=2, sigma_start=3.0)


class Killed(BaseException):
    """What no one catches."""


class Death:
    """Lets a process live through so many moments; from then on it changes nothing more, also not to tidy up.

    A moment is the one before, and the one behind, each file's getting another name or none.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, moments: float) -> None:
        self.left = moments
        self.lived = 0
        monkeypatch.setattr(os, "replace", self.watched(os.replace))
        monkeypatch.setattr(Path, "unlink", self.watched(Path.unlink))

    def watched(self, change):
        def change_or_die(*arguments, **named):
            self.live_on()
            change(*arguments, **named)
            self.live_on()

        return change_or_die

    def live_on(self) -> None:
        if self.lived >= self.left:
            raise Killed
        self.lived += 1


def make(folder: Path | None, kind: str = "memory", solver: str = "heun") -> Image:
    """Make the slide, with its canvases in ``folder`` or in memory."""
    storage = Storage(kind, workdir=Workdir(folder, {}) if folder else None)
    name, *margin = solver.split(" with ")
    plan = replace(PLAN, solver=name, margin_px=2 if margin else 0)
    painter = Painter(GaussianDenoiser(), plan, PATCH_PX, seed=7, batch_size=2)
    return drain(generate(painter, PATH, storage=storage))


def made_until(moments: float, folder: Path, kind: str, solver: str) -> tuple[int, Image | None]:
    """Make the slide, and die after so many moments: how many were lived through, and the slide, if all were."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        death = Death(monkeypatch, moments)
        try:
            return death.lived, make(folder, kind, solver)
        except Killed:
            return death.lived, None


@pytest.mark.parametrize(
    ("kind", "solver"),
    [
        ("files", "heun"),
        ("memory", "2m"),
        ("memory", "2m with margin"),
        ("files", "heun with margin"),
    ],
)
def test_a_run_that_dies_at_any_moment_makes_the_slide_of_an_undisturbed_run(
    tmp_path, monkeypatch, kind, solver
):
    monkeypatch.setattr(state, "KEEP_EVERY", -1.0)  # note every batch
    monkeypatch.setattr(state, "SAVE_EVERY", -1.0)
    expected = make(None, solver=solver)
    for moments in range(1000):
        folder = tmp_path / f"{moments}"
        _, image = made_until(moments, folder, kind, solver)
        if image is not None:
            break
        assert torch.equal(make(folder, kind, solver), expected), f"dead after {moments} moments"
        left = sorted(path.name for path in folder.glob("*.npy"))
        assert left == [f"stage_{stage.index:02d}.npy" for stage in PATH]
    assert torch.equal(image, expected)
    assert moments > 40


@pytest.mark.parametrize("kinds", [("files", "memory"), ("memory", "files")])
def test_a_run_goes_on_with_its_canvases_kept_in_another_way(tmp_path, monkeypatch, kinds):
    monkeypatch.setattr(state, "KEEP_EVERY", -1.0)
    monkeypatch.setattr(state, "SAVE_EVERY", -1.0)
    expected = make(None)
    for moments in range(0, 1000, 4):
        folder = tmp_path / f"{moments}"
        _, image = made_until(moments, folder, kinds[0], "heun")
        if image is not None:
            break
        made_until(9, folder, kinds[1], "heun")
        made_until(3, folder, kinds[0], "heun")
        assert torch.equal(make(folder, kinds[1]), expected), f"dead after {moments} moments"
    assert moments > 40


def test_a_finished_stage_is_known_by_its_name(tmp_path):
    folder = Workdir(tmp_path / "work", {})
    folder.pixels("stage_01.x.1", 4, 4, "float32")
    folder.keep(Position(1, 3))
    os.replace(tmp_path / "work/stage_01.x.1.npy", tmp_path / "work/stage_01.npy")
    assert Workdir(tmp_path / "work", {}).position == Position(2)
