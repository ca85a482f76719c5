import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import GaussianDenoiser, pooling_matrix

from wsigen.guidance import AveragePool, constrained, guided_step, project
from wsigen.schedule import karras_sigmas


def random_images(batch: int, side: int, seed: int = 0) -> torch.Tensor:
    stream = torch.Generator().manual_seed(seed)
    return torch.randn(batch, 3, side, side, dtype=torch.float64, generator=stream)


@given(factor=st.integers(1, 4), cells=st.integers(1, 3), seed=st.integers(0, 99))
@settings(deadline=None, max_examples=30)
def test_projection_is_equation_9_and_10_with_dense_matrices(factor, cells, seed):
    side = factor * cells
    u, guide = random_images(1, side, seed), random_images(1, cells, seed + 1)
    matrix = pooling_matrix(side, factor)
    pinv = torch.linalg.pinv(matrix)  # Moore-Penrose, not our formula
    rows = u.reshape(3, -1).T
    dense = rows + pinv @ (guide.reshape(3, -1).T - matrix @ rows)
    torch.testing.assert_close(project(u, guide, AveragePool(factor)).reshape(3, -1).T, dense)


def test_a_projection_agrees_with_the_guide_and_projecting_again_changes_nothing():
    operator = AveragePool(2)
    u, guide = random_images(2, 16), random_images(2, 8, 1)
    once = project(u, guide, operator)
    torch.testing.assert_close(operator(once), guide)
    torch.testing.assert_close(project(once, guide, operator), once)


def run(guided_steps: int, solver: str, num_steps: int = 12):
    denoiser, operator = GaussianDenoiser(), AveragePool(2)
    guide = 0.3 + 0.2 * random_images(1, 4, 1)
    sigmas = karras_sigmas(num_steps)
    x = random_images(1, 8) * float(sigmas[0])
    u = None
    for i in range(num_steps):
        x, u = guided_step(
            denoiser,
            x,
            guide,
            i,
            sigmas,
            1.0,
            guided_steps=guided_steps,
            operator=operator,
            solver=solver,
            previous=u,
        )
    return x, guide


@pytest.mark.parametrize("solver", ["euler", "heun", "2m"])
def test_r_equals_n_is_exact_super_resolution(solver):
    x, guide = run(12, solver)
    torch.testing.assert_close(AveragePool(2)(x), guide)


@pytest.mark.parametrize("solver", ["euler", "heun", "2m"])
def test_r_equals_zero_ignores_the_guide(solver):
    x, guide = run(0, solver)
    free = random_images(1, 8) * 80
    denoiser = GaussianDenoiser()
    sigmas = karras_sigmas(12)
    u = None
    for i in range(12):
        free, u = guided_step(
            denoiser,
            free,
            guide + 1,
            i,
            sigmas,
            1.0,
            guided_steps=0,
            operator=AveragePool(2),
            solver=solver,
            previous=u,
        )
    torch.testing.assert_close(x, free)


def test_a_relaxed_guide_is_followed_less_exactly_the_sooner_it_is_let_go():
    distances = []
    for guided_steps in (12, 9, 6, 3):
        x, guide = run(guided_steps, "heun")
        distances.append((AveragePool(2)(x) - guide).abs().mean().item())
    assert distances == sorted(distances)
    assert distances[0] < 1e-12 < distances[1]


def test_heun_uses_the_guided_estimate_in_predictor_and_corrector():
    """With both estimates guided, and the guide's own average on the path, the average stays on it."""
    operator, guide = AveragePool(2), torch.full((1, 3, 4, 4), 0.1, dtype=torch.float64)
    sigmas = karras_sigmas(10)
    x = operator.pinv(guide) + float(sigmas[0]) * random_images(1, 8)
    noise = operator(x) - guide
    for i in range(9):
        x, _ = guided_step(
            GaussianDenoiser(), x, guide, i, sigmas, 1.0, guided_steps=10, operator=operator
        )
        # averages follow dy/dsigma = (y - guide) / sigma exactly: a straight line to the guide
        torch.testing.assert_close(operator(x), guide + noise * float(sigmas[i + 1] / sigmas[0]))


def test_2m_forgets_its_estimate_where_guidance_ends():
    operator, guide, sigmas = AveragePool(2), random_images(1, 4), karras_sigmas(6)
    x, wrong = random_images(1, 8), 100 * random_images(1, 8, 1)
    for i, forgotten in ((0, True), (2, False), (3, True), (4, False)):
        with_memory, without = (
            guided_step(
                GaussianDenoiser(), x, guide, i, sigmas, 1.0,
                guided_steps=3, operator=operator, solver="2m", previous=previous,
            )[0]
            for previous in (wrong, None)
        )  # fmt: skip
        assert torch.equal(with_memory, without) == forgotten


def test_guidance_wraps_a_denoiser_and_returns_a_denoiser():
    guide = random_images(2, 4)
    estimate = constrained(GaussianDenoiser(), guide, AveragePool(2))(random_images(2, 8), 0.5, 1.0)
    torch.testing.assert_close(AveragePool(2)(estimate), guide)
