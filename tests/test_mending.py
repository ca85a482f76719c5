"""What estimates are mended of: a mesh of two pixels, lines on glass, and grain in colour."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from wsigen.mending import FROM_TISSUE, LUMA, SOFT_BELOW, clear, luma, mended, softly_coloured, unmeshed


@given(signs=st.lists(st.floats(-0.2, 0.2), min_size=4, max_size=4), squares=st.integers(4, 20))
@settings(deadline=None, max_examples=30)
def test_what_every_other_pixel_repeats_is_taken_away(signs, squares):
    pattern = torch.tensor(signs).view(2, 2) - sum(signs) / 4
    image = (0.3 + pattern).repeat(squares, squares).expand(1, 3, -1, -1)
    torch.testing.assert_close(unmeshed(image), torch.full_like(image, 0.3), atol=1e-6, rtol=0)


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


def test_lines_on_glass_are_blurred_and_tissue_stays():
    image = torch.full((1, 3, 40, 40), 0.9)
    image[..., ::4, :] = 0.86  # a line every four pixels
    image[..., :20] -= torch.rand(3, 40, 20, generator=torch.Generator().manual_seed(0))
    image[..., 18:20] = 0.5
    found = clear(image)
    assert torch.equal(found[..., : 20 + FROM_TISSUE], image[..., : 20 + FROM_TISSUE])
    assert float(found[..., 20:].min()) >= 0.86 - 1e-6  # nothing of the tissue
    assert float(found[..., 8:-8, 30:].std()) < 0.1 * float(image[..., 8:-8, 30:].std())


@given(st.floats(0.81, 1), st.integers(5, 30), st.integers(5, 30))
@settings(deadline=None, max_examples=20)
def test_even_glass_stays_as_it_is(grey, height, width):
    image = torch.full((1, 3, height, width), grey)
    torch.testing.assert_close(clear(image), image, atol=1e-6, rtol=0)


def test_what_is_mended_has_none_of_them():
    torch.manual_seed(0)
    image = 0.2 * torch.randn(1, 3, 32, 32)
    once = mended(lambda x, sigma, mpp: image)(image, 1.0, 1.0)
    torch.testing.assert_close(once, recoloured(clear(unmeshed(image))))
