"""A network that is told its guide: what it is shown, in training and in a stage."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from oracles import FlatDenoiser

from wsigen.cli.generate import generate as generate_verb
from wsigen.coarse_to_fine import drain, generate, run_stage, upscale
from wsigen.denoiser import EDMDenoiser, Told
from wsigen.errors import WsigenError
from wsigen.grid import Window
from wsigen.guidance import AveragePool, told
from wsigen.mending import binomial
from wsigen.networks.unet import UNet, UNetConfig, grown
from wsigen.plan import Stage, StagePlan, plan, stages
from wsigen.runs.painter import Painter
from wsigen.runs.plane import StagePlane
from wsigen.schedule import SIGMA_MAX
from wsigen.slides import read_description
from wsigen.training.checkpoint import ModelInfo, save_checkpoint
from wsigen.training.config import TrainConfig
from wsigen.training.drawing import Drawn
from wsigen.training.examples import told_example

SHAPE = UNetConfig(widths=(16, 16), blocks=1, condition_channels=32, averages=(4,))
TOLD = replace(SHAPE, told=True, organs=("breast", "colon"))
PLAN = StagePlan(
    num_steps=4, guided_steps=0, solver="2m", sigma_start=1.5, overview_steps=3, guide_sigma=0.05
)
GUIDE = torch.rand(3, 12, 20, generator=torch.Generator().manual_seed(0)) * 2 - 1


def scrambled(config: UNetConfig = TOLD) -> EDMDenoiser:
    torch.manual_seed(0)
    network = UNet(config)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    return EDMDenoiser(network.eval().requires_grad_(False))


def some(batch: int = 2) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    torch.manual_seed(1)
    return torch.randn(batch, 3, 16, 16), torch.rand(batch) + 0.1, torch.rand(batch) + 0.5


def test_a_network_grown_to_be_told_says_what_it_said_whatever_it_is_told():
    small = scrambled(SHAPE)
    large = UNet(TOLD)
    large.load_state_dict(grown(small.network, large))
    x, sigma, mpp = some()
    shown = Told(torch.randn_like(x), 0.1, torch.tensor([1, 2]))
    expected = small(x, sigma, mpp)
    torch.testing.assert_close(EDMDenoiser(large)(x, sigma, mpp), expected)
    torch.testing.assert_close(EDMDenoiser(large)(x, sigma, mpp, shown), expected)


def test_a_guide_of_noise_alone_is_no_guide():
    denoiser = scrambled()
    x, sigma, mpp = some()
    silent = Told(torch.zeros_like(x), SIGMA_MAX)
    torch.testing.assert_close(denoiser(x, sigma, mpp, silent), denoiser(x, sigma, mpp))


def test_guide_its_noise_level_and_organ_are_all_heard():
    denoiser = scrambled()
    x, sigma, mpp = some()
    image = torch.randn_like(x)
    answers = [
        denoiser(x, sigma, mpp),
        denoiser(x, sigma, mpp, Told(image, 0.1)),
        denoiser(x, sigma, mpp, Told(image, 0.2)),
        denoiser(x, sigma, mpp, Told(image, 0.1, torch.tensor([1, 1]))),
    ]
    for i, one in enumerate(answers):
        assert not any(torch.allclose(one, other) for other in answers[:i])


def test_strength_goes_on_away_from_the_untold_estimate_above_its_level_only():
    denoiser = scrambled()
    x, _, _ = some()
    shown = Told(torch.randn_like(x), 0.1)
    u, untold = denoiser(x, 0.5, 1.0, shown), denoiser(x, 0.5, 1.0)
    strong = told(denoiser, shown, strength=0.5, down_to=0.2)
    torch.testing.assert_close(strong(x, 0.5, 1.0), 1.5 * u - 0.5 * untold)
    torch.testing.assert_close(strong(x, 0.1, 1.0), denoiser(x, 0.1, 1.0, shown))


@pytest.mark.parametrize("strength", [0.0, 0.5])
def test_a_told_stage_is_the_same_at_any_batch_size(strength):
    how = replace(PLAN, guide_strength=strength)
    one, many = (
        upscale(Painter(scrambled(), how, 16, seed=7, batch_size=size), GUIDE, 1.0)
        for size in (1, 32)
    )
    torch.testing.assert_close(one, many, atol=1e-4, rtol=0)


def test_overlapping_windows_see_the_same_noise_in_the_guide():
    plane = StagePlane(Painter(scrambled(), PLAN, 16), Stage(1, 24, 40, 0.5), GUIDE)
    windows = [Window(0, 0, 16, 16), Window(0, 8, 16, 16)]
    left, right = plane.shown(windows, plane.guide_of(windows)).image
    # two pixels of each patch's edge are interpolated without their neighbour
    torch.testing.assert_close(left[..., 10:14], right[..., 2:6])


def test_what_is_shown_is_the_guide_with_noise_of_sigma_g():
    guide = torch.zeros(3, 64, 64)
    how = replace(PLAN, guide_sigma=0.2)
    plane = StagePlane(Painter(scrambled(), how, 128), Stage(1, 128, 128, 0.5), guide)
    shown = plane.shown([Window(0, 0, 128, 128)], guide[None])
    assert shown.sigma == 0.2
    # interpolated half way between pixels, a quarter from each side, twice: (10 / 16)^2 of the variance is left
    assert float(shown.image.var()) == pytest.approx(0.2**2 * (10 / 16) ** 2, rel=0.05)


def test_a_told_stage_is_not_asked_for_empty_glass():
    guide = torch.ones(3, 32, 32)
    guide[:, :8, :8] = 0
    stage = Stage(1, 64, 64, 0.5)
    run = run_stage(Painter(scrambled(), replace(PLAN, skip_background=0.0), 16), stage, guide)
    *_, last = run
    assert 0 < last.skipped < last.patches
    assert last.evaluations == last.patches - last.skipped


def test_the_ledger_counts_both_questions_of_a_step_with_strength():
    how = replace(PLAN, guide_strength=0.5, guide_strength_sigma=0.4)
    stage = Stage(1, 16, 16, 0.5)
    run = run_stage(Painter(scrambled(), how, 16), stage, GUIDE[:, :8, :8])
    spent = [progress.evaluations for progress in run]
    asked_twice = int((how.sigmas()[:-1] >= 0.4).sum())
    assert spent[-1] == how.evaluations == how.num_steps + asked_twice
    assert 0 < asked_twice < how.num_steps


def test_a_model_that_is_not_told_refuses_a_plan_that_tells():
    with pytest.raises(WsigenError, match="not trained to be told"):
        upscale(Painter(FlatDenoiser(0.0), PLAN, 16), GUIDE, 1.0)


def test_the_rim_of_an_overview_is_glass_and_nothing_else_changes_its_size():
    path = stages(48, 40, 1.0, patch_px=16)
    how = replace(PLAN, rim=2)
    overview = drain(generate(Painter(scrambled(), how, 16, background=0.9), path[:1]))
    inner = overview[:, 2:-2, 2:-2]
    assert overview.shape[1:] == (path[0].height, path[0].width)
    rim = overview.clone()
    rim[:, 2:-2, 2:-2] = 0.9
    torch.testing.assert_close(rim, torch.full_like(rim, 0.9))
    assert not torch.allclose(inner, torch.full_like(inner, 0.9))


def drawn(batch: int = 400) -> Drawn:
    clean = torch.full((batch, 3, 8, 8), 0.25)
    overview = torch.arange(batch) % 2 == 0
    return Drawn(
        clean, torch.ones(batch), overview, torch.full((batch,), 3), torch.zeros(batch).long()
    )


def test_untold_examples_are_shown_nothing_and_overviews_are_told_less_often():
    example = told_example(drawn(), TrainConfig(told_share=0.9, organ_share=0.5), first=0)
    shown = example.told
    assert shown is not None
    untold = shown.sigma == SIGMA_MAX
    assert torch.equal(shown.image[untold], torch.zeros_like(shown.image[untold]))
    shares = [float((~untold)[drawn().overview == kind].float().mean()) for kind in (True, False)]
    assert shares == pytest.approx([0.3, 0.9], abs=0.1)
    assert set(shown.organ.tolist()) == {0, 3}


def test_told_examples_show_the_patch_averaged_with_noise_of_their_level():
    config = TrainConfig(told_share=1.0, told_sigma_min=0.1, told_sigma_max=0.1)
    data = replace(drawn(), overview=torch.zeros(400, dtype=torch.bool))
    example = told_example(data, config, first=0)
    image = example.told.image
    assert float(image.mean()) == pytest.approx(0.25, abs=0.005)
    coarse = AveragePool()(data.clean) + 0.1 * torch.randn(400, 3, 4, 4)
    expected = float(AveragePool().enlarged(coarse).std())
    assert float(image.std()) == pytest.approx(expected, rel=0.05)


def test_a_share_of_the_guides_is_blurred_and_all_keep_their_mean():
    clean = torch.randn(400, 3, 32, 32).repeat_interleave(2, -1).repeat_interleave(2, -2)
    data = replace(drawn(), clean=clean, overview=torch.zeros(400, dtype=torch.bool))
    config = TrainConfig(told_share=1.0, told_sigma_min=1e-6, told_sigma_max=1e-6, told_blur=0.25)
    image = told_example(data, config, first=0).told.image
    sharp = AveragePool().enlarged(AveragePool()(clean))
    blurred = (image - sharp).abs().amax((1, 2, 3)) > 1e-3
    assert float(blurred.float().mean()) == pytest.approx(0.25, abs=0.06)
    assert (image[blurred].std((1, 2, 3)) < sharp[blurred].std((1, 2, 3))).all()
    ramp = torch.linspace(-1, 1, 8).expand(1, 3, 8, 8)
    torch.testing.assert_close(binomial(ramp)[..., 1:-1], ramp[..., 1:-1])


def test_a_batch_of_examples_is_named_by_its_first_patch():
    config = TrainConfig(told_share=0.5)
    one, again, other = (told_example(drawn(8), config, first) for first in (32, 32, 64))
    assert torch.equal(one.noise, again.noise)
    assert not torch.equal(one.noise, other.noise)
    assert np.isfinite(one.sigma.numpy()).all()


def saved_told(tmp_path):
    info = ModelInfo(TOLD, 0.5, 16, 0.25, 100.0, 0, ())
    save_checkpoint(tmp_path / "told.safetensors", scrambled().network, info)
    return tmp_path / "told.safetensors"


def test_the_verb_generates_with_the_plan_that_suits_a_told_model(tmp_path):
    model, out = saved_told(tmp_path), tmp_path / "slide.tiff"
    words = f"{out} --model {model} --width 24 --height 20 --mpp 1"
    result = CliRunner().invoke(generate_verb, words.split(), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    described = read_description(out)
    assert described["model"] == "told"
    assert described["plan"]["guide_sigma"] == plan("told").guide_sigma
