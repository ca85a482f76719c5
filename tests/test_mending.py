"""What estimates are mended of: a mesh of a few pixels, teal, and grain in colour."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from wsigen.coarse_to_fine import drain, run_stage
from wsigen.mending import (
    BLUEST,
    LUMA,
    PERIOD,
    SOFT_BELOW,
    luma,
    mended,
    softly_coloured,
    stained,
    unmeshed,
)
from wsigen.plan import Stage, StagePlan
from wsigen.runs.painter import Painter


@given(
    signs=st.lists(st.floats(-0.2, 0.2), min_size=PERIOD**2, max_size=PERIOD**2),
    squares=st.integers(3, 20),
    more=st.integers(0, PERIOD - 1),
)
@settings(deadline=None, max_examples=30)
def test_what_repeats_is_taken_away(signs, squares, more):
    pattern = torch.tensor(signs).view(PERIOD, PERIOD) - sum(signs) / PERIOD**2
    image = (0.3 + pattern).repeat(squares + 1, squares)[: squares * PERIOD + more]
    image = image.expand(1, 3, -1, -1)
    torch.testing.assert_close(unmeshed(image), torch.full_like(image, 0.3), atol=1e-6, rtol=0)


def test_glass_beside_tissue_loses_its_mesh_and_gets_none():
    """What tissue seems to repeat is chance, and does not count where it is quiet."""
    torch.manual_seed(0)
    image = torch.full((1, 3, 64, 64), 0.9)
    image[..., ::PERIOD, :] -= 0.04
    image[..., :32] = 0.2 * torch.randn(1, 3, 64, 32)
    glass = unmeshed(image)[..., 40:]
    assert float((glass - 0.89).abs().max()) < 0.004  # half a grey level


def test_an_image_too_small_to_repeat_anything_stays():
    image = torch.randn(1, 3, 3 * PERIOD - 1, 40)
    assert torch.equal(unmeshed(image), image)


def test_slopes_and_single_pixels_are_no_mesh():
    slope = torch.linspace(-1, 1, 64).expand(1, 3, 64, 64)
    torch.testing.assert_close(unmeshed(slope), slope, atol=1e-6, rtol=0)
    dot = torch.zeros(1, 3, 64, 64)
    dot[..., 30, 30] = 1
    assert float((unmeshed(dot) - dot).abs().max()) < 0.02


def recoloured(image: torch.Tensor) -> torch.Tensor:
    """An image with its chroma blurred."""
    return softly_coloured(image, 1.0)


def test_brightness_stays_as_it_is_and_a_grey_image_too():
    torch.manual_seed(0)
    image = torch.randn(2, 3, 16, 24)
    torch.testing.assert_close(luma(recoloured(image)), luma(image), atol=1e-5, rtol=0)
    grey = torch.randn(1, 1, 16, 16).expand(-1, 3, -1, -1)
    torch.testing.assert_close(recoloured(grey), grey, atol=1e-5, rtol=0)


@given(st.lists(st.floats(-1, 1), min_size=6, max_size=6))
@settings(deadline=None, max_examples=30)
def test_slopes_of_colour_stay_and_colours_that_alternate_become_their_mean(values):
    one, other = torch.tensor(values).view(2, 3, 1, 1)
    across = torch.arange(32.0) / 32
    slope = (one + (other - one) * across).expand(3, 20, 32)[None]
    inside = (..., slice(2, -2), slice(2, -2))  # a border is repeated
    torch.testing.assert_close(recoloured(slope)[inside], slope[inside], atol=1e-5, rtol=0)
    equal = other + (one - other).mul(torch.tensor(LUMA)[:, None, None]).sum()  # as bright as one
    odd = (torch.arange(20)[:, None] + torch.arange(32)) % 2 == 1
    board = torch.where(odd, one, equal)[None]
    mean = ((one + equal) / 2).expand(3, 20, 32)[None]
    torch.testing.assert_close(recoloured(board)[inside], mean[inside], atol=1e-5, rtol=0)


def test_colours_of_reduced_scales_stay():
    image = torch.randn(2, 3, 16, 16)
    scales = torch.tensor([SOFT_BELOW / 2, SOFT_BELOW])
    found = softly_coloured(image, scales)
    torch.testing.assert_close(found[:1], recoloured(image)[:1])
    assert torch.equal(found[1:], image[1:])


def test_teal_becomes_the_bluest_that_a_stain_is():
    light = 0.96 * torch.tensor([0.5, 0.8, 0.9])  # absorbs half of the red
    found = (stained((2 * light - 1)[None, :, None, None]) + 1).flatten() / 2
    torch.testing.assert_close(found, torch.tensor([0.48, *(0.5**k for k in BLUEST)]))


@given(absorbed=st.floats(0, 3), green=st.floats(1.26, 3), blue=st.floats(0.71, 3))
def test_glass_and_what_is_redder_stay(absorbed, green, blue):
    light = 0.96 * torch.exp(-absorbed * torch.tensor([1.0, green, blue]))
    image = (2 * light - 1)[None, :, None, None]
    assert torch.equal(stained(image), image)


def test_what_is_mended_keeps_the_tone_of_its_guide():
    class Teal:
        """Told, it says the same whatever it is told: a dark square every 16 pixels."""

        is_told = True

        def __call__(self, x, sigma, mpp, told=None):
            u = torch.full_like(x, 0.5)
            u[..., 4:8, 4:8] = torch.tensor([-0.8, 0.2, 0.2])[:, None, None]
            return u

    plan = StagePlan(num_steps=2, guided_steps=0, guide_sigma=0.1, tone_px=16, overview_steps=2)
    guide = torch.tensor([0.4, 0.1, 0.3])[:, None, None].expand(3, 8, 8)
    made = drain(run_stage(Painter(Teal(), plan, 16), Stage(1, 16, 16, 1.0), guide))
    torch.testing.assert_close(made.mean((1, 2)), guide[:, 0, 0], atol=0.01, rtol=0)  # grey levels
    assert float(made[1, 5, 5]) < -0.3  # no teal


def test_what_is_mended_has_none_of_them():
    torch.manual_seed(0)
    image = 0.2 * torch.randn(1, 3, 32, 32)
    once = mended(lambda x, sigma, mpp: image)(image, 1.0, 1.0)
    torch.testing.assert_close(once, recoloured(stained(unmeshed(image))))
