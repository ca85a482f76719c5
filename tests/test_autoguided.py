"""Overviews by a model of their own, carried on away from what the model itself says (autoguidance)."""

import gzip
from dataclasses import replace

import pytest
import torch
from click.testing import CliRunner
from lab_kit import save_model
from oracles import GaussianDenoiser, scrambled_network

from wsigen.cli.generate import generate as generate_verb
from wsigen.cli.info import info as info_verb
from wsigen.coarse_to_fine import drain, generate, run_stage
from wsigen.guidance import Autoguided
from wsigen.models import overview_of, shipped_models
from wsigen.plan import FAST, PAPER, PLANS, TOLD, Stage, StagePlan, stages
from wsigen.runs.estimate import evaluations_due
from wsigen.runs.painter import Painter
from wsigen.slides import read_description
from wsigen.training.checkpoint import load_denoiser

PLAN = StagePlan(
    num_steps=2,
    guided_steps=1,
    overview_steps=4,
    overview_strength=1.5,
    overview_strength_sigma=0.4,
)
OVERVIEW = Stage(0, 16, 12, 4.0)


def two() -> torch.nn.Module:
    """A denoiser with another that draws its overviews."""
    denoiser = scrambled_network()
    torch.manual_seed(5)
    denoiser.overview = scrambled_network()
    for parameter in denoiser.overview.parameters():
        parameter.data += 0.02 * torch.randn_like(parameter)
    return denoiser


def drawn(denoiser, plan=PLAN):
    return drain(run_stage(Painter(denoiser, plan, 16, seed=3), OVERVIEW, None))


def test_the_estimate_goes_on_away_from_the_weaker_ones_down_to_a_level_and_no_further():
    strong, weak = GaussianDenoiser(0.2, 0.5), GaussianDenoiser(-0.1, 0.7)
    guided, x = Autoguided(strong, weak, 1.5, down_to=0.4), torch.randn(2, 3, 4, 4)
    for sigma in (80.0, 0.4):
        u, v = strong(x, sigma, 1.0), weak(x, sigma, 1.0)
        torch.testing.assert_close(guided(x, sigma, 1.0), 2.5 * u - 1.5 * v)
    assert torch.equal(guided(x, 0.39, 1.0), strong(x, 0.39, 1.0))


def test_an_overview_is_drawn_by_its_own_model_guided_by_the_other():
    denoiser = two()
    guided = Autoguided(denoiser.overview, denoiser, 1.5, 0.4)
    by_hand = drawn(guided, replace(PLAN, overview_strength=0.0))
    assert torch.equal(drawn(denoiser), by_hand)
    assert not torch.allclose(drawn(denoiser), drawn(denoiser.overview), atol=1e-3)


def test_a_model_without_another_for_overviews_draws_them_itself_at_no_further_cost():
    alone = scrambled_network()
    assert torch.equal(drawn(alone), drawn(alone, replace(PLAN, overview_strength=0.0)))
    assert Painter(alone, PLAN, 16).at(0).evaluations == 2 * PLAN.overview_steps - 1  # Heun


def test_where_the_other_does_not_know_the_scale_the_model_draws_it_itself():
    denoiser = two()
    denoiser.overview.mpp_range = (8.0, 100.0)
    assert torch.equal(drawn(denoiser), drawn(scrambled_network()))
    denoiser.overview.mpp_range = (4.0, 100.0)
    assert not torch.equal(drawn(denoiser), drawn(scrambled_network()))


def test_plans_of_the_paper_leave_overviews_to_the_model_itself():
    assert {name for name, plan in PLANS.items() if plan.overview_strength} == {"told", "student"}
    denoiser = two()
    for plan in (PAPER, FAST):
        few = replace(plan, overview_steps=2)
        assert torch.equal(drawn(denoiser, few), drawn(scrambled_network(), few))


def test_other_stages_are_the_models_own():
    guide, stage = torch.rand(3, 8, 6) * 2 - 1, Stage(1, 16, 12, 2.0)

    def magnified(denoiser):
        return drain(run_stage(Painter(denoiser, PLAN, 16), stage, guide))

    assert torch.equal(magnified(two()), magnified(scrambled_network()))


@pytest.mark.parametrize("solver", ["heun", "euler", "2m"])
def test_what_is_spent_is_what_was_said_both_models_counted(solver):
    painter = Painter(two(), replace(PLAN, overview_solver=solver), 16)
    path = stages(40, 28, 1.0, patch_px=16)
    spent = {p.stage.index: p.evaluations for p in generate(painter, path)}
    assert list(spent.values()) == evaluations_due(painter, path)
    own = painter.at(0, path[0].mpp)
    assert own.evaluations > replace(own, guide_strength=0.0).evaluations


def test_guided_steps_ask_two_models_and_those_below_the_level_one():
    own = Painter(two(), TOLD, 16).at(0, 50.0)
    alone = replace(own, guide_strength=0.0)
    asked = [sigma for i in range(own.num_steps) for sigma in alone.levels_at(i)]
    twice = [sigma for sigma in asked if sigma >= TOLD.overview_strength_sigma]
    assert 0 < len(twice) < len(asked)
    assert own.evaluations == len(asked) + len(twice)


def test_a_model_finds_what_draws_its_overviews_beside_it_packed_or_not(tmp_path):
    model = save_model(tmp_path / "own.safetensors", told=True)
    assert load_denoiser(model).overview is None
    file = save_model(overview_of(model), seed=1, told=True)
    denoiser = load_denoiser(model, half=False)
    assert denoiser.overview.sha256 in denoiser.digest
    assert file.name in CliRunner().invoke(info_verb, [str(model)]).output
    packed = file.with_name(f"{file.name}.gz")
    packed.write_bytes(gzip.compress(file.read_bytes()))
    file.unlink()
    again = load_denoiser(model, half=False).overview
    assert (again.name, again.sha256) == (denoiser.overview.name, denoiser.overview.sha256)
    assert packed.name in CliRunner().invoke(info_verb, [str(model)]).output


def test_it_is_no_model_of_its_own_where_models_are_listed():
    assert not [name for name in shipped_models() if name.endswith("-overview")]


def test_a_slide_says_what_drew_its_overview(tmp_path):
    model, out = save_model(tmp_path / "own.safetensors", told=True), tmp_path / "slide.tiff"
    file = save_model(overview_of(model), seed=1, told=True)
    words = f"{out} --model {model} --width 64 --height 48 --mpp 1 --overview-steps 2 --num-steps 2"
    result = CliRunner().invoke(generate_verb, words.split(), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert read_description(out)["overview_sha256"] == load_denoiser(file).sha256
    paper = tmp_path / "paper.tiff"
    words = [str(paper), *words.split()[1:], "--plan", "fast"]
    assert CliRunner().invoke(generate_verb, words, catch_exceptions=False).exit_code == 0
    assert "overview_sha256" not in read_description(paper)
