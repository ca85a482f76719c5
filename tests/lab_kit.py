"""A laboratory in seconds: a model nobody trained and phantom slides of a few hundred pixels.

Torch is imported where a fixture is used, after `conftest.py` has hooked its checks into the method.
"""

import hashlib

import pytest


def save_model(path, seed=0, *, told=False, student=False, styles=None, of_cases=None):
    """An untrained model; a told one may have a student beside it, which says what it says and may have styles."""
    import torch

    from wsigen.models import student_of
    from wsigen.networks.difference import Difference
    from wsigen.networks.unet import UNet, UNetConfig, with_styles
    from wsigen.training.checkpoint import ModelInfo, save_checkpoint
    from wsigen.training.student import save_student

    torch.manual_seed(seed)
    config = UNetConfig(
        widths=(16, 16), blocks=1, attention=False, condition_channels=32, told=told
    )
    info = ModelInfo(config, 0.5, 32, 0.25, 40.0, 1, ("nothing (own data)",))
    network = UNet(config)
    save_checkpoint(path, network, info)
    if student:
        teacher = hashlib.sha256(path.read_bytes()).hexdigest()
        own = network if styles is None else with_styles(network)
        difference = Difference(dict(own.named_parameters()), rank=2)
        save_student(
            student_of(path), difference, teacher, images_seen=1, styles=styles, of_cases=of_cases
        )
    return path


def refused(verb, words):
    """What a verb of the command line says where it refuses these words."""
    from click.testing import CliRunner

    from wsigen.errors import WsigenError

    result = CliRunner().invoke(verb, words.split())
    assert isinstance(result.exception, WsigenError)
    return str(result.exception)


@pytest.fixture(scope="session")
def small_world(tmp_path_factory):
    """Folder with ``model.safetensors`` and ``slides``, a cohort of three phantoms, one of them for testing."""
    from wsigen.cohorts.drawn import write_phantom_cohort

    folder = tmp_path_factory.mktemp("world")
    write_phantom_cohort(folder / "slides", slides=3, size=512, mpp=1.0)
    save_model(folder / "model.safetensors")
    return folder


@pytest.fixture
def lab(small_world, tmp_path):
    """A lab on the small world, with a cache of its own."""
    from wsigen.experiments.lab import Lab

    return Lab(small_world / "slides", small_world / "model.safetensors", cache=tmp_path / "cache")


@pytest.fixture
def told_lab(small_world, tmp_path):
    """A lab with a model that is told its guide."""
    from wsigen.experiments.lab import Lab

    model = save_model(tmp_path / "told.safetensors", told=True, student=True)
    return Lab(small_world / "slides", model, cache=tmp_path / "cache")
