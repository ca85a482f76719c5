from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import FlatDenoiser, GaussianDenoiser, scrambled_network

from wsigen.coarse_to_fine import drain, generate, run_stage, upscale
from wsigen.errors import WsigenError
from wsigen.guidance import AveragePool
from wsigen.plan import FAST, PAPER, Stage, StagePlan, plan, stages
from wsigen.runs.painter import Painter

QUICK = StagePlan(num_steps=5, guided_steps=3, solver="heun", overview_steps=4)
GUIDE = torch.rand(3, 12, 20, generator=torch.Generator().manual_seed(0)) * 2 - 1


@pytest.mark.parametrize("boundary", ["pad", "wrap"])
@pytest.mark.parametrize(("sigma_start", "solver"), [(80.0, "heun"), (3.0, "heun"), (3.0, "2m")])
def test_a_pointwise_denoiser_gives_the_same_stage_at_any_patch_size(boundary, sigma_start, solver):
    chosen = replace(QUICK, boundary=boundary, sigma_start=sigma_start, solver=solver)
    image = torch.rand(3, 16, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1
    small, large = (
        upscale(Painter(GaussianDenoiser(), chosen, patch_px, seed=7), image, 1.0)
        for patch_px in (8, 32)
    )
    torch.testing.assert_close(small, large, atol=2e-5, rtol=0)


def test_the_same_seed_at_another_batch_size_gives_the_same_slide():
    denoiser = scrambled_network()
    one, many = (
        upscale(Painter(denoiser, QUICK, 16, seed=7, batch_size=size), GUIDE, 1.0)
        for size in (1, 32)
    )
    torch.testing.assert_close(one, many, atol=1e-4, rtol=0)


@pytest.mark.parametrize(("boundary", "solver"), [("pad", "2m"), ("wrap", "heun")])
def test_any_number_of_threads_makes_the_same_slide_bit_for_bit(threads, boundary, solver):
    path = stages(64, 96, 1.0, patch_px=16, boundary=boundary)
    way = replace(QUICK, boundary=boundary, solver=solver)
    made = []
    for number in (1, 2, 5):
        threads(number)
        made.append(drain(generate(Painter(scrambled_network(), way, 16, batch_size=5), path)))
    assert torch.equal(made[0], made[1])
    assert torch.equal(made[0], made[2])


def test_any_number_of_threads_counts_patches_in_the_same_order(threads):
    painter = Painter(GaussianDenoiser(), replace(QUICK, skip_background=0.5), 16, batch_size=3)
    guide = torch.cat([torch.ones(3, 12, 20), GUIDE], dim=2)
    told = []
    for number in (1, 3):
        threads(number)
        steps = run_stage(painter, Stage(1, 24, 80, 1.0), guide)
        told.append([replace(progress, seconds=0) for progress in steps])
    assert told[0] == told[1]
    assert told[0][-1].skipped > 0


def test_the_same_seed_gives_the_same_slide_and_another_seed_another():
    path = stages(40, 24, 1.0, patch_px=16)
    first, again, other = (
        drain(generate(Painter(scrambled_network(), QUICK, 16, seed), path)) for seed in (7, 7, 8)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize("boundary", ["pad", "wrap"])
def test_a_stage_guided_to_the_end_averages_to_its_guide(boundary):
    exact = replace(QUICK, guided_steps=QUICK.num_steps, boundary=boundary)
    image = GUIDE[:, :8, :16] * 0.1  # no value reaches 1, where slides are clipped
    larger = upscale(Painter(GaussianDenoiser(0.0, 0.1), exact, 16), image, 1.0)
    torch.testing.assert_close(AveragePool(2)(larger[None])[0], image, atol=1e-4, rtol=0)


def test_an_unguided_stage_ignores_the_guide():
    free = replace(QUICK, guided_steps=0)
    painter = Painter(GaussianDenoiser(), free, 16)
    torch.testing.assert_close(upscale(painter, GUIDE, 1.0), upscale(painter, -GUIDE, 1.0))


def test_beyond_the_edge_lies_background_with_the_noise_of_the_step():
    """Where all data is background, the whole plane follows one path: no edge can be seen."""
    seen = []

    class Watcher(FlatDenoiser):
        def __call__(self, x, sigma, mpp):
            seen.append((x.clone(), float(sigma)))
            return super().__call__(x, sigma, mpp)

    chosen = replace(QUICK, solver="euler", guided_steps=0)
    guide = torch.full((3, 8, 8), 0.9)
    painter = Painter(Watcher(0.9), chosen, 16, background=0.9)
    drain(run_stage(painter, Stage(1, 16, 16, 1.0), guide))
    for x, sigma in seen:
        noise = (x - 0.9) / sigma
        assert abs(noise.mean().item()) < 0.2
        assert noise.std().item() == pytest.approx(1, abs=0.1)


@given(
    st.integers(64, 5000),
    st.integers(64, 5000),
    st.floats(0.25, 2),
    st.sampled_from(["pad", "wrap"]),
)
@settings(max_examples=200)
def test_stages_end_at_the_wanted_size_and_scale(height, width, mpp, boundary):
    path = stages(height, width, mpp, patch_px=64, mpp_max=60.0, boundary=boundary)
    last = path[-1]
    assert last.mpp == mpp
    assert last.height >= height
    assert last.width >= width
    if boundary == "pad":  # what is cut off is less than one pixel of the overview
        assert max(last.height - height, last.width - width) < 2 ** (len(path) - 1)
    else:
        assert all(side % 64 == 0 for stage in path for side in (stage.height, stage.width))
    for coarse, fine in pairwise(path):
        assert (fine.height, fine.width) == (2 * coarse.height, 2 * coarse.width)
        assert fine.mpp == pytest.approx(coarse.mpp / 2)
    fits = max(path[0].height, path[0].width) <= 64
    assert fits or path[0].mpp * 2 > 60


def test_the_papers_slide_has_seven_stages_and_21844_patches():
    path = stages(65536, 65536, 1.0, patch_px=512)
    assert len(path) == 8
    assert path[0] == Stage(0, 512, 512, 128.0)
    assert sum((stage.height // 512) ** 2 for stage in path[1:]) == 21_844
    assert PAPER.evaluations == 79


def test_an_image_smaller_than_a_patch_and_a_scale_beyond_the_model_are_refused():
    with pytest.raises(WsigenError, match="too small; expected at least one patch of 64 px"):
        stages(32, 512, 0.7, patch_px=64)
    with pytest.raises(WsigenError, match="coarser than the model's 50"):
        stages(128, 128, 60.0, patch_px=64, mpp_max=50.0)


def test_a_relaxation_point_given_as_a_noise_level_is_the_papers_r():
    assert PAPER.guided_down_to(0.3).guided_steps == 28
    sigmas = FAST.guided_down_to(0.3).sigmas()
    assert sigmas[FAST.guided_down_to(0.3).guided_steps - 1] >= 0.3


def test_stages_may_start_and_step_on_their_own_with_the_guide_to_one_noise_level():
    chosen = replace(FAST, first_starts=(40.0, 10.0), first_steps=(20,))
    chosen.check()
    assert [(p.sigma_start, p.num_steps) for p in map(chosen.at, range(1, 5))] == [
        (40.0, 20), (10.0, 10), (3.0, 10), (3.0, 10),
    ]  # fmt: skip
    last = FAST.sigmas()[FAST.guided_steps - 1]
    for stage in (1, 2, 3):
        own = chosen.at(stage)
        assert own.sigmas()[own.guided_steps - 1] >= last * (1 - 1e-8)
        assert own.sigmas()[own.guided_steps] < last
    assert chosen.at(3) == FAST
    always = replace(chosen, guided_steps=10)
    assert always.at(1).guided_steps == 20


def test_a_stage_with_a_start_of_its_own_is_the_stage_of_a_plan_that_starts_there():
    path = stages(40, 24, 1.0, patch_px=16)
    first, second = (
        drain(generate(Painter(GaussianDenoiser(), chosen, 16, seed=7), path[:2]))
        for chosen in (
            replace(QUICK, guided_steps=0, first_starts=(2.0,), first_steps=(3,)),
            replace(QUICK, guided_steps=0, sigma_start=2.0, num_steps=3),
        )
    )
    assert torch.equal(first, second)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"guided_steps": 41}, "guided_steps is 41; expected 0 to num_steps, 40"),
        ({"num_steps": 0}, "num_steps is 0; expected at least 1"),
        (
            {"sigma_start": 0.001},
            "sigma_start is 0.001; expected above sigma_min, 0.002, and at most 80",
        ),
        (
            {"first_starts": (20.0, 200.0)},
            "first_starts is (20.0, 200.0); expected each above sigma_min, 0.002, and at most 80",
        ),
        ({"first_steps": (5, 0)}, "first_steps is (5, 0); expected each at least 1"),
        ({"factor": 1}, "factor is 1; expected at least 2"),
        ({"factor": 0}, "factor is 0; expected at least 2"),
        ({"shifts": "none"}, "shifts is none; expected uniform or low-discrepancy"),
        ({"guide_sigma": 90.0}, "guide_sigma is 90.0; expected above 0 and below 80, or None"),
        ({"rim": -1}, "rim is -1; expected at least 0"),
        ({"tone_px": -1}, "tone_px is -1; expected at least 0"),
        ({"margin_px": -2}, "margin_px is -2; expected at least 0"),
        ({"margin_px": 3}, "margin_px is 3; expected whole guide pixels, multiples of 2"),
        (
            {"margin_px": 2, "boundary": "wrap"},
            "margin_px is 2; expected 0 with a wrapped boundary",
        ),
        ({"patch_times": 0}, "patch_times is 0; expected at least 1"),
        (
            {"patch_times": 2, "boundary": "wrap"},
            "patch_times is 2; expected 1 with a wrapped boundary",
        ),
        ({"skip_background": -1.0}, "skip_background is -1.0; expected at least 0, or None"),
    ],
)
def test_a_plan_that_makes_no_sense_is_told_the_rule_it_breaks_and_no_other(wrong, told):
    with pytest.raises(WsigenError) as refused:
        replace(PAPER, **wrong).check()
    assert str(refused.value) == told


def test_a_plan_of_no_name_is_refused():
    with pytest.raises(WsigenError, match="no plan 'slow'"):
        plan("slow")


def test_progress_counts_patches_and_evaluations():
    painter = Painter(GaussianDenoiser(), QUICK, 16)
    steps = list(run_stage(painter, Stage(1, 24, 40, 1.0), GUIDE))
    last = steps[-1]
    assert last.patches == last.patches_in_all
    assert [step.patches for step in steps] == sorted({step.patches for step in steps})
    # Heun spends two evaluations in each step but the last
    in_last_step = steps[-1].patches - max(step.patches for step in steps if step.step < 4)
    assert last.evaluations == 2 * last.patches - in_last_step
