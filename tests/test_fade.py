"""Patches fade into each other where they overlap: weights add up to one, in whatever order they are added."""

import pytest
import torch

from wsigen.grid import shifted_grid
from wsigen.runs.canvas import Canvas
from wsigen.runs.fade import ONE, Fading, ramp

MARGIN = 2
TYPES = [torch.float16, torch.float32]


def fading(dtype, height=40, width=52):
    image = torch.empty(3, height, width, dtype=dtype)
    canvas = Fading(Canvas(image, "pad", lambda window: None), MARGIN)
    canvas.clear()
    return canvas


def grid(canvas, shift=(4, 6)):
    return shifted_grid(canvas.height, canvas.width, 12, shift, "pad")


@pytest.mark.parametrize("shift", [(0, 0), (4, 6), (10, 2)])
@pytest.mark.parametrize("dtype", TYPES)
def test_patches_that_agree_leave_no_trace_of_their_borders(dtype, shift):
    canvas = fading(dtype)
    windows = list(grid(canvas, shift))
    canvas.write(windows, torch.full((len(windows), 3, 16, 16), -0.3))
    image = canvas.value(canvas.image)
    torch.testing.assert_close(
        image, torch.full_like(image, -0.3), atol=2.5 / ONE[dtype] + 2e-4, rtol=0
    )


@pytest.mark.parametrize("dtype", TYPES)
def test_the_order_in_which_patches_are_added_is_no_matter(dtype):
    one, other = fading(dtype), fading(dtype)
    windows = list(grid(one))
    patches = (
        torch.rand(len(windows), 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1
    )
    one.write(windows, patches)
    for place in torch.randperm(len(windows), generator=torch.Generator().manual_seed(1)).tolist():
        other.write([windows[place]], patches[place : place + 1])
    assert torch.equal(one.value(one.image), other.value(other.image))


def test_between_patches_that_differ_the_image_goes_over_in_a_straight_line():
    canvas = fading(torch.float32)
    windows = list(grid(canvas, (0, 0)))
    patches = torch.tensor([float(window.left >= 12) for window in windows])
    canvas.write(windows, patches[:, None, None, None].expand(-1, 3, 16, 16))
    row = canvas.value(canvas.image)[0, 20]
    torch.testing.assert_close(row[9:15], torch.tensor([0, 1 / 8, 3 / 8, 5 / 8, 7 / 8, 1]))


def test_what_is_the_patches_own_and_in_nobodys_reach_is_kept_as_it_is():
    canvas = fading(torch.float32)
    windows = list(grid(canvas, (0, 0)))
    patches = torch.rand(len(windows), 3, 16, 16)
    canvas.write(windows, patches)
    inner = canvas.value(canvas.image)[:, 2:10, 2:10]
    torch.testing.assert_close(inner, patches[0, :, 4:12, 4:12], atol=1e-6, rtol=0)


def test_a_weight_falls_off_only_where_another_patch_lies_beyond():
    assert ramp(4, 1, False, False).tolist() == [1] * 6
    assert ramp(4, 1, True, False).tolist() == [0.25, 0.75, 1, 1, 1, 1]
    assert ramp(4, 1, True, True).tolist() == [0.25, 0.75, 1, 1, 0.75, 0.25]
