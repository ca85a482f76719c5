"""Grid-shift's rivals: what they cost, what they share with it, and where each leaves what it should."""

from dataclasses import replace

import pytest
import torch
from oracles import GaussianDenoiser
from torch.nn import functional

from wsigen.coarse_to_fine import drain, run_stage
from wsigen.errors import WsigenError
from wsigen.grid import Window
from wsigen.guidance import AveragePool
from wsigen.plan import Stage, StagePlan
from wsigen.runs.painter import Painter
from wsigen.runs.stage import StageRun
from wsigen.seams.blend import Blend
from wsigen.seams.film import film
from wsigen.seams.grid_shift import FixedGrid, GridShift, WholeImage
from wsigen.seams.mask_shift import MaskShift, fresh_start
from wsigen.seams.multidiffusion import MultiDiffusion
from wsigen.seams.overlap import WeightedMean, overlapping, weights
from wsigen.seams.scheme import run_alone, sew

PLAN = StagePlan(num_steps=4, guided_steps=2, solver="heun", overview_steps=3)
STAGE = Stage(1, 32, 48, 1.0)
GUIDE = 0.1 * torch.randn(3, 16, 24, generator=torch.Generator().manual_seed(0))

SCHEMES = {
    "grid-shift": GridShift(),
    "SpotDiffusion": GridShift("wrap"),
    "fixed grid": FixedGrid(),
    "whole image": WholeImage(),
    "MultiDiffusion, flat, 1/2": MultiDiffusion(2, "flat"),
    "MultiDiffusion, Gaussian, 1/4": MultiDiffusion(4, "gaussian"),
    "MultiDiffusion, wrapped": MultiDiffusion(2, "flat", "wrap"),
    "mask-shift": MaskShift(),
    "blend": Blend(),
}


class Neighbours(GaussianDenoiser):
    """A denoiser that looks at the pixels beside each; it counts on how many patches it was run."""

    patches = 0

    def __call__(self, x, sigma, mpp):
        self.patches += len(x)
        blurred = functional.avg_pool2d(x, 3, 1, 1, count_include_pad=False)
        return super().__call__(blurred, sigma, mpp)


def made_by(scheme, denoiser, plan=PLAN, guide=GUIDE, **more):
    return drain(sew(scheme, Painter(denoiser, plan, 16, **more), STAGE, guide))


@pytest.mark.parametrize("guided", [True, False])
@pytest.mark.parametrize("name", SCHEMES)
def test_the_ledger_counts_what_is_spent(name, guided):
    denoiser = Neighbours()
    _, ledger = made_by(SCHEMES[name], denoiser, guide=GUIDE if guided else None)
    assert ledger.evaluations == denoiser.patches
    if name != "mask-shift":
        assert ledger.chain == (7 if guided else 5)


@pytest.mark.parametrize("name", [name for name in SCHEMES if name != "mask-shift"])
def test_where_pixels_are_independent_all_schemes_with_one_noise_make_one_image(name):
    image, _ = made_by(SCHEMES[name], GaussianDenoiser(0.0, 0.1), seed=3)
    whole, _ = made_by(WholeImage(), GaussianDenoiser(0.0, 0.1), seed=3)
    torch.testing.assert_close(image, whole, atol=2e-5, rtol=0)


@pytest.mark.parametrize("name", SCHEMES)
def test_every_scheme_guided_to_the_end_averages_to_its_guide(name):
    exact = replace(PLAN, num_steps=8, guided_steps=8)  # in fewer, values overshoot and are clipped
    image, _ = made_by(SCHEMES[name], GaussianDenoiser(0.0, 0.1), exact)
    torch.testing.assert_close(AveragePool(2)(image[None])[0], GUIDE, atol=1e-4, rtol=0)


@pytest.mark.parametrize("boundary", ["pad", "wrap"])
def test_grid_shift_is_what_run_stage_does(boundary):
    plan = replace(PLAN, boundary=boundary)
    image, _ = made_by(GridShift(), Neighbours(), plan, seed=5)
    same = drain(run_stage(Painter(Neighbours(), plan, 16, seed=5), STAGE, GUIDE))
    torch.testing.assert_close(image, same, atol=1e-6, rtol=0)


def test_patches_of_a_fixed_grid_know_nothing_of_each_other():
    other = GUIDE.clone()
    other[:, :8, :8] += 0.3
    one, two = (made_by(FixedGrid(), Neighbours(0.0, 0.1), guide=g)[0] for g in (GUIDE, other))
    assert (one != two)[:, :16, :16].any()
    torch.testing.assert_close(one[:, :, 16:], two[:, :, 16:])
    moved, still = (made_by(GridShift(), Neighbours(0.0, 0.1), guide=g)[0] for g in (GUIDE, other))
    assert (moved != still)[:, 16:, 16:].any()


def papers_run(index: int, scheme=None) -> StageRun:
    """A stage of 2^index x 2^index patches, of 2 px as nobody looks at them."""
    side = 2 * 2**index
    guide = torch.zeros(3, 1, 1).expand(3, side // 2, side // 2)
    plan = replace(StagePlan(), boundary="wrap")
    return StageRun(Painter(GaussianDenoiser(), plan, 2), Stage(index, side, side, 1.0), guide)


def test_mask_shift_spends_4_times_the_evaluations_in_a_chain_of_763_patch_runs():
    last = papers_run(7)
    shift, mask = GridShift().ledger(last), MaskShift().ledger(last)
    assert shift.evaluations == 128**2 * 79
    assert shift.chain == 79  # as long as one patch: it does not grow with the canvas
    assert mask.evaluations == 255**2 * 79
    assert mask.chain == 763 * 79
    assert MaskShift(row_lag=1).ledger(last).chain == 509 * 79
    stages = [papers_run(index) for index in range(1, 8)]
    ratio = sum(MaskShift().ledger(stage).evaluations for stage in stages) / sum(
        GridShift().ledger(stage).evaluations for stage in stages
    )
    assert ratio == pytest.approx(3.954, abs=5e-4)


def test_overlapping_rivals_spend_4_and_16_times_the_evaluations():
    last = papers_run(5)
    base = GridShift().ledger(last).evaluations
    assert MultiDiffusion(2).ledger(last).evaluations == 4 * base
    open_ended = overlapping(32 * 64, 32 * 64, 64, 16)
    assert len(open_ended) == 125**2


def test_the_chain_of_mask_shift_is_the_longest_path_through_overlapping_patches():
    stage = StageRun(Painter(GaussianDenoiser(), PLAN, 16), Stage(1, 40, 56, 1.0))
    windows = list(overlapping(40, 56, 16, 8))
    depth = {}
    for window in windows:
        before = [
            depth[other]
            for other in depth
            if abs(other.top - window.top) < 16 and abs(other.left - window.left) < 16
        ]
        depth[window] = 1 + max(before, default=0)
    assert MaskShift().ledger(stage).chain == max(depth.values()) * 5
    fronts = MaskShift().wavefronts(stage)
    assert all(depth[window] == i + 1 for i, front in enumerate(fronts) for window in front)
    assert sum(map(len, fronts)) == len(windows)


def test_mask_shift_makes_one_image_in_whichever_order_and_batch():
    images = [
        made_by(MaskShift(row_lag), Neighbours(0.0, 0.1), batch_size=size)[0]
        for row_lag, size in ((2, 32), (1, 32), (2, 1))
    ]
    torch.testing.assert_close(images[0], images[1], atol=1e-6, rtol=0)
    torch.testing.assert_close(images[0], images[2], atol=1e-6, rtol=0)


def test_mask_shift_keeps_what_is_finished():
    """The first patch is as if it were alone, and its neighbour goes on from it."""
    denoiser, corner = Neighbours(0.0, 0.1), Window(0, 0, 16, 16)
    image, _ = made_by(MaskShift(), denoiser)
    stage = StageRun(Painter(denoiser, PLAN, 16), STAGE, GUIDE)
    alone = run_alone(stage, [corner], fresh_start(stage, [corner]))
    torch.testing.assert_close(image[:, :16, :16], alone[0], atol=1e-6, rtol=0)


def test_the_weighted_mean_is_what_a_loop_over_pixels_gives():
    stream = torch.Generator().manual_seed(0)
    windows = list(overlapping(8, 12, 4, 2, "wrap"))
    patches = torch.rand(len(windows), 3, 4, 4, generator=stream)
    weight = weights("gaussian", 4)
    mean = WeightedMean(8, 12, weight)
    mean.add(windows, patches)
    sums, total = torch.zeros(3, 8, 12), torch.zeros(8, 12)
    for window, patch in zip(windows, patches, strict=True):
        for row in range(4):
            for column in range(4):
                place = (window.top + row) % 8, (window.left + column) % 12
                sums[:, *place] += weight[row, column] * patch[:, row, column]
                total[place] += weight[row, column]
    torch.testing.assert_close(mean.image, sums / total)


def test_weights_are_even_and_a_fade_adds_up_to_one():
    for kind in ("flat", "gaussian", "fade"):
        weight = weights(kind, 16, 4)
        torch.testing.assert_close(weight, weight.T)
        torch.testing.assert_close(weight, weight.flip(0))
    profile = weights("fade", 16, 4)[8]
    torch.testing.assert_close(profile[-4:] + profile[:4], torch.ones(4))
    assert weights("gaussian", 16)[8, 8] > 100 * weights("gaussian", 16)[8, 0]


def test_overlapping_windows_cover_the_canvas_from_inside():
    windows = list(overlapping(40, 50, 16, 12))
    assert all(window.inside(40, 50) for window in windows)
    covered = torch.zeros(40, 50)
    for window in windows:
        covered[window.slices()[1:]] += 1
    assert covered.min() == 1


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: overlapping(8, 64, 16, 8), "16 px every 8 px on 64 x 8 px"),
        (lambda: overlapping(64, 64, 16, 0), "a stride from 1 px"),
        (lambda: weights("round", 16), "no weights 'round'"),
        (
            lambda: made_by(MultiDiffusion(), Neighbours(), replace(PLAN, solver="2m")),
            "expected the solver euler or heun",
        ),
    ],
)
def test_mistakes_are_told(call, told):
    with pytest.raises(WsigenError, match=told):
        call()


def test_a_film_shows_every_step_and_ends_with_the_image_of_grid_shift():
    plan = replace(PLAN, solver="euler", guided_steps=0)
    stage = StageRun(Painter(GaussianDenoiser(0.0, 0.1), plan, 16, seed=5), STAGE, GUIDE)
    frames = list(film(stage))
    assert [frame.sigma for frame in frames] == stage.sigmas[:-1].tolist()
    made, _ = made_by(GridShift(), GaussianDenoiser(0.0, 0.1), plan, seed=5)
    torch.testing.assert_close(stage.image, made, atol=1e-6, rtol=0)
    lines = {top for top in stage.grid(1).tops if 0 < top < 32}
    assert all((frames[1].noisy[top] == 0).all() for top in lines)
    # the first estimate of this denoiser is its mean, 0, nearly everywhere
    assert abs(frames[0].estimate.astype(int) - 127.5).mean() < 3
