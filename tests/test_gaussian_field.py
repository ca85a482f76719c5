import numpy as np
import pytest
import torch
from scipy.special import kv

from wsigen.arrays import Denoiser
from wsigen.errors import WsigenError
from wsigen.sampler import sample
from wsigen.schedule import karras_sigmas
from wsigen.seams.gaussian_field import GaussianField

GREY = {"std": (1.0, 1.0, 1.0), "mean": (0.0, 0.0, 0.0)}


def noisy(field: GaussianField, sigma: float, side: int | None = None) -> torch.Tensor:
    z = torch.stack([field.draw(n, "field") for n in range(2)]).double()[..., :side, :side]
    return z + sigma * torch.randn(
        z.shape, dtype=z.dtype, generator=torch.Generator().manual_seed(1)
    )


def dense_answer(covariance: np.ndarray, x: torch.Tensor, sigma: float) -> torch.Tensor:
    """C (C + sigma^2 I)^-1 x for each colour, with a dense solver."""
    shrink = covariance @ np.linalg.inv(covariance + sigma**2 * np.eye(len(covariance)))
    return (x.flatten(2) @ torch.from_numpy(shrink.T)).reshape(x.shape)


@pytest.mark.parametrize("sigma", [0.05, 1.0, 20.0])
def test_wieners_filter_is_the_dense_answer_on_a_torus(sigma):
    field = GaussianField(12, 10, 1.5, **GREY)
    x = noisy(field, sigma)
    expected = dense_answer(field.covariance(12, 10), x, sigma)
    torch.testing.assert_close(field.whole_denoiser()(x, sigma, 1.0), expected)


@pytest.mark.parametrize("sigma", [0.05, 1.0, 20.0])
def test_a_patch_is_denoised_by_its_own_dense_covariance(sigma):
    field = GaussianField(40, 40, 2.5, **GREY)
    x = noisy(field, sigma, 8)
    expected = dense_answer(field.covariance(8, 8), x, sigma)
    torch.testing.assert_close(field.patch_denoiser(8, 8)(x, sigma, 1.0), expected)


def test_colours_are_three_fields_along_orthonormal_axes():
    """The denoiser equals that of the full covariance over pixels and colours."""
    field = GaussianField(6, 6, 1.0, mean=(0.1, -0.2, 0.3), std=(0.7, 0.2, 0.1))
    axes = np.linalg.qr(
        np.array([[0.679, 0.583, 0.446], [-0.658, 0.215, 0.721], [0.325, -0.783, 0.53]]).T
    )[0]
    colour = axes @ np.diag([0.49, 0.04, 0.01]) @ axes.T
    covariance = np.kron(colour, field.covariance(6, 6))
    x, mean = noisy(field, 0.3), torch.tensor(field.mean).double()[:, None, None]
    shrink = covariance @ np.linalg.inv(covariance + 0.09 * np.eye(108))
    expected = ((x - mean).flatten(1) @ torch.from_numpy(shrink.T)).reshape(x.shape) + mean
    torch.testing.assert_close(field.whole_denoiser()(x, 0.3, 1.0), expected, atol=1e-6, rtol=0)


def test_the_covariance_is_whittles_away_from_the_torus_edges():
    """nu = 1: C(d) = (d / length) K_1(d / length), up to what the finite pixels cut off the spectrum."""
    correlation = GaussianField(256, 256, 6.0).correlation[0, 1:40]
    scaled = np.arange(1, 40) / 6.0
    np.testing.assert_allclose(correlation, scaled * kv(1, scaled), atol=4e-3)


def test_rows_of_a_field_of_one_dimension_are_independent():
    correlation = GaussianField(16, 64, 2.0, dimensions=1).correlation
    np.testing.assert_allclose(correlation[1:], 0, atol=1e-12)
    assert correlation[0, 1] > 0.7


def test_rows_of_a_patch_are_denoised_each_for_itself_as_the_dense_answer_does():
    field = GaussianField(40, 40, 2.5, dimensions=1, **GREY)
    x = noisy(field, 0.5, 8)
    expected = dense_answer(field.covariance(8, 8), x, 0.5)
    torch.testing.assert_close(field.patch_denoiser(8, 8)(x, 0.5, 1.0), expected)


def test_drawn_fields_have_the_spectrum_and_colours_they_should():
    field = GaussianField(256, 256)
    z = np.stack([field.draw(n, "field") for n in range(4)]).astype(np.float64)
    assert z.mean((0, 2, 3)) == pytest.approx(field.mean, abs=0.08)
    spread = np.sqrt(np.linalg.eigvalsh(np.cov(np.moveaxis(z, 1, 0).reshape(3, -1))))[::-1]
    assert spread == pytest.approx(field.std, rel=0.08)
    grey = z.mean(1)
    grey -= grey.mean()
    beside = (grey[:, :, 1:] * grey[:, :, :-1]).mean() / (grey**2).mean()
    assert beside == pytest.approx(field.correlation[0, 1], abs=0.02)


def test_sampling_with_the_exact_denoiser_follows_the_exact_path():
    field = GaussianField(16, 16, 2.0)
    denoiser = field.whole_denoiser()
    assert isinstance(denoiser, Denoiser)
    sigmas = karras_sigmas(160)
    x = 80 * torch.randn(
        1, 3, 16, 16, dtype=torch.float64, generator=torch.Generator().manual_seed(0)
    )
    exact = denoiser.path(x, 80.0, 0.0)
    errors = [
        (sample(denoiser, x, karras_sigmas(n), 1.0) - exact).abs().max().item()
        for n in (20, 40, 160)
    ]
    assert errors[0] > 3 * errors[1] > 9 * errors[2]
    assert errors[2] < 2e-3
    assert sigmas[0] == 80


def test_one_noise_level_per_image_is_one_for_each():
    field = GaussianField(8, 8, 1.0)
    denoiser, x = field.whole_denoiser(), noisy(field, 1.0)
    both = denoiser(x, torch.tensor([0.5, 2.0]), 1.0)
    torch.testing.assert_close(both[0], denoiser(x[:1], 0.5, 1.0)[0])
    torch.testing.assert_close(both[1], denoiser(x[1:], 2.0, 1.0)[0])


def test_a_patch_of_another_size_is_refused():
    field = GaussianField(64, 64)
    with pytest.raises(WsigenError, match="64 x 64 px; expected 16 x 16 px"):
        field.patch_denoiser(16, 16)(torch.zeros(1, 3, 64, 64), 1.0, 1.0)
    with pytest.raises(WsigenError, match="33 x 16 px in a field"):
        field.patch_denoiser(33, 16)
