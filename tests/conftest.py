"""What every test may use: array shapes checked at run time, the real cohort where there is one."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from jaxtyping import install_import_hook
from lab_kit import lab, small_world, told_lab  # noqa: F401  fixtures for all

METHOD = ["schedule", "denoiser", "loss", "sampler", "guidance", "runs.canvas", "networks"]
install_import_hook([f"wsigen.{module}" for module in METHOD], "beartype.beartype")


@pytest.fixture
def threads() -> Iterator[Callable[[int], None]]:
    """Sets how many threads torch has; after the test it has as many as before."""
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def real_cohort() -> Path:
    """The cohort.csv named by WSIGEN_COHORT; tests on real slides are skipped without it."""
    path = os.environ.get("WSIGEN_COHORT")
    if not path:
        pytest.skip("no real slides: set WSIGEN_COHORT to a cohort.csv")
    return Path(path)
