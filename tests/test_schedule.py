import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from wsigen.errors import WsigenError
from wsigen.schedule import karras_sigmas, lognormal_sigmas


def test_levels_are_equation_4_term_by_term():
    sigmas = karras_sigmas(40)
    for i in range(40):
        low, high = 0.002 ** (1 / 7), 80 ** (1 / 7)
        assert sigmas[i].item() == pytest.approx((high + i / 39 * (low - high)) ** 7, rel=1e-12)


@given(st.integers(1, 200), st.floats(1e-4, 1), st.floats(1.01, 100), st.floats(1, 10))
def test_levels_fall_from_sigma_max_to_an_exact_zero(num_steps, sigma_min, sigma_max, rho):
    sigmas = karras_sigmas(num_steps, sigma_min, sigma_max, rho)
    assert sigmas.shape == (num_steps + 1,)
    assert sigmas[0].item() == pytest.approx(sigma_max)
    assert sigmas[-1] == 0
    assert (sigmas.diff() < 0).all()


def test_the_papers_last_guided_step_is_at_sigma_0_349():
    sigmas = karras_sigmas(40)
    assert sigmas[27].item() == pytest.approx(0.349, abs=5e-4)
    assert sigmas[28].item() == pytest.approx(0.256, abs=5e-4)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((0,), "num_steps is 0; expected at least 1"),
        ((4, 0.0), "sigma_min is 0; expected above 0, and at most the first level, 80"),
        ((4, 2.0, 1.0), "sigma_min is 2; expected above 0, and at most the first level, 1"),
    ],
)
def test_levels_that_cannot_fall_are_refused(arguments, told):
    with pytest.raises(WsigenError) as refused:
        karras_sigmas(*arguments)
    assert str(refused.value) == told


def test_training_levels_are_lognormal():
    noise = torch.randn(200_000, generator=torch.Generator().manual_seed(0))
    logs = lognormal_sigmas(noise).log()
    assert logs.mean().item() == pytest.approx(-1.2, abs=4 * 1.2 / math.sqrt(200_000))
    assert logs.std().item() == pytest.approx(1.2, rel=0.01)
