"""wsigen zoom, as a user runs it."""

import json

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

from wsigen.cli.generate import generate
from wsigen.cli.zoom import zoom
from wsigen.errors import WsigenError
from wsigen.networks.unet import UNet, UNetConfig
from wsigen.plots.zoom import bar_length, length_name
from wsigen.slides import open_slide
from wsigen.training.checkpoint import ModelInfo, save_checkpoint


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A tiny model whose training nobody needs."""
    torch.manual_seed(0)
    config = UNetConfig(widths=(8,), blocks=1, condition_channels=16)
    info = ModelInfo(config, 0.5, 32, 0.25, 40.0, 1, ("nothing (own data)",))
    path = tmp_path_factory.mktemp("model") / "tiny.safetensors"
    save_checkpoint(path, UNet(config), info)
    return path


def called(command, *words):
    return CliRunner().invoke(command, [str(word) for word in words], catch_exceptions=False)


def test_a_zoom_shows_every_scale_of_the_slide_that_generate_makes(tmp_path, model):
    slide = ["--model", model, "--width", 100, "--height", 60, "--seed", 5, "--mpp", 1.4]
    slide += ["--num-steps", 3, "--solver", "2m", "--guided-sigma", 1, "--overview-steps", 2]
    done = called(zoom, tmp_path / "place", "--at", "75,20", "--view-px", 32, *slide)
    assert "of the whole slide's" in done.output
    table = json.loads((tmp_path / "place" / "zoom.json").read_text())
    assert table["SYNTHETIC"] is True
    assert table["plan"]["guided_steps"] == 1
    assert [line["width"] for line in table["ledger"]] == [25, 50, 100]
    assert all(line["patches"] <= line["patches_of_whole"] for line in table["ledger"])
    assert "commit" in table["run"]
    assert (tmp_path / "place" / "strip.png").is_file()
    shown = np.asarray(Image.open(tmp_path / "place" / "stage_02_1.4_um_per_px.png"))
    called(generate, tmp_path / "slide.tiff", *slide)
    with open_slide(tmp_path / "slide.tiff") as whole:
        crop = whole.read(4, 59, 32, 32).astype(int)
    assert np.abs(crop - shown).mean() < 6  # wild colours, kept as JPEG; other places differ by 80
    with pytest.raises(WsigenError, match="not empty; choose another folder or add --overwrite"):
        called(zoom, tmp_path / "place", "--at", "1,1", *slide)
    (tmp_path / "place" / "mine.txt").write_text("kept")
    called(
        zoom, tmp_path / "place", "--at", "1,1", "--view-px", 32, *slide, "--mpp", 2, "--overwrite"
    )
    stages = ["stage_00_8", "stage_01_4", "stage_02_2"]
    pictures = [f"{name}_um_per_px.png" for name in stages]
    here = sorted(path.name for path in (tmp_path / "place").iterdir())
    assert here == ["mine.txt", *pictures, "strip.png", "zoom.json"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--at", "150"], "--at is '150'; expected two numbers X,Y"),
        (["--at", "150,90", "--width", "100"], "expected a place on the slide, 100 x 2048 px"),
        (
            ["--at", "1,101", "--height", "101"],
            "expected a place on the slide",
        ),  # its canvas is larger
        (["--at", "1,1", "--width", "9" * 25], "expected 1 to 10000000 pixels"),
        (
            ["--at", "1,1", "--width-mm", "1e300", "--height-mm", "1"],
            "expected 1 to 10000000 pixels",
        ),
        (["--at", "1,1", "--guided-sigma", "1", "--guided-steps", "1"], "expected one of them"),
    ],
)
def test_a_place_that_is_none_leaves_nothing(tmp_path, model, words, message):
    with pytest.raises(WsigenError, match=message):
        called(zoom, tmp_path / "place", "--model", model, *words)
    assert not (tmp_path / "place").exists()


def test_a_scale_bar_has_a_round_length():
    assert [bar_length(um) for um in (7640.0, 100.0, 59.7, 1.9)] == [5000, 100, 50, 1]
    assert [length_name(um) for um in (5000.0, 50.0)] == ["5 mm", "50 µm"]
