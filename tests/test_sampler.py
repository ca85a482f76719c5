import math
from itertools import pairwise

import pytest
import torch
from oracles import GaussianDenoiser

from wsigen.errors import WsigenError
from wsigen.sampler import dpm2m, evaluations, sample, slope, solver_step, take_step
from wsigen.schedule import karras_sigmas


def global_error(solver: str, num_steps: int) -> float:
    """Error at the end of the ODE from sigma 10 to 0.1, against its exact solution."""
    denoiser = GaussianDenoiser()
    x = (
        torch.randn(1, 3, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
        * 10
    )
    levels = torch.logspace(1, -1, num_steps + 1, dtype=torch.float64).tolist()
    exact, previous = denoiser.path(x, 10.0, 0.1), None
    for sigma, sigma_next in pairwise(levels):
        x, u = take_step(solver, denoiser, x, sigma, sigma_next, 1.0, previous)
        previous = None if u is None else (u, sigma)
    return (x - exact).abs().max().item()


@pytest.mark.parametrize(("solver", "order"), [("euler", 1), ("heun", 2), ("2m", 2)])
def test_an_exact_denoiser_shows_the_order_of_the_solver(solver, order):
    errors = [global_error(solver, n) for n in (80, 160, 320)]
    for coarse, fine in pairwise(errors):
        assert math.log2(coarse / fine) == pytest.approx(order, abs=0.1)


def test_the_slope_is_the_derivative_of_the_exact_path():
    denoiser = GaussianDenoiser()
    x = torch.linspace(-2, 2, 12, dtype=torch.float64).reshape(1, 3, 2, 2)
    h = 1e-5
    numeric = (denoiser.path(x, 1.0, 1.0 + h) - denoiser.path(x, 1.0, 1.0 - h)) / (2 * h)
    torch.testing.assert_close(slope(denoiser, x, 1.0, 1.0), numeric, rtol=1e-7, atol=1e-9)


def test_2m_without_memory_is_an_euler_step_and_so_is_its_last_one():
    x = torch.linspace(-2, 2, 12, dtype=torch.float64).reshape(1, 3, 2, 2)
    remembered = torch.ones_like(x), 4.0
    for sigma_next, previous in ((0.5, None), (0.0, remembered)):
        euler = solver_step("euler")(GaussianDenoiser(), x, 2.0, sigma_next, 1.0)
        torch.testing.assert_close(
            dpm2m(GaussianDenoiser(), x, 2.0, sigma_next, 1.0, previous)[0], euler
        )


def test_2m_is_nearer_than_euler_to_an_exact_step():
    """With u = ln sigma the exact step is known: x / sigma changes by the integral of u / sigma^2."""

    def linear(x, sigma, mpp):
        return torch.full_like(x, math.log(sigma))

    sigma0, sigma, sigma_next = 1.1, 1.0, 0.9
    x = torch.zeros(1, 3, 2, 2, dtype=torch.float64)
    previous = torch.full_like(x, math.log(sigma0)), sigma0
    made, u = dpm2m(linear, x, sigma, sigma_next, 1.0, previous)
    exact = sigma_next * ((math.log(sigma_next) + 1) / sigma_next - (math.log(sigma) + 1) / sigma)
    assert made[0, 0, 0, 0].item() == pytest.approx(exact, abs=2e-4)
    euler = solver_step("euler")(linear, x, sigma, sigma_next, 1.0)
    assert abs(euler[0, 0, 0, 0].item() - exact) > 20 * abs(made[0, 0, 0, 0].item() - exact)
    assert torch.equal(u, torch.zeros_like(x))


@pytest.mark.parametrize(("solver", "spent"), [("heun", 79), ("euler", 40), ("2m", 40)])
def test_forty_steps_spend_the_papers_evaluations(solver, spent):
    denoiser = GaussianDenoiser()
    sample(denoiser, torch.randn(1, 3, 4, 4) * 80, karras_sigmas(40), 1.0, solver=solver)
    assert denoiser.calls == spent == evaluations(40, solver)


@pytest.mark.parametrize("solver", ["heun", "2m"])
def test_samples_have_the_mean_and_spread_of_the_data(solver):
    denoiser = GaussianDenoiser(mean=0.3, std=0.4)
    noise = torch.randn(16, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    images = sample(denoiser, 80 * noise, karras_sigmas(60), 1.0, solver=solver)
    assert images.mean().item() == pytest.approx(0.3, abs=0.01)
    assert images.std().item() == pytest.approx(0.4, rel=0.02)


def test_an_unknown_solver_is_named_with_the_known_ones():
    with pytest.raises(
        WsigenError, match="no solver 'rk4'; expected one of euler, heun, 2m or student"
    ):
        solver_step("rk4")
