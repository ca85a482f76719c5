from dataclasses import replace

import pytest
import torch
from oracles import FlatDenoiser, GaussianDenoiser

from wsigen.coarse_to_fine import drain, run_stage
from wsigen.errors import WsigenError
from wsigen.plan import Stage, StagePlan, stages
from wsigen.runs.background import PIXEL_TOLERANCE, SQUARE_PX, TOLERANCE, is_background, sparing
from wsigen.runs.painter import Painter
from wsigen.zoom.cone import cones
from wsigen.zoom.path import zoom

PLAN = StagePlan(
    num_steps=4, guided_steps=2, solver="euler", sigma_start=3.0, overview_steps=2,
    skip_background=1.0,
)  # fmt: skip
STAGE = Stage(1, 96, 96, 1.0)
GLASS = torch.full((3, 48, 48), 0.9)


def progress_and_image(denoiser, guide, plan=PLAN):
    run = run_stage(Painter(denoiser, plan, 16, background=0.9), STAGE, guide)
    seen = []
    while True:
        try:
            seen.append(next(run))
        except StopIteration as end:
            return seen[-1], end.value


def test_empty_glass_is_not_evaluated_and_becomes_background():
    denoiser = GaussianDenoiser()
    last, image = progress_and_image(denoiser, GLASS)
    assert denoiser.calls == 0
    assert (last.evaluations, last.skipped) == (0, last.patches)
    torch.testing.assert_close(image, torch.full_like(image, 0.9))


def test_glass_that_is_skipped_keeps_the_tone_of_its_guide():
    tinted = GLASS - 0.8 * TOLERANCE * torch.linspace(0, 1, 48)
    last, image = progress_and_image(GaussianDenoiser(), tinted)
    assert last.evaluations == 0
    means = torch.nn.functional.avg_pool2d(image, 16)
    torch.testing.assert_close(means, torch.nn.functional.avg_pool2d(tinted, 8), atol=0.02, rtol=0)
    assert float(image[..., -8:].mean()) < 0.9 - 0.6 * TOLERANCE


def test_specks_on_glass_that_is_skipped_are_gone():
    board = (torch.arange(48)[:, None] + torch.arange(48)) % 2 * 2.0 - 1
    last, image = progress_and_image(GaussianDenoiser(), GLASS + PIXEL_TOLERANCE / 2 * board)
    assert last.evaluations == 0
    torch.testing.assert_close(image, torch.full_like(image, 0.9))


@pytest.mark.parametrize("solver", ["euler", "heun", "2m"])
def test_skipping_is_exact_where_the_denoiser_answers_background(solver):
    plan = replace(PLAN, solver=solver)
    spot = GLASS.clone()
    spot[:, 4:8, 6:9] = -0.5
    _, with_skips = progress_and_image(FlatDenoiser(0.9), spot, plan)
    _, without = progress_and_image(FlatDenoiser(0.9), spot, replace(plan, skip_background=None))
    torch.testing.assert_close(with_skips, without, atol=1e-5, rtol=0)


def test_patches_within_the_margin_of_tissue_are_evaluated():
    """A patch of 16 px is 8 px of the guide; with a margin of one patch it looks 8 px further each way."""
    spot = GLASS.clone()
    spot[:, 20, 20] = 0.9 - 2 * PIXEL_TOLERANCE
    counts = {}
    for margin in (0.0, 1.0, 2.0, 9.0):
        last, _ = progress_and_image(
            GaussianDenoiser(), spot, replace(PLAN, skip_background=margin)
        )
        assert last.evaluations == last.patches - last.skipped
        counts[margin] = last.evaluations
    assert counts[0.0] == 4  # in each step the one patch that holds the spot
    assert counts[1.0] == 4 * 9
    assert counts[9.0] == last.patches


def test_a_guide_whose_squares_are_within_the_tolerance_is_background():
    guides = torch.full((3, 3, 16, 16), 0.9)
    guides[1, 0] -= 0.9 * TOLERANCE
    guides[2, 0, 4:12, 4:12] -= 1.1 * TOLERANCE
    assert is_background(guides, 0.9).tolist() == [True, True, False]


def test_noise_of_glass_is_background_though_its_pixels_are_beyond_the_tolerance():
    board = (torch.arange(32)[:, None] + torch.arange(32)) % 2 * 2.0 - 1
    guides = 0.5 + torch.tensor([0.9, 1.1])[:, None, None, None] * PIXEL_TOLERANCE * board
    assert is_background(guides.expand(2, 3, 32, 32), 0.5).tolist() == [True, False]


@pytest.mark.parametrize("place", range(0, 29, 3))
def test_a_faint_strand_is_kept_wherever_it_lies(place):
    """Half a square wide, it lies whole in one of the squares, which overlap by half."""
    guide = torch.full((1, 3, 32, 32), 0.9)
    guide[..., place : place + SQUARE_PX // 2, 10:18] -= 0.9 * PIXEL_TOLERANCE
    assert not is_background(guide, 0.9).item()


def test_a_guide_smaller_than_a_square_is_looked_at_as_one():
    guides = torch.full((2, 3, 3, 5), 0.9)
    guides[1] -= 1.1 * TOLERANCE
    assert is_background(guides, 0.9).tolist() == [True, False]


def test_skipping_is_decided_for_each_guide_alone():
    guides = 0.9 + 1.2 * TOLERANCE * torch.randn(
        40, 3, 24, 24, generator=torch.Generator().manual_seed(0)
    )
    guides *= torch.linspace(0.9, 1.1, 40)[:, None, None, None]
    together = is_background(guides, 0.9)
    assert together.any()
    assert not together.all()
    assert together.tolist() == [is_background(guide[None], 0.9).item() for guide in guides]


def test_sparing_asks_for_what_is_not_skipped_only():
    x = torch.randn(3, 3, 4, 4)
    asked = []

    def denoiser(x, sigma, mpp):
        asked.append(len(x))
        return x / 2

    glass = torch.rand(2, 3, 4, 4)
    u = sparing(denoiser, torch.tensor([True, False, True]), glass)(x, 1.0, 1.0)
    assert asked == [1]
    assert torch.equal(u[1], x[1] / 2)
    assert torch.equal(u[[0, 2]], glass)


def test_a_zoom_skips_what_the_whole_slide_skips():
    class Coming(GaussianDenoiser):
        """Background but for one corner of the overview."""

        def __call__(self, x, sigma, mpp):
            u = super().__call__(x, sigma, mpp) * 0.02 + 0.9
            if mpp > 3:
                u[..., :8, :8] = -0.5
            return u

    path = stages(96, 96, 1.0, patch_px=16)
    guide, counts, painter = None, 0, Painter(Coming(), PLAN, 16, background=0.9)
    for stage in path:
        guide = drain(run_stage(painter, stage, guide))
    steps = zoom(cones(painter, path, (70, 60), view_px=16))
    while True:
        try:
            counts += next(steps).skipped
        except StopIteration as end:
            view = end.value[-1]
            break
    assert counts > 0
    torch.testing.assert_close(view.image, guide[view.window.slices()], atol=1e-6, rtol=0)


def test_a_margin_below_zero_is_refused():
    with pytest.raises(WsigenError, match="skip_background is -1"):
        replace(PLAN, skip_background=-1.0).check()
