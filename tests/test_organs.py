"""What telling the organ is worth: the same noise, told different words."""

import numpy as np
import pytest
import torch

from wsigen.experiments import organs
from wsigen.experiments.lab import Lab
from wsigen.networks.unet import UNet, UNetConfig
from wsigen.training.checkpoint import ModelInfo, save_checkpoint

CONFIG = organs.Config(samples=16, scales=(2.0,), num_steps=3)
WIDTHS = {"widths": (16, 16), "blocks": 1, "attention": False, "condition_channels": 32}


@pytest.fixture(params=[0.0, 1.0], ids=["deaf", "listening"])
def organ_lab(request, small_world, tmp_path, monkeypatch):
    """A lab whose network knows three organs, and does or does not mind which it is told."""
    torch.manual_seed(0)
    network = UNet(UNetConfig(**WIDTHS, told=True, organs=("breast", "colon", "liver")))
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    torch.nn.init.normal_(network.conditioning.organ.weight, std=request.param)
    model = tmp_path / "told.safetensors"
    save_checkpoint(model, network, ModelInfo(network.config, 0.5, 32, 0.25, 40.0, 1, ()))
    monkeypatch.setattr(organs, "numbers_of", lambda cases, lab: np.arange(len(cases)) % 3)
    return Lab(small_world / "slides", model, cache=tmp_path / "cache"), request.param > 0


def test_a_wrong_organ_is_another_of_those_that_there_are():
    true = np.array([7, 2, 5, 7])
    assert organs.said(true, organs.NONE).tolist() == [0, 0, 0, 0]
    assert organs.said(true, organs.RIGHT).tolist() == true.tolist()
    wrong = organs.said(true, organs.WRONG)
    assert (wrong != true).all()
    assert set(wrong) == set(true)


def test_patches_differ_by_what_is_told_and_by_nothing_else(organ_lab):
    lab, listens = organ_lab
    rows = [organs.measure(cell, CONFIG, lab).values for cell in organs.cells(CONFIG)]
    assert {row["organs"] for row in rows} == {2}  # a case without a number is left out
    assert (len({row["kid"] for row in rows}) > 1) == listens


def test_slides_of_no_organ_that_the_model_knows_are_left_out_with_a_word(told_lab):
    row = organs.measure(organs.cells(CONFIG)[0], CONFIG, told_lab)
    assert row.values == {"samples": 0, "note": "the model knows no organ of these slides"}
    coarse = {**organs.cells(CONFIG)[0], "mpp": 3000.0}
    assert "shows this scale" in organs.measure(coarse, CONFIG, told_lab).values["note"]
