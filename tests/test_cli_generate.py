"""wsigen generate and train, as a user runs them: a real process, real files."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import openslide
import pytest
from server_kit import HEED_CTRL_C, PATIENCE_S

from wsigen.plan import FAST
from wsigen.slides import open_slide, read_description
from wsigen.training.checkpoint import ModelInfo, save_checkpoint


def wsigen(*words: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "wsigen", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=300)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A tiny model whose training nobody needs: what is tested is the way, not the picture."""
    import torch

    from wsigen.networks.unet import UNet, UNetConfig

    torch.manual_seed(0)
    config = UNetConfig(widths=(16, 16), blocks=1, condition_channels=32)
    info = ModelInfo(config, 0.5, 32, 0.25, 40.0, 1, ("nothing (own data)",))
    path = tmp_path_factory.mktemp("model") / "tiny.safetensors"
    save_checkpoint(path, UNet(config), info)
    return path


def test_one_command_makes_a_slide_of_any_size_that_openslide_opens(tmp_path, model):
    out = tmp_path / "made" / "slide.tiff"
    png = tmp_path / "slide.png"
    done = wsigen(
        "generate",
        out,
        "--model",
        model,
        "--width",
        300,
        "--height",
        200,
        "--mpp",
        0.7,
        "--png",
        png,
    )
    assert done.returncode == 0, done.stderr
    assert "evaluations" in done.stdout
    assert "stage 4 of 4: 0.7 um/px" in done.stderr  # one bar for all, with the stage beside it
    assert "the overview shows " in done.stdout
    assert re.search(
        r"5 stages, at most \d+ evaluations of the network: about \d+ \w+ on", done.stdout
    )
    assert not out.with_suffix(".work").exists()
    with openslide.OpenSlide(out) as slide:
        assert slide.dimensions == (300, 200)
        assert float(slide.properties["openslide.mpp-x"]) == pytest.approx(0.7, rel=1e-4)
        assert slide.level_count == 2
    described = read_description(out)
    assert described["SYNTHETIC"] is True
    assert described["seed"] == 0
    assert len(described["model_sha256"]) == 64
    assert described["plan"] == json.loads(json.dumps(asdict(FAST)))
    assert [row["width"] for row in described["ledger"]] == [19, 38, 76, 152, 304]
    spent = sum(row["evaluations"] for row in described["ledger"])
    assert f"{spent} evaluations" in done.stdout
    assert png.is_file()
    shown = wsigen("info", out)
    assert shown.returncode == 0
    assert "SYNTHETIC" in shown.stdout


def test_a_model_can_be_told_that_noise_is_stronger_than_it_is(tmp_path, model):
    import torch

    from wsigen.training.checkpoint import load_denoiser

    x = torch.randn(2, 3, 32, 32)
    plain, told = load_denoiser(model), load_denoiser(model, told=1.5)
    torch.testing.assert_close(told(x, 1.0, 2.0), plain(x, 1.5, 2.0))
    torch.testing.assert_close(
        told(x, torch.tensor([1.0, 2.0]), 2.0), plain(x, torch.tensor([1.5, 3.0]), 2.0)
    )
    assert told.sha256 != plain.sha256
    out = tmp_path / "told.tiff"
    words = ["--model", model, "--width", 64, "--height", 64, "--mpp", 2, "--plan", "preview"]
    done = wsigen("generate", out, *words, "--told", 1.5)
    assert done.returncode == 0, done.stderr
    assert read_description(out)["model"] == "tiny, told 1.5 of the noise"


def test_threads_are_said_and_change_no_pixel(tmp_path, model):
    words = ["--model", model, "--width", 96, "--height", 96, "--plan", "preview"]
    one, three = (
        wsigen("generate", tmp_path / f"{n}.tiff", *words, "--threads", n) for n in (1, 3)
    )
    assert "; 1 thread\n" in one.stdout
    assert "; 3 threads\n" in three.stdout
    with open_slide(tmp_path / "1.tiff") as first, open_slide(tmp_path / "3.tiff") as second:
        assert np.array_equal(first.overview()[0], second.overview()[0])


def test_a_size_in_millimetres_is_the_same_size(tmp_path, model):
    out = tmp_path / "slide.tiff"
    done = wsigen(
        "generate", out, "--model", model, "--width-mm", 0.2, "--height-mm", 0.1, "--mpp", 1
    )
    assert done.returncode == 0, done.stderr
    with open_slide(out) as slide:
        assert (slide.width, slide.height) == (200, 100)


def test_a_workdir_keeps_finished_stages_and_refuses_another_slide(tmp_path, model):
    common = ["--model", model, "--width", 128, "--height", 128, "--workdir", tmp_path / "work"]
    first = wsigen("generate", tmp_path / "one.tiff", *common)
    assert first.returncode == 0, first.stderr
    again = wsigen("generate", tmp_path / "two.tiff", *common)
    assert again.returncode == 0, again.stderr
    assert "stage" not in again.stderr  # nothing was run again
    ledgers = [read_description(tmp_path / f"{name}.tiff")["ledger"] for name in ("one", "two")]
    spent = [[(row["patches"], row["evaluations"]) for row in ledger] for ledger in ledgers]
    assert spent[0] == spent[1]
    with open_slide(tmp_path / "one.tiff") as one, open_slide(tmp_path / "two.tiff") as two:
        np.testing.assert_array_equal(one.read(0, 0, 128, 128), two.read(0, 0, 128, 128))
    other = wsigen("generate", tmp_path / "three.tiff", *common, "--seed", 1)
    assert other.returncode == 2
    assert "holds another slide's stages, begun with other seed (see config.json)" in other.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--model", "huge"], "no model 'huge'"),
        (["--width", "8"], "too small; expected at least one patch of 32 px"),
        (["--mpp", "50"], "coarser than the model's 40 um/px"),
        (["--mpp", "0.1"], "error: 0.1 um/px is outside the model's range of 0.25 to 40 um/px;"),
        (["--mpp", "0.01"], "error: 0.01 um/px is outside the model's range of 0.25 to 40 um/px;"),
        (["--mpp", "-1"], "expected micrometres per pixel above 0"),
        (["--plan", "slow"], "no plan 'slow'; expected one of paper, fast, preview"),
        (["--guided-steps", "99"], "guided_steps is 99"),
        (
            ["--width", "128", "--first-steps", "9,8,7,6,5,4,3"],
            "--first-steps is 9,8,7,6,5,4,3; expected at most 5 numbers, one for each guided stage",
        ),
        (
            ["--width", "32", "--height", "32", "--first-starts", "3"],
            "--first-starts is 3; expected at most 0 numbers,",
        ),
        (["--width", "64", "--width-mm", "1"], "both given; expected one of them"),
        (
            ["--width-mm", "6", "--height", "100"],
            "--height is in pixels and --width-mm in millimetres",
        ),
        (["--width-mm", "6"], "--width-mm given alone; expected --width-mm and --height-mm"),
        (["--device", "toaster"], "no device 'toaster'"),
    ],
)
def test_what_cannot_be_made_is_said_in_one_line_and_leaves_nothing(
    tmp_path, model, words, message
):
    words = words if "--model" in words else ["--model", model, *words]
    done = wsigen("generate", tmp_path / "out" / "slide.tiff", *words)
    assert done.returncode == 2
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_existing_output_is_kept(tmp_path, model):
    out = tmp_path / "slide.tiff"
    out.write_text("precious")
    done = wsigen("generate", out, "--model", model, "--width", 64, "--height", 64)
    assert done.returncode == 2
    assert "--overwrite" in done.stderr
    assert out.read_text() == "precious"


def test_training_from_the_command_line_gives_a_model_that_generates(tmp_path):
    made = wsigen("phantom", tmp_path / "cohort", "--slides", 2, "--size", 512, "--mpp", 1)
    assert made.returncode == 0, made.stderr
    words = ["--preset", "tiny", "--images", 64, "--mpp-max", 8]
    trained = wsigen("train", tmp_path / "run", "--cohort", tmp_path / "cohort", *words)
    assert trained.returncode == 0, trained.stderr
    assert json.loads((tmp_path / "run" / "config.json").read_text())["images"] == 64
    model = tmp_path / "run" / "model.safetensors"
    out = tmp_path / "slide.tiff"
    done = wsigen("generate", out, "--model", model, "--width", 64, "--height", 64, "--mpp", 2)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("words", [["train", "--help"], ["generate", "--help"]])
def test_help_shows_examples(words):
    done = wsigen(*words)
    assert done.returncode == 0
    assert "Examples:" in done.stdout


def test_a_missing_cohort_is_said_in_one_line(tmp_path):
    done = wsigen("train", tmp_path / "run", "--cohort", tmp_path / "nowhere")
    assert done.returncode == 2
    assert "no such cohort" in done.stderr
    assert not (tmp_path / "run").exists()


def empty_model(folder: Path) -> Path:
    """A model that paints glass wherever there is glass round the canvas, so that a small overview is empty."""
    import torch

    from wsigen.networks.unet import UNet, UNetConfig

    config = UNetConfig(widths=(16, 16), blocks=1, condition_channels=32)
    network = UNet(config)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
        network.head.bias.fill_(50)
    save_checkpoint(
        folder / "glass.safetensors",
        network,
        ModelInfo(config, 0.5, 32, 0.25, 40.0, 1, ("nothing",)),
    )
    return folder / "glass.safetensors"


def test_an_empty_overview_is_announced_and_drawn_again(tmp_path):
    out = tmp_path / "slide.tiff"
    words = ["--width", 96, "--height", 64, "--mpp", 2, "--plan", "preview"]
    done = wsigen("generate", out, "--model", empty_model(tmp_path), *words)
    assert done.returncode == 0, done.stderr
    assert "the overview shows 0% tissue in any of 8 drawings" in done.stdout
    described = read_description(out)
    assert described["overview_tissue"] == 0
    assert described["overview_evaluations"] == 8 * 12
    assert "drawing" not in described


def test_choosing_shows_overviews_on_a_sheet_and_in_words_and_makes_no_slide(tmp_path, model):
    words = ["generate", "slide.tiff", "--model", model, "--width", 96, "--height", 64, "--seed", 3]
    done = wsigen(*words, "--choose", 5, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["slide.choices.png"]
    seeds = re.findall(r"^seed (\d+): (\d+%) tissue in .*, (pink|purple|blue)$", done.stdout, re.M)
    assert [int(seed) for seed, _, _ in seeds] == [3, 4, 5, 6, 7]
    command = shlex.split(done.stdout.splitlines()[-1])
    assert "--choose" not in command
    taken = wsigen(*command[1:], cwd=tmp_path)
    assert taken.returncode == 0, taken.stderr
    assert f"the overview shows {seeds[0][1]} tissue" in taken.stdout
    again = wsigen(*words, "--choose", 5, "--overwrite", cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert wsigen(*words, "--choose", 5, cwd=tmp_path).returncode == 2


def interrupted(folder: Path, *words: object) -> str:
    """What is said where a run is ended by Ctrl-C once its bar moves."""
    command = [sys.executable, "-m", "wsigen", *map(str, words)]
    with subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        cwd=folder,
        stdout=subprocess.DEVNULL,
        preexec_fn=HEED_CTRL_C,
    ) as run:
        assert run.stderr is not None
        said = b""
        while b"stage 1" not in said:
            more = os.read(run.stderr.fileno(), 4096)
            assert more, said
            said += more
        run.send_signal(signal.SIGINT)
        said += run.stderr.read()
        assert run.wait(PATIENCE_S) == 130
    return said.decode()


def test_ctrl_c_says_what_is_kept_and_how_to_go_on(tmp_path, model):
    words = ["generate", "slide.tiff", "--model", model, "--width", 480, "--height", 480]
    lost = interrupted(tmp_path, *words)
    assert "nothing of it is kept; with --workdir DIR a run goes on where it was" in lost
    assert list(tmp_path.iterdir()) == []
    kept = interrupted(tmp_path, *words, "--workdir", "kept")
    assert "what was done is kept in kept; the same command goes on" in kept
    command = f"wsigen generate slide.tiff --model {model} --width 480 --height 480 --workdir kept"
    assert command in kept
    assert (tmp_path / "kept" / "position.json").is_file()


def test_a_run_of_more_than_two_minutes_is_kept_without_being_asked(tmp_path, model, monkeypatch):
    from click.testing import CliRunner

    from wsigen.cli.generate import generate

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("wsigen.runs.estimate.seconds_each", lambda painter, stage: 100.0)
    began = []
    monkeypatch.setattr(
        "wsigen.runs.workdir.Workdir.finish", lambda self, *a: began.append(self.folder) or 1 / 0
    )
    words = ["slide.tiff", "--model", str(model), "--width", "64", "--height", "64"]
    done = CliRunner().invoke(generate, words)
    assert isinstance(done.exception, ZeroDivisionError)
    assert began == [Path("slide.work")]
    assert "hours on cpu" in done.output
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("wsigen.runs.estimate.seconds_each", lambda painter, stage: 0.001)
    done = CliRunner().invoke(generate, words)  # goes on, however short it is by now, and tidies up
    assert done.exit_code == 0, done.output
    assert sorted(path.name for path in tmp_path.iterdir()) == ["slide.tiff"]
