import pytest
import torch

from wsigen.errors import WsigenError
from wsigen.metrics.placement import placement_gap


def smooth(x, sigma, mpp):
    """A denoiser that looks one pixel around it."""
    return torch.nn.functional.avg_pool2d(x, 3, 1, 1)


def centred(x, sigma, mpp):
    """A denoiser that knows the mean of its patch, as one with group normalisation does."""
    return x - x.mean(dim=(-2, -1), keepdim=True)


def test_a_local_denoiser_answers_alike_in_every_patch():
    noisy = torch.randn(4, 3, 40, 40, generator=torch.Generator().manual_seed(0))
    gap = placement_gap(smooth, noisy, 1.0, 1.0, patch_px=32, margin=2)
    assert gap.pixels < 1e-6


def test_a_denoiser_that_centres_its_patch_shades_places_by_the_difference_of_the_means():
    noisy = torch.randn(4, 3, 40, 40, generator=torch.Generator().manual_seed(0)).cumsum(-1)
    means = (noisy[..., :32, :32].mean((-2, -1)), noisy[..., 8:, 8:].mean((-2, -1)))
    expected = (means[0] - means[1]).square().mean().sqrt()
    gap = placement_gap(centred, noisy, 1.0, 1.0, patch_px=32)
    assert gap.shade == pytest.approx(float(expected), rel=1e-4)
    assert gap.pixels == pytest.approx(float(expected), rel=1e-4)


@pytest.mark.parametrize("side", [32, 60])
def test_images_that_leave_nothing_to_compare_are_refused(side):
    with pytest.raises(WsigenError, match=r"expected a side above 32 and below 48"):
        placement_gap(smooth, torch.zeros(1, 3, side, side), 1.0, 1.0, patch_px=32)
