"""wsigen evaluate and the experiment behind it."""

import json
import subprocess
import sys

import numpy as np
import pytest
from click.testing import CliRunner
from lab_kit import save_model
from PIL import Image

from wsigen.cli.evaluate import evaluate
from wsigen.coarse_to_fine import drain
from wsigen.experiments import heldout
from wsigen.experiments.run import run

CONFIG = heldout.Config(samples=16, least=8, scales=(2.0, 4.0, 30.0), num_steps=2)


@pytest.fixture
def flattered(lab, monkeypatch):
    """A lab whose generator hands out real training patches."""
    monkeypatch.setattr(
        lab, "generated_patches", lambda number, mpp, **_: lab.real_patches(number, mpp, "train")
    )
    return lab


def test_noise_is_further_from_held_out_patients_than_training_patches_are(lab):
    fine, _, coarse = drain(run("heldout", "smoke", lab, config=CONFIG)).rows
    assert fine["samples"] >= 8
    assert fine["kid_low"] > fine["floor_kid_high"]
    assert fine["ratio"] is None or fine["ratio"] > 5
    assert fine["recall"] < fine["floor_recall"]
    assert coarse["samples"] == 0
    assert "shows this scale" in coarse["note"]  # 512 px phantoms do not reach 30 um/px


def test_training_patches_stand_at_the_floor(flattered):
    row = heldout.measure({"mpp": 2.0}, CONFIG, flattered).values
    if row["samples"] == CONFIG.samples:  # else the least overlapping are other patches
        assert row["kid"] == pytest.approx(row["floor_kid"])
    assert row["train_kid"] < row["floor_kid_high"]
    assert abs(row["precision"] - row["floor_precision"]) < 0.3


def test_the_least_overlapping_patches_keep_their_order(lab):
    drawn = lab.draw(30, 3.0)
    kept = drawn.least_overlapping(10)
    assert kept.overlap.max() <= np.sort(drawn.overlap)[9]
    places = [
        int(np.flatnonzero((drawn.pixels == patch).all((1, 2, 3)))[0]) for patch in kept.pixels
    ]
    assert places == sorted(places)


def test_evaluate_prints_a_line_per_scale_and_saves_what_made_it(
    small_world, tmp_path, monkeypatch
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    words = ["--model", small_world / "model.safetensors", "--cohort", small_world / "slides"]
    words += [
        "--samples",
        8,
        "--num-steps",
        2,
        "--mpp",
        2,
        "--mpp",
        0.3,
        "--out",
        tmp_path / "kid.json",
        "--sheet",
        tmp_path / "sheet.png",
    ]
    command = [sys.executable, "-m", "wsigen", "evaluate", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[1].split()[0] == "2"
    assert "no slide of the split test shows this scale" in lines[2]
    saved = json.loads((tmp_path / "kid.json").read_text())
    assert saved["rows"][0]["kid_low"] < saved["rows"][0]["kid"] < saved["rows"][0]["kid_high"]
    assert saved["info"][0]["command"]
    assert str(tmp_path) not in json.dumps(saved)
    assert Image.open(tmp_path / "sheet.png").size == (2 * (2 * 8 * 32 + 16), 2 * 32)

    refused = subprocess.run(
        [*command, "--split", "nobody", "--overwrite"], capture_output=True, text=True, timeout=120
    )
    assert refused.returncode == 2
    assert "no split 'nobody'" in refused.stderr


def test_evaluate_judges_what_a_plan_makes_of_held_out_averages(small_world, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    model = save_model(tmp_path / "told.safetensors", told=True, student=True)
    slides = small_world / "slides"
    words = f"--model {model} --cohort {slides} --samples 8 --mpp 2 --plan".split()
    done = CliRunner().invoke(evaluate, [*words, "student", "--out", str(tmp_path / "kid.json")])
    assert done.exit_code == 0, done.output
    who = [line.split()[1] for line in done.stdout.splitlines()[1:5]]
    assert who == ["real", "teacher", "untaught", "student"]
    assert json.loads((tmp_path / "kid.json").read_text())["rows"][3]["evaluations"] == 2
    done = CliRunner().invoke(evaluate, [*words, "told"])
    assert [line.split()[1] for line in done.stdout.splitlines()[1:]] == ["real", "teacher"]
    refused = CliRunner().invoke(evaluate, [*words, "student", "--num-steps", "3"])
    assert refused.exit_code == 2
    assert "--num-steps is for patches from noise" in refused.output
