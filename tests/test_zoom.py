from dataclasses import replace
from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import GaussianDenoiser, scrambled_network

from wsigen.coarse_to_fine import drain, generate, run_stage
from wsigen.errors import WsigenError
from wsigen.grid import Window
from wsigen.plan import FAST, PAPER, Stage, StagePlan, stages
from wsigen.runs.painter import Painter
from wsigen.runs.plane import step_grid
from wsigen.runs.stage import StageRun
from wsigen.runs.state import InMemory
from wsigen.zoom.cone import bounds, cone, cones, covered, frame, within
from wsigen.zoom.path import Surrounded, inner_boxes, pixels, zoom

QUICK = StagePlan(num_steps=3, guided_steps=2, solver="euler", sigma_start=3.0, overview_steps=2)
PATH = stages(95, 128, 1.0, patch_px=16)


class LookingRound:
    """A denoiser whose answer at a pixel depends on its surroundings and, by zeros beyond the edge, on the patch."""

    def __init__(self):
        torch.manual_seed(0)
        self.weight = torch.randn(3, 3, 9, 9) / 16

    def __call__(self, x, sigma, mpp):
        return torch.tanh(
            torch.nn.functional.conv2d(x / (1 + sigma**2) ** 0.5, self.weight, padding=4)
        )


def painter_of(denoiser, plan, batch_size=1):
    return Painter(denoiser, plan, 16, seed=3, batch_size=batch_size, background=0.9)


def whole_stages(denoiser, plan, batch_size):
    """Every stage of the whole slide."""
    images, guide = [], None
    for stage in PATH:
        guide = drain(run_stage(painter_of(denoiser, plan, batch_size), stage, guide))
        images.append(guide.clone())
    return images


def zoomed(denoiser, plan, at, batch_size, margin_px=None):
    painter = painter_of(denoiser, plan, batch_size)
    return drain(zoom(cones(painter, PATH, at, view_px=24, margin_px=margin_px)))


@pytest.mark.parametrize(
    ("changes", "at"),
    [
        ({"solver": "euler", "shifts": "low-discrepancy"}, (50, 65)),
        ({"solver": "heun"}, (0, 127)),
        ({"solver": "2m"}, (50, 65)),
        ({"solver": "heun", "margin_px": 4}, (50, 65)),
        ({"solver": "2m", "margin_px": 4}, (50, 65)),
    ],
)
def test_a_zoom_is_the_crop_of_the_whole_slide_bit_for_bit_one_patch_at_a_time(changes, at):
    plan = replace(QUICK, **changes)
    whole = whole_stages(LookingRound(), plan, 1)
    views = zoomed(LookingRound(), plan, at, 1)
    assert [view.stage for view in views] == PATH
    for view, image in zip(views, whole, strict=True):
        assert torch.equal(view.image, image[view.window.slices()])


def test_a_zoom_with_a_network_is_the_crop_of_what_generate_makes_bit_for_bit():
    painter = painter_of(scrambled_network((8,)), replace(QUICK, solver="2m"))
    image = drain(generate(painter, PATH[:3]))
    view = drain(zoom(cones(painter, PATH[:3], (20, 30), view_px=8)))[-1]
    assert torch.equal(view.image, image[view.window.slices()])


def test_a_zoom_in_half_precision_is_the_crop_of_a_slide_in_half_precision():
    images, guide, painter = [], None, painter_of(LookingRound(), QUICK)
    for stage in PATH:
        state = InMemory(stage.height, stage.width, half=True)
        guide = drain(run_stage(painter, stage, guide, state=state))
        images.append(guide.clone())
    run = zoom(cones(painter, PATH, (9, 70), view_px=24), half=True)
    for view, image in zip(drain(run), images, strict=True):
        assert image.dtype == torch.float16
        assert torch.equal(view.image, image[view.window.slices()].float())


def test_a_margin_that_holds_all_changes_nothing_and_a_pointwise_denoiser_needs_none():
    for denoiser, margin in ((LookingRound(), 400), (GaussianDenoiser(), 0)):
        exact, near = (zoomed(denoiser, QUICK, (50, 65), 1, margin_px=m) for m in (None, margin))
        for one, other in zip(exact, near, strict=True):
            assert torch.equal(one.image, other.image)


@pytest.mark.parametrize("solver", ["euler", "heun", "2m"])
def test_the_wider_the_margin_the_nearer_the_slide_and_the_more_patches(solver):
    plan = replace(QUICK, solver=solver, num_steps=6)
    exact = zoomed(LookingRound(), plan, (50, 65), 32)
    errors, patches = [], []
    for margin in (0, 4, 10):  # the denoiser looks 4 px far, in six steps 24
        near = zoomed(LookingRound(), plan, (50, 65), 32, margin_px=margin)
        errors.append(
            max(float((a.image - b.image).abs().mean()) for a, b in zip(exact, near, strict=True))
        )
        painter = painter_of(LookingRound(), plan)
        found = cones(painter, PATH, (50, 65), view_px=24, margin_px=margin)
        assert found[-1].cut
        patches.append(sum(needed.patches for needed in found))
    assert 0 < errors[2] < errors[1] < errors[0]
    assert patches[0] < patches[1] < patches[2]


def test_beyond_a_margin_the_estimate_is_the_guide():
    """A denoiser that answers the guide itself is told apart from none: so the ring round the patches is exact."""

    class AnswersZero:
        def __call__(self, x, sigma, mpp):
            return torch.zeros_like(x)

    stage = Stage(1, 200, 200, 1.0)
    guide = torch.zeros(3, 100, 100)
    plan = StagePlan(num_steps=5, guided_steps=2, solver="2m", sigma_start=3.0)
    wanted = Window(80, 90, 24, 24)
    painter = Painter(AnswersZero(), plan, 16, seed=1)
    needed = cone(painter, stage, wanted, wanted, margin_px=4)
    seen = []
    for state, region, part in (
        (None, None, None),
        (partial(Surrounded, InMemory(*needed.region[2:])), needed.region, needed.part),
    ):
        run = StageRun(painter, stage, guide, state=state, region=region, part=part)
        for i in run.steps():
            for batch in run.batches(i):
                run.write(i + 1, batch, run.step(i, run.read(i, batch), batch))
            if i == 3:
                break
        run.state.step_done(3)
        seen.append(run.canvas(4).read([needed.region])[0])
    torch.testing.assert_close(seen[1], seen[0])


def test_the_next_view_is_outlined_where_its_middle_lies():
    views = zoomed(GaussianDenoiser(), QUICK, (50, 65), 32)
    boxes = inner_boxes(views)
    assert boxes[-1] is None
    for view, box in zip(views[1:-1], boxes[1:-1], strict=True):
        assert pixels(view).shape == (24, 24, 3)
        assert box is not None
        top, left, height, width = box
        assert (height, width) == (12, 12)
        assert abs(top - 6) <= 1
        assert abs(left - 6) <= 1


def test_a_zoom_in_batches_is_the_crop_to_the_last_bits():
    """Kernels for batches of another size add in another order; the error does not grow with the stages."""
    whole = whole_stages(LookingRound(), QUICK, 32)
    for view, image in zip(zoomed(LookingRound(), QUICK, (50, 65), 7), whole, strict=True):
        torch.testing.assert_close(view.image, image[view.window.slices()], atol=1e-4, rtol=0)


def test_a_pointwise_denoiser_does_not_care_for_batches_at_all():
    whole = whole_stages(GaussianDenoiser(), QUICK, 32)
    for view, image in zip(zoomed(GaussianDenoiser(), QUICK, (7, 9), 5), whole, strict=True):
        assert torch.equal(view.image, image[view.window.slices()])


@given(
    top=st.integers(0, 300), left=st.integers(0, 400), side=st.integers(1, 100),
    steps=st.integers(1, 6), seed=st.integers(0, 99),
)  # fmt: skip
@settings(max_examples=50, deadline=None)
def test_a_cone_holds_all_that_its_patches_read_and_none_that_nobody_needs(
    top, left, side, steps, seed
):
    stage, plan = Stage(2, 321, 418, 1.0), StagePlan(num_steps=steps, guided_steps=1)
    wanted = Window(top, left, min(side, 321 - top), min(side, 418 - left))
    found = cone(Painter(GaussianDenoiser(), plan, 32, seed), stage, wanted, wanted)
    needed = torch.zeros(321, 418, dtype=torch.bool)  # pixel by pixel, all windows looked at
    needed[wanted.slices()[1:]] = True
    patches = 0
    for step in reversed(range(steps)):
        assert bool(needed[found.areas[step].slices()[1:]].all())
        assert int(needed.sum()) == found.areas[step].height * found.areas[step].width
        before = torch.zeros_like(needed)
        for window in step_grid(stage, plan, 32, seed, step):
            place = window.clipped(321, 418).slices()[1:]
            if needed[place].any():
                before[place] = True
                patches += 1
        needed = before
    assert patches == found.patches
    assert int(needed.sum()) == found.region.height * found.region.width


def test_a_stage_of_a_zoom_costs_the_same_on_a_slide_sixteen_times_as_large():
    costs = []
    for side in (16_384, 65_536):
        path = stages(side, side, 0.7, patch_px=64, mpp_max=100.0)
        found = cones(Painter(GaussianDenoiser(), FAST), path, (side * 0.4, side * 0.6))
        fine = [needed.patches for needed in found[-5:]]
        assert max(needed.region.height for needed in found[1:]) < 64 * 22
        costs.append(sum(fine))
    assert costs[1] == pytest.approx(costs[0], rel=0.2)


def test_a_view_at_the_rim_is_moved_inside_and_a_place_beside_the_slide_is_refused():
    painter = painter_of(GaussianDenoiser(), QUICK)
    views = [needed.view for needed in cones(painter, PATH, (0, 127), view_px=24)]
    assert views[0] == Window(0, 0, 12, 16)
    assert views[-1] == Window(0, 128 - 24, 24, 24)
    with pytest.raises(WsigenError, match="the place is row 400, column 3; expected one on the"):
        cones(painter, PATH, (400, 3))
    with pytest.raises(WsigenError, match='needs the boundary "pad"'):
        cones(painter_of(GaussianDenoiser(), replace(PAPER, boundary="wrap")), PATH, (1, 1))


def test_bounds_and_covered_are_rectangles():
    assert bounds(Window(0, 5, 2, 2), Window(3, 1, 1, 1)) == Window(0, 1, 4, 6)
    grid = step_grid(Stage(1, 64, 64, 1.0), PAPER, 16, 0, 0)
    whole = covered(grid)
    assert whole.clipped(64, 64) == Window(0, 0, 64, 64)


@given(
    top=st.integers(0, 9), left=st.integers(0, 9), height=st.integers(1, 9), width=st.integers(1, 9)
)
def test_a_frame_and_what_it_frames_cover_each_pixel_once(top, left, height, width):
    outer, inner = Window(-2, -3, 25, 26), Window(top, left, height, width)
    count = torch.zeros(3, 25, 26)
    for piece in (*frame(outer, inner), inner):
        count[piece.slices(outer.top, outer.left)] += 1
    assert bool((count == 1).all())
    assert within(outer, inner) == inner
    assert frame(inner, inner) == []
