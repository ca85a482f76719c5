import pytest
import torch
from oracles import GaussianDenoiser
from torch import nn

from wsigen.denoiser import EDMDenoiser, preconditioning
from wsigen.errors import WsigenError
from wsigen.loss import denoising_loss, loss_weight


class Constant(nn.Module):
    """F that answers the same for every input, and remembers what it was asked."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self.value = value

    def forward(self, x, c_noise, mpp):
        self.seen = (x, c_noise, mpp)
        return torch.full_like(x, self.value)


def test_coefficients_are_equation_6():
    sigma, sd = torch.tensor([0.002, 0.3, 80.0], dtype=torch.float64), 0.5
    c_skip, c_out, c_in, c_noise = preconditioning(sigma, sd)
    torch.testing.assert_close(c_skip, sd**2 / (sigma**2 + sd**2))
    torch.testing.assert_close(c_out, sigma * sd / torch.sqrt(sd**2 + sigma**2))
    torch.testing.assert_close(c_in, 1 / torch.sqrt(sigma**2 + sd**2))
    torch.testing.assert_close(c_noise, torch.log(sigma) / 4)


def test_the_network_sees_inputs_of_variance_one_at_every_noise_level():
    generator = torch.Generator().manual_seed(0)
    network = Constant(0.0)
    for sigma in (0.01, 0.5, 80.0):
        clean = 0.5 * torch.randn(4, 3, 64, 64, generator=generator)
        noisy = clean + sigma * torch.randn(clean.shape, generator=generator)
        EDMDenoiser(network)(noisy, sigma, 1.0)
        assert network.seen[0].std().item() == pytest.approx(1, rel=0.02)


def test_a_network_of_zeros_gives_the_best_linear_denoiser():
    x = torch.randn(2, 3, 8, 8, dtype=torch.float64)
    best = GaussianDenoiser(mean=0.0, std=0.5)
    estimate = EDMDenoiser(Constant(0.0))(x, 0.7, 1.0)
    torch.testing.assert_close(estimate, best(x, 0.7, 1.0), rtol=1e-6, atol=1e-6)


def test_levels_and_scales_may_differ_from_image_to_image():
    network = Constant(1.0)
    x = torch.randn(2, 3, 8, 8)
    sigma, mpp = torch.tensor([0.1, 10.0]), torch.tensor([0.5, 50.0])
    together = EDMDenoiser(network)(x, sigma, mpp)
    assert network.seen[2].tolist() == [0.5, 50.0]
    for n in range(2):
        alone = EDMDenoiser(network)(x[n : n + 1], float(sigma[n]), float(mpp[n]))
        torch.testing.assert_close(together[n : n + 1], alone)


def test_a_scale_outside_the_models_range_is_refused():
    denoiser = EDMDenoiser(Constant(0.0), mpp_range=(0.25, 100.0))
    denoiser.check_mpp(0.25, 7.0, 100.0)
    with pytest.raises(WsigenError, match="outside the model's range"):
        denoiser.check_mpp(0.7, 120.0)


def test_the_loss_of_a_network_of_zeros_on_gaussian_data_is_one():
    generator = torch.Generator().manual_seed(0)
    clean = 0.5 * torch.randn(2000, 3, 8, 8, generator=generator)
    noise = torch.randn(clean.shape, generator=generator)
    sigma = (torch.randn(2000, generator=generator) * 1.2 - 1.2).exp()
    denoiser = EDMDenoiser(Constant(0.0))
    loss = denoising_loss(denoiser, clean, noise, sigma, torch.ones(2000)).mean()
    assert loss.item() == pytest.approx(1, abs=0.02)


def test_the_loss_weight_is_equation_7():
    sigma = torch.tensor([0.1, 1.0, 10.0])
    torch.testing.assert_close(loss_weight(sigma, 0.5), (sigma**2 + 0.25) / (0.5 * sigma) ** 2)
