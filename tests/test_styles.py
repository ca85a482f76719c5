"""Styles of cases: how they are found, interpolated and drawn, and what they change."""

from dataclasses import replace

import pytest
import torch
from lab_kit import save_model

from wsigen.coarse_to_fine import upscale
from wsigen.errors import WsigenError
from wsigen.models import student_of
from wsigen.networks.difference import Difference
from wsigen.networks.styles import FINEST, LENGTH, SCALES, STYLE_LAYER, Styles, plain, scales
from wsigen.networks.unet import UNet, UNetConfig, with_styles
from wsigen.plan import STUDENT
from wsigen.runs.painter import Painter
from wsigen.training.checkpoint import load_denoiser
from wsigen.training.drawing import Drawn
from wsigen.training.student import read_difference, save_student
from wsigen.training.styles import (
    BELIEVED,
    BLUE,
    FARTHEST,
    OWN,
    SIZE,
    CaseStyles,
    Look,
    blue_share,
    by_case,
    codes_of,
    grey,
    numbered,
    seen,
)
from wsigen.training.weights import read_header

CONFIG = UNetConfig(widths=(16, 16), blocks=1, condition_channels=32, told=True)
BLIND = Look(torch.zeros(1120), torch.zeros(SCALES, 1120), torch.zeros(LENGTH, 1120))
PLAN = replace(STUDENT, rim=0, teacher_above=0.0)


def some_styles(cases: int = 5) -> Styles:
    return Styles(torch.randn(cases, SCALES, LENGTH, generator=torch.Generator().manual_seed(0)))


def test_a_style_is_kept_at_half_octaves_and_interpolated_between_them():
    styles, case = some_styles(), torch.arange(5)
    for number, mpp in enumerate(scales()):
        torch.testing.assert_close(styles.at(case, mpp.expand(5)), styles.codes[:, number])
    middle = FINEST * 2**0.25 * torch.ones(5)
    mean = (styles.codes[:, 0] + styles.codes[:, 1]) / 2
    torch.testing.assert_close(styles.at(case, middle), mean, atol=1e-5, rtol=1e-5)


def test_beyond_its_scales_a_style_stays_as_it_is_at_the_last():
    styles, case = some_styles(), torch.tensor([2, 2])
    found = styles.at(case, torch.tensor([0.01, 800.0]))
    torch.testing.assert_close(found, styles.codes[2, [0, -1]])


def test_a_slide_has_one_case_at_all_its_scales_and_seeds_have_all_cases():
    styles = Styles(torch.arange(5.0)[:, None, None].expand(5, SCALES, LENGTH))
    cases = set()
    for seed in range(60):
        found = torch.cat([styles.of(seed, mpp) for mpp in (0.35, 2.8, 8.0, 100.0)])
        assert torch.equal(found, found[:1].expand(4, LENGTH))
        cases.add(float(found[0, 0]))
    assert cases == {0.0, 1.0, 2.0, 3.0, 4.0}


def test_a_network_with_styles_says_what_it_said_until_it_has_learnt_what_they_mean():
    torch.manual_seed(0)
    network = UNet(CONFIG)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    x, one = torch.randn(2, 3, 16, 16), torch.ones(2)
    told = with_styles(network)
    style = torch.randn(2, LENGTH)
    assert torch.equal(told(x, one, one, style=style), network(x, one, one))
    torch.nn.init.normal_(told.conditioning.style.weight)
    assert not torch.allclose(told(x, one, one, style=style), network(x, one, one))
    assert torch.equal(told(x, one, one), network(x, one, one))


def test_slides_of_two_styles_differ_where_the_student_heeds_them(tmp_path):
    model = save_model(tmp_path / "a.safetensors", told=True)
    teacher = load_denoiser(model, half=False)
    torch.manual_seed(0)
    difference = Difference(dict(with_styles(teacher.network).named_parameters()), rank=2)
    for parameter in difference.parameters():
        parameter.data = (torch.randn_like(parameter) / 10).bfloat16().float()
    guide = torch.zeros(3, 16, 16)

    def painted(styles: Styles | None) -> torch.Tensor:
        save_student(student_of(model), difference, teacher.file_sha256, 0, styles=styles)
        asked = load_denoiser(model, half=False)
        assert Painter(asked, PLAN, 32).style(1.0) is None  # the teacher knows none
        return upscale(Painter(asked, PLAN, 32, seed=3), guide, 4.0)

    assert torch.equal(painted(some_styles()), painted(some_styles()))
    assert not torch.allclose(painted(some_styles()), painted(plain()))


def test_a_student_that_has_learnt_none_is_begun_from_and_one_that_has_only_by_its_own_way(
    tmp_path,
):
    model = save_model(tmp_path / "a.safetensors", told=True, student=True)
    teacher = load_denoiser(model, half=False)
    assert teacher.student.styles is None
    own = dict(teacher.network.named_parameters())
    larger = dict(with_styles(teacher.network).named_parameters())
    file, digest = teacher.student_file, teacher.file_sha256
    learnt = read_difference(file, larger, digest)
    assert learnt.styles is None
    assert learnt.images_seen == int(read_header(file)["images_seen"])
    assert STYLE_LAYER not in learnt.difference.names
    save_student(file, Difference(larger, rank=2), digest, 0, 1.25, some_styles())
    learnt = read_difference(file, larger, digest)
    assert learnt.strength == 1.25
    assert STYLE_LAYER in learnt.difference.names
    torch.testing.assert_close(learnt.styles.codes, some_styles().codes, atol=2e-3, rtol=2e-3)
    with pytest.raises(WsigenError, match=r"has learnt styles.*--way styled"):
        read_difference(file, own, digest)


def test_grey_fields_forget_their_stain_and_contrast():
    field = torch.rand(1, 1, 32, 32, generator=torch.Generator().manual_seed(0)) - 0.5
    pink = torch.tensor([0.9, 0.3, 0.6])[:, None, None] * field + 0.1
    blue = 0.5 * torch.tensor([0.3, 0.3, 0.3])[:, None, None] * field - 0.2
    both = torch.stack([grey(pink).flatten(), grey(blue).flatten()])
    assert float(torch.corrcoef(both)[0, 1]) > 0.999
    spreads = [float(image.std()) for image in (pink, blue, grey(pink), grey(blue))]
    assert spreads[0] > 4 * spreads[1]
    assert spreads[2] < 2 * spreads[3]
    assert torch.equal(grey(pink)[:, 0], grey(pink)[:, 2])


def fields_of(means: torch.Tensor, each: int, mpp: float) -> tuple[torch.Tensor, ...]:
    """Descriptions of ``each`` fields of cases, which scatter a little around the cases' means."""
    stream = torch.Generator().manual_seed(1)
    cases = torch.arange(len(means)).repeat_interleave(each)
    noise = 1e-5 * torch.randn(len(cases), means.shape[1], generator=stream)
    return means[cases] + noise, torch.full((len(cases),), mpp), cases


def test_cases_differ_in_style_as_the_means_of_their_fields_do():
    long = 1120  # of a description
    means = torch.zeros(4, long)
    means[0, 0], means[1, 0], means[2, 1], means[3, 1] = 1.0, -1.0, 1.0, -1.0
    codes, look = codes_of(*fields_of(means, 50, 1.0), 4)
    known = codes[codes.isfinite()]
    assert float(known.square().mean().sqrt()) == pytest.approx(SIZE, rel=1e-3)
    at_1_um = codes[:, 4]
    apart = torch.cdist(at_1_um, at_1_um)
    torch.testing.assert_close(apart[0, 1], apart[2, 3], rtol=0.05, atol=0.0)
    torch.testing.assert_close(apart[0, 1] / apart[0, 2], torch.tensor(2**0.5), rtol=0.05, atol=0.0)
    of_fields = look.of(means, torch.ones(4))
    believed = 50 / (50 + BELIEVED)
    torch.testing.assert_close(believed * of_fields, at_1_um, rtol=0.05, atol=0.2)


def test_a_case_is_not_known_where_it_has_no_fields_and_takes_its_nearest_scale_there():
    descriptions, mpp, cases = fields_of(torch.randn(3, 1120), 30, 1.0)
    mpp[cases == 1] = 16.0
    codes, look = codes_of(descriptions, mpp, cases, 4)
    assert codes[0, 4].isfinite().all()
    assert codes[0, 12].isnan().all()
    assert codes[1, 12].isfinite().all()
    assert codes[3].isnan().all()
    styles = CaseStyles(
        ["a", "b", "c", "d"], codes, look, torch.tensor([3, 0, 0, 1]), torch.zeros(4)
    )
    finest_known = int(codes[0].isfinite().all(1).nonzero()[0])
    torch.testing.assert_close(styles.filled.codes[0, 0], codes[0, finest_known])
    assert torch.equal(styles.at(torch.tensor([0]), torch.ones(1)), torch.zeros(1, LENGTH))
    torch.testing.assert_close(styles.at(torch.tensor([2]), torch.ones(1))[0], codes[0, 4])


def test_fields_are_told_styles_between_their_cases_and_their_own_but_glass_its_cases():
    stream = torch.Generator().manual_seed(0)
    look = Look(torch.ones(6), torch.zeros(SCALES, 6), torch.randn(LENGTH, 6, generator=stream))
    styles = CaseStyles(
        ["a", "b"], some_styles(2).codes, look, torch.tensor([0, 1, 1, 0]), torch.zeros(2)
    )
    clean = torch.rand(4, 3, 32, 32, generator=stream) - 0.5
    clean[2] = 0.9
    mpp, one = torch.tensor([2.0, 8.0, 4.0, 1.0]), torch.ones(4)
    drawn = Drawn(clean, mpp, torch.zeros(4), one.int(), torch.arange(4))

    def maps(image):
        return [image]

    of_case, own = styles.at(drawn.source, mpp), look.of(seen(clean, maps), mpp)
    assert torch.equal(styles.told(drawn, maps, 0 * one)[:3], of_case[:3])
    torch.testing.assert_close(styles.told(drawn, maps, one)[3], own[3])  # however fine
    torch.testing.assert_close(styles.told(drawn, maps, one)[:2], own[:2])
    torch.testing.assert_close(styles.told(drawn, maps, one / 2)[:2], (own + of_case)[:2] / 2)
    assert torch.equal(styles.told(drawn, maps, one)[2], of_case[2])


def test_styles_that_were_kept_are_those_that_were_found():
    codes, look = codes_of(*fields_of(torch.randn(3, 1120), 20, 1.0), 3)
    found = CaseStyles(
        ["a", "b", "c"], codes, look, torch.tensor([0, 1, 2]), torch.tensor([0, 0.5, 1])
    )
    again = CaseStyles.kept(found.tensors(), found.names, ["c", "a"])
    assert torch.equal(again.case_of, torch.tensor([2, 0]))
    for name, tensor in found.tensors().items():
        assert torch.equal(again.tensors()[name].nan_to_num(9.0), tensor.nan_to_num(9.0)), name


def test_a_cohort_without_tissue_has_no_styles():
    class Glass:
        cases = ("a",)

        def draw(self, numbers):
            of = torch.ones(len(numbers))
            return Drawn(torch.ones(len(of), 3, 32, 32), of, of, of.int(), 0 * of.int())

    with pytest.raises(WsigenError, match="none of 32 fields of the cohort shows tissue"):
        CaseStyles.of(Glass(), None, 32)


def test_a_slide_takes_none_but_cases_that_are_known_from_two_micrometres_to_eight():
    codes = torch.ones(3, SCALES, LENGTH)
    codes[0, :2] = torch.nan  # finer than that
    codes[1, 8] = torch.nan
    codes[2] = 20.0
    styles = CaseStyles(["a", "b", "c"], codes, BLIND, torch.tensor([0, 1, 2]), torch.zeros(3))
    first, second = styles.of_slides().codes
    torch.testing.assert_close(first, OWN * torch.ones(SCALES, LENGTH))
    torch.testing.assert_close(second.norm(dim=1), FARTHEST * torch.ones(SCALES))
    codes[0, 8] = torch.nan
    with pytest.raises(WsigenError, match="1 of 3 cases show enough tissue at 2 to 8 um/px"):
        CaseStyles(["a", "b", "c"], codes, BLIND, torch.tensor([0]), torch.zeros(3)).of_slides()


def test_a_slide_takes_no_style_of_a_case_that_is_bluer_than_can_be_painted():
    codes = torch.arange(3.0)[:, None, None].expand(3, SCALES, LENGTH)
    blue = torch.tensor([0.0, BLUE, BLUE / 2])
    styles = CaseStyles(["a", "b", "c"], codes, BLIND, torch.arange(3), blue).of_slides()
    torch.testing.assert_close(styles.codes[:, 0, 0], OWN * torch.tensor([0.0, 2.0]))


def test_how_blue_a_case_is_is_the_mean_of_its_fields_darker_pixels():
    purple, navy, glass = torch.tensor([[-0.4, -0.7, -0.2], [-0.4, 0.2, 0.4], [0.9, 0.9, 0.9]])
    fields = purple[None, :, None, None].repeat(3, 1, 4, 4)
    fields[0, :, 0] = navy[:, None]  # a quarter
    fields[0, :, 1:3] = glass[:, None, None]  # of half that is glass
    found = blue_share(fields)
    torch.testing.assert_close(found, torch.tensor([0.5, 0.0, 0.0]))
    torch.testing.assert_close(
        by_case(found, torch.tensor([2, 2, 0]), 4), torch.tensor([0.0, 0.0, 0.25, 0.0])
    )


def test_a_case_without_a_style_is_named():
    with pytest.raises(WsigenError, match="no style was found for c, d; resume with the run's own"):
        numbered(["d", "a", "c"], ["a", "b"])
