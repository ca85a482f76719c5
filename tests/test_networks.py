from dataclasses import replace

import pytest
import torch

from wsigen.networks.blocks import SelfAttention
from wsigen.networks.embedding import SinusoidalEncoding
from wsigen.networks.unet import UNet, UNetConfig, average, grown


def scrambled(config: UNetConfig) -> UNet:
    """A network without the zeros that a fresh one starts from."""
    torch.manual_seed(0)
    network = UNet(config).eval().requires_grad_(False)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    return network


@pytest.mark.parametrize("fold", [1, 2, 4])
@pytest.mark.parametrize("attention", [True, False])
@pytest.mark.parametrize("extras", [{}, {"detail": 8, "averages": (4, 8)}])
def test_output_has_the_shape_of_the_input_at_any_whole_multiple(fold, attention, extras):
    config = UNetConfig(
        widths=(16, 32), blocks=1, fold=fold, attention=attention, condition_channels=32, **extras
    )
    network = scrambled(config)
    for height, width in ((32, 32), (config.multiple, 3 * config.multiple)):
        x = torch.randn(2, 3, height, width)
        assert network(x, torch.zeros(2), torch.ones(2)).shape == x.shape


def test_a_fresh_network_answers_zero_so_that_training_starts_from_the_best_linear_denoiser():
    network = UNet(UNetConfig(widths=(16, 32), blocks=1, condition_channels=32))
    output = network(torch.randn(2, 3, 32, 32), torch.zeros(2), torch.ones(2))
    torch.testing.assert_close(output, torch.zeros_like(output))


def test_both_conditions_change_the_output():
    network = scrambled(UNetConfig(widths=(16, 32), blocks=1, condition_channels=32))
    x = torch.randn(1, 3, 32, 32)
    base = network(x, torch.zeros(1), torch.ones(1))
    assert not torch.allclose(base, network(x, torch.full((1,), 0.5), torch.ones(1)))
    assert not torch.allclose(base, network(x, torch.zeros(1), torch.full((1,), 2.0)))


@pytest.mark.parametrize("side", [4, 16])
@pytest.mark.parametrize("sigma", [0.01, 1.0, 80.0])
def test_an_average_has_variance_one_at_every_noise_level_and_keeps_the_images_mean(side, sigma):
    # images of one colour each, of standard deviation 0.5: all of their variance is in their mean
    stream = torch.Generator().manual_seed(0)
    colours = 0.5 * torch.randn(4000, 3, 1, 1, generator=stream)
    c_noise = torch.full((4000,), sigma).log() / 4
    means = average(
        1 / (sigma**2 + 0.25) ** 0.5 * colours.expand(-1, -1, side, side), c_noise, side
    )
    # noise of the input comes down to sigma / side, in the same units
    unit = ((sigma / side) ** 2 + 0.25) ** -0.5
    torch.testing.assert_close(means, unit * colours.expand_as(means))
    noise = average(
        sigma / (sigma**2 + 0.25) ** 0.5 * torch.randn(4000, 3, side, side, generator=stream),
        c_noise,
        side,
    )
    assert means[..., 0, 0].var() + noise[..., 0, 0].var() == pytest.approx(1, abs=0.04)


def test_a_grown_network_sees_more_and_says_the_same_until_it_is_trained_on():
    small = scrambled(UNetConfig(widths=(16, 32), blocks=1, condition_channels=32))
    large = UNet(replace(small.config, averages=(4, 8), detail=8))
    large.load_state_dict(grown(small, large))
    x, conditions = torch.randn(2, 3, 16, 16), (torch.zeros(2), torch.ones(2))
    torch.testing.assert_close(large(x, *conditions), small(x, *conditions))
    for part in (large.stem, large.detail.head):
        part.weight.data += 0.1
        assert not torch.allclose(large(x, *conditions), small(x, *conditions))
        part.weight.data -= 0.1


def far_change(norm: str) -> float:
    """How much the output at the left edge changes when only the right edge of the input does."""
    config = UNetConfig(
        widths=(16, 16), blocks=1, attention=False, norm=norm, condition_channels=32
    )
    network = scrambled(config)
    x = torch.randn(1, 3, 32, 256, generator=torch.Generator().manual_seed(1))
    y = x.clone()
    y[..., -16:] += 3
    conditions = torch.zeros(1), torch.ones(1)
    change = network(x, *conditions) - network(y, *conditions)
    return change[..., :64].abs().max().item()


def test_pixel_normalisation_keeps_what_is_far_away_out_and_group_normalisation_does_not():
    assert far_change("pixel") == 0
    assert far_change("group") > 1e-3


def test_encodings_tell_apart_all_noise_levels_and_scales():
    values = torch.linspace(-1.6, 1.2, 200)
    codes = SinusoidalEncoding(64)(values)
    distances = torch.cdist(codes, codes) + 99 * torch.eye(200)
    assert distances.min() > 0.01


def test_a_network_that_is_not_told_the_scale_answers_alike_at_every_scale():
    config = UNetConfig(widths=(16, 32), blocks=1, condition_channels=32, knows_mpp=False)
    network = scrambled(config)
    x = torch.randn(1, 3, 32, 32)
    fine, coarse = (network(x, torch.zeros(1), torch.full((1,), mpp)) for mpp in (0.3, 80.0))
    torch.testing.assert_close(fine, coarse)


@pytest.mark.parametrize(("height", "width"), [(8, 8), (16, 24), (8, 40)])
def test_attention_in_squares_is_that_of_each_square_alone(height, width):
    torch.manual_seed(0)
    attend = SelfAttention(64, "pixel", head_channels=32)
    torch.nn.init.normal_(attend.out.weight)
    x = torch.randn(2, 64, height, width)
    whole = attend(x)
    rows = [
        torch.cat([attend(square) for square in row.split(8, dim=3)], dim=3)
        for row in x.split(8, dim=2)
    ]
    attend.side = 8
    torch.testing.assert_close(attend(x), torch.cat(rows, dim=2))
    assert torch.allclose(whole, attend(x)) == (height == width == 8)  # without, it is one square


def test_a_map_that_is_no_whole_squares_attends_to_all_of_itself():
    torch.manual_seed(0)
    attend = SelfAttention(64, "pixel")
    torch.nn.init.normal_(attend.out.weight)
    x = torch.randn(1, 64, 12, 16)
    expected = attend(x)
    attend.side = 8
    assert torch.equal(attend(x), expected)
