"""The one command for whoever has a GPU for ten minutes, on a processor: all of it runs, and needs next to nothing."""

import json
import os
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from cohort_kit import section
from PIL import Image

from wsigen.coarse_to_fine import drain, generate
from wsigen.cohorts.cohort import read_cohort
from wsigen.cohorts.pack import write_pack
from wsigen.networks.unet import UNet, UNetConfig
from wsigen.plan import TOLD, stages
from wsigen.runs.speed import flops_per_patch
from wsigen.training.checkpoint import LoadedDenoiser, ModelInfo, load_denoiser
from wsigen.training.config import TINY
from wsigen.training.loop import Trainer

ROOT = Path(__file__).parents[1]
COMMAND = ROOT / "benchmarks" / "gpu.py"


@pytest.fixture(scope="module")
def pack(tmp_path_factory):
    """Two drawn sections to train on and one held out, cut."""
    folder = tmp_path_factory.mktemp("cohort")
    rows = ["path,case,mpp,split,organ"]
    for number, split in enumerate(("train", "train", "test")):
        Image.fromarray(section(500, number)).save(folder / f"{number}.png")
        rows.append(f"{number}.png,p{number},1.0,{split},colon")
    (folder / "cohort.csv").write_text("\n".join(rows))
    list(write_pack(read_cohort(folder), folder / "cut.pack", quality=80, cut_px=250))
    return folder / "cut.pack"


def gpu(*words) -> subprocess.CompletedProcess:
    """The command, where nothing but torch, numpy, Pillow and safetensors can be imported."""
    script = textwrap.dedent(
        f"""
        import runpy, sys
        blocked = ("openslide", "pyvips", "scipy", "skimage", "sklearn", "httpx", "matplotlib", "click", "tqdm")
        sys.modules.update(dict.fromkeys(blocked))
        sys.path.insert(0, {str(COMMAND.parent)!r})
        sys.argv[0] = {str(COMMAND)!r}
        runpy.run_path(sys.argv[0], run_name="__main__")
        """
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    words = map(str, (*words, "--device", "cpu", "--mpp", 1, "--slide-batch", 32))
    return subprocess.run(
        [sys.executable, "-c", script, *words],
        capture_output=True, text=True, env=environment, timeout=400, check=False,
    )  # fmt: skip


def test_a_moment_of_a_processor_trains_a_model_judges_it_and_begins_a_slide_of_it(pack, tmp_path):
    done = gpu(tmp_path / "out", "--minutes", 0.2, "--cohort", pack, "--side", 64)
    assert done.returncode == 0, done.stderr
    files = {file.name: file.stat().st_size for file in (tmp_path / "out").iterdir()}
    assert len(files) <= 8
    assert max(files.values()) <= 16 << 20
    assert {"gpu.json", "losses.csv", "samples.webp", "model.safetensors.0"} <= set(files)
    found = json.loads((tmp_path / "out" / "gpu.json").read_text())
    training, slide = found["training"], found["slides"][0]
    assert training["images_seen"] == training["steps"] * 16 > 0
    assert 0 < training["share_of_matrix_product_inside_the_network"] < 1
    assert training["held_out"]["loss_told"] > 0
    assert training["held_out"]["kid"] is None  # no extractor could be imported
    assert slide["model"] == "trained"
    assert slide["plan"]["solver"] == "2m"  # of a model that is told
    assert found["run"]["arguments"]["cohort"] == "cut.pack"
    model = load_denoiser(tmp_path / "out" / "model.safetensors.0")  # of one part
    assert model.is_told
    assert model.info.network.organs == ("colon",)
    assert model.info.images_seen == training["images_seen"]


def test_steps_and_operations_a_second_leave_out_the_steps_that_wait_for_compilers(monkeypatch):
    monkeypatch.syspath_prepend(str(COMMAND.parent))
    import gpu_train

    trainer = Trainer(replace(TINY, images=64))
    found = gpu_train.speed(trainer, [0, 50, 51, 52, 53], ceiling=1e12, drawing=0.1)
    assert found["seconds_a_step"] == 1
    assert found["patches_per_second"] == TINY.batch_size
    assert found["patches_of_64_px_per_second"] == TINY.batch_size / 4
    assert found["drawing_share_of_a_step"] == 0.1
    flops = 3 * flops_per_patch(trainer.network, 32) * TINY.batch_size
    assert found["share_of_matrix_product"] == pytest.approx(flops / 1e12)
    assert "seconds_a_step" not in gpu_train.speed(trainer, [50], ceiling=1e12, drawing=0.1)


def test_slides_that_are_kept_go_on_where_time_was_up(tmp_path):
    words = (tmp_path / "out", "--measure", "--work", tmp_path / "work", "--side", 72, "--steps", 2)
    early = gpu(*words, "--minutes", 0.0001)
    assert "time is up" in early.stdout + early.stderr
    assert not json.loads((tmp_path / "out" / "gpu.json").read_text())["slides"][0]["finished"]
    done = gpu(*words, "--minutes", 3)
    assert done.returncode == 0, done.stderr
    by_plan, by_paper = json.loads((tmp_path / "out" / "gpu.json").read_text())["slides"]
    assert by_plan["sittings"] == 2
    assert [stage["evaluations"] for stage in by_plan["stages"]] == [3 * 1, 2 * 4]
    assert by_plan["operations"] == 11 * by_plan["flops_per_patch"]
    assert 0 < by_plan["share_of_time_inside_the_network"] <= 1
    assert by_paper["plan"]["guided_steps"] == 1
    assert by_paper["finished"]
    assert (tmp_path / "out" / "paper.webp").is_file()


def test_a_slide_of_a_told_model_is_told_on_a_device_as_in_a_run(tmp_path, monkeypatch):
    """Compiled for one size of batch, and timed: the slide is that of the model as it is."""
    monkeypatch.syspath_prepend(str(COMMAND.parent))
    import gpu_slide

    def model() -> LoadedDenoiser:
        torch.manual_seed(0)
        network = UNet(UNetConfig(widths=(16, 16), blocks=1, condition_channels=32, told=True))
        for parameter in network.parameters():
            torch.nn.init.normal_(parameter, std=0.1)
        info = ModelInfo(network.config, 0.5, 16, 0.25, 100.0, 0, ())
        made = LoadedDenoiser(network, info, name="x", sha256="", half=False)
        return made.requires_grad_(False)

    monkeypatch.setattr(torch, "compile", lambda network, dynamic: network)
    path = stages(40, 40, 1.0, patch_px=16)
    plan = replace(TOLD, num_steps=2, overview_steps=2)
    painter = model().painter(plan, batch_size=9)
    expected = drain(generate(painter, path))
    timed = gpu_slide.prepare(model(), 9, compiled=True)
    found = drain(generate(replace(painter, denoiser=timed), path))
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=0)
    assert timed.seconds > 0


def test_without_a_cohort_it_says_what_to_pack(tmp_path):
    done = gpu(tmp_path / "out", "--train")
    assert done.returncode == 2
    assert "wsigen pack --cut" in done.stderr
    assert "Traceback" not in done.stderr


def test_weights_come_in_parts_that_are_the_file_again(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(COMMAND.parent))
    import gpu_train

    monkeypatch.setattr(gpu_train, "PART_BYTES", 1000)
    data = os.urandom(2500)
    (tmp_path / "model").write_bytes(data)
    gpu_train.in_parts(tmp_path / "model", tmp_path / "part")
    parts = [tmp_path / f"part.{number}" for number in range(3)]
    assert b"".join(part.read_bytes() for part in parts) == data
    assert max(part.stat().st_size for part in parts) == 1000
