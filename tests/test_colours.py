"""Colours that go together: what is seen of them in a patch's tissue."""

import numpy as np
import torch

from wsigen.training.crowd import described
from wsigen.training.perception import AXES, CHANNELS, COLOURS, GLASS, PRODUCTS, Perception, colours
from wsigen.training.styles import seen
from wsigen.training.upscaling import windows


def fields_in_colour(number: int = 2, side: int = 16) -> torch.Tensor:
    """Fields of two by two patches, tissue of many colours with glass on the right."""
    stream = torch.Generator().manual_seed(3)
    fields = 1.2 * torch.rand(number, 3, side, side, generator=stream) - 0.6
    fields[..., -3:] = 0.95
    return fields


def test_colours_are_covariances_over_the_tissue_of_a_patch_by_numpy():
    fields = fields_in_colour()
    found = described([colours(fields, 1)])[:, : len(PRODUCTS)]
    for number, patch in enumerate(windows(fields)):
        shown = patch.amin(0) < GLASS
        mixed = np.array(AXES) @ patch[:, shown].double().numpy()
        expected = np.cov(mixed, bias=True) * float(shown.float().mean())  # glass has no colours
        torch.testing.assert_close(
            found[number], torch.tensor([expected[i, j] for i, j in PRODUCTS]).float()
        )


def test_colours_of_grey_fields_are_their_light_alone():
    grey_fields = fields_in_colour()[:, :1].expand(-1, 3, -1, -1)
    light, *others = colours(grey_fields, 4).unbind(1)
    assert light.amax() > 0.1
    assert torch.stack(others).abs().max() < 1e-6


def test_perception_ends_with_colours_which_styles_do_not_heed():
    maps = Perception(half=False)(torch.rand(1, 3, 32, 32))
    assert tuple(found.shape[1] for found in maps) == CHANNELS + COLOURS
    assert seen(torch.rand(1, 3, 32, 32), Perception(half=False)).shape == (1, 2 * sum(CHANNELS))
