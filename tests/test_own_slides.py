"""A student's own slides as guides: what is kept of them, what is told of it, and what is asked of what comes of it."""

from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from lab_kit import refused, save_model

from wsigen.cli.distil import distil as distil_verb
from wsigen.cohorts.cohort import read_cohort
from wsigen.guidance import AveragePool
from wsigen.networks.styles import LENGTH, SCALES, Styles
from wsigen.plan import STUDENT
from wsigen.runs.crew import Crew
from wsigen.training import own_slides
from wsigen.training.checkpoint import LoadedDenoiser, load_denoiser
from wsigen.training.distil import Distiller
from wsigen.training.distil_run import drawn_fields, learnt_styles, read_learnt
from wsigen.training.drawing import Drawer
from wsigen.training.own_slides import SLIDES, OwnSlides
from wsigen.training.student import OfCases
from wsigen.training.styles import CaseStyles, Look
from wsigen.training.upscaling import DistilConfig
from wsigen.training.ways import LOSSES
from wsigen.training.weights import read_header

STYLES = Styles(torch.randn(5, SCALES, LENGTH, generator=torch.Generator().manual_seed(0)))
BLIND = Look(torch.zeros(1120), torch.zeros(SCALES, 1120), torch.zeros(LENGTH, 1120))


def styles_of_cases(names: list[str]) -> CaseStyles:
    """Styles of cases, found without looking."""
    stream = torch.Generator().manual_seed(0)
    codes = torch.randn(len(names), SCALES, LENGTH, generator=stream)
    return CaseStyles(names, codes, BLIND, torch.arange(len(names)), torch.zeros(len(names)))


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    monkeypatch.setattr(own_slides, "FINEST", (2.0, 2.1))
    monkeypatch.setattr(own_slides, "MM", (0.3, 0.2))
    monkeypatch.setattr("wsigen.training.distil.LOOKED_AT", 32)
    of = CaseStyles.kept
    monkeypatch.setattr(
        CaseStyles,
        "of",
        lambda drawer, *_: of(of_phantoms().tensors(), of_phantoms().names, drawer.cases),
    )


def of_phantoms() -> CaseStyles:
    """Styles of the phantoms' cases, found without looking."""
    return styles_of_cases(sorted({entry.case for entry in read_cohort("phantom")}))


def styled_model(folder: Path, found: CaseStyles | None = None) -> Path:
    """A model whose student has styles, and keeps those of its cases, by default of the phantoms."""
    found = found or of_phantoms()
    of_cases = OfCases(found.names, found.tensors())
    file = folder / "a.safetensors"
    return save_model(file, told=True, student=True, styles=found.of_slides(), of_cases=of_cases)


def phantoms(folder: Path) -> tuple[LoadedDenoiser, Drawer, DistilConfig]:
    """A teacher, and what draws phantoms for its student."""
    teacher = load_denoiser(styled_model(folder), half=False)
    config = DistilConfig(way="slides", rank=2, slides=1)
    return teacher, drawn_fields(config, teacher, read_cohort("phantom")), config


def own(number: int, side: int = 8) -> OwnSlides:
    """Room for four windows, of which so many were kept, each of one grey."""
    found = OwnSlides(STYLES, side, kept=4)
    for n in range(number):
        window = torch.full((1, 3, side, side), n, dtype=torch.uint8)
        found.keep(window, torch.tensor([1.0 + n]), n % 5)
    return found


def test_the_last_windows_are_kept_and_those_that_are_missing_are_never_drawn():
    assert own(6).guides[:, 0, 0, 0].tolist() == [2, 3, 4, 5]
    assert own(6).mpp.tolist() == [3.0, 4.0, 5.0, 6.0]
    drawn = own(2).batch(64, 0, 0)
    assert set(drawn.mpp.tolist()) == {1.0, 2.0}
    assert set(((drawn.guide[:, 0, 0, 0] + 1) * 127.5).round().tolist()) == {0.0, 1.0}


def test_windows_are_told_as_the_plan_tells_a_stage_and_the_style_of_their_slide():
    drawn = own(4).batch(16, 0, 0)
    assert len(drawn) == 64
    assert drawn.guide.shape[2:] == (4, 4)
    assert (drawn.guide_sigma == STUDENT.guide_sigma).all()
    assert (drawn.later == np.float32(STUDENT.sigma_min)).all()
    case = ((drawn.guide[:, 0, 0, 0] + 1) * 127.5).round().long()
    torch.testing.assert_close(drawn.style, STYLES.at(case, drawn.mpp))
    again, other = own(4).batch(16, 0, 0), own(4).batch(16, 0, 16)
    assert torch.equal(drawn.noise, again.noise)
    assert not torch.equal(drawn.noise, other.noise)


def test_a_window_shows_tissue_and_is_a_part_of_the_image_turned():
    stream = np.random.default_rng(0)
    pixels = np.full((3, 40, 60), 245, np.uint8)
    assert own(0).window(pixels, stream) is None
    pixels[0] = np.arange(2400).reshape(40, 60) % 200  # each place differs from those near it
    found = own(0).window(pixels, stream)[0].numpy()
    turns = [np.rot90(side, k) for side in (found, found[::-1]) for k in range(4)]
    parts = np.lib.stride_tricks.sliding_window_view(pixels[0], (8, 8)).reshape(-1, 8, 8)
    assert any((parts == turned).all((1, 2)).any() for turned in turns)


def test_a_slide_is_painted_by_the_student_and_each_time_another(tmp_path):
    teacher = load_denoiser(styled_model(tmp_path), half=False)
    found = OwnSlides(STYLES, 16, kept=64)
    found.paint(teacher, teacher.student, seed=0)
    kept = found.mpp.isfinite()
    assert kept.any()
    assert set(found.case[kept].tolist()) == {STYLES.case(SLIDES)}
    assert (found.mpp[kept] <= STUDENT.teacher_above).all()
    first = found.guides[-1].clone()
    found.paint(teacher, teacher.student, seed=0)
    assert not torch.equal(found.guides[-1], first)
    assert int(found.painted) == 2


def test_what_a_guide_shows_is_what_the_stage_before_ended_with(tmp_path, monkeypatch):
    """The mean of what is kept is that of the painted stages' own pixels."""
    teacher, seen = load_denoiser(styled_model(tmp_path), half=False), []
    found = OwnSlides(STYLES, 16, kept=64)

    def whole(self, pixels, stream):
        seen.append(pixels)
        return torch.from_numpy(pixels[:, :16, :16].copy())

    monkeypatch.setattr(OwnSlides, "window", whole)
    found.paint(teacher, teacher.student, seed=1)
    for n, pixels in enumerate(reversed(seen)):
        assert (found.guides[-1 - n].numpy() == pixels[:, :16, :16]).all()
        shown = own_slides.OPERATOR.enlarged(found.guides[-1 - n][None].float())
        torch.testing.assert_close(
            AveragePool()(shown).mean(), found.guides[-1 - n].float().mean(), rtol=0.05, atol=1.0
        )


def test_the_verb_learns_from_slides_and_keeps_its_styles(tmp_path):
    model, folder = styled_model(tmp_path), tmp_path / "run"
    words = f"{folder} --cohort phantom --minutes 0.001"
    for more in (f" --teacher {model} --from-student --way slides", " --resume"):
        result = CliRunner().invoke(distil_verb, (words + more).split(), catch_exceptions=False)
        assert result.exit_code == 0, result.output
    student = folder / "a-student.safetensors"
    assert int(read_header(student)["images_seen"]) > 1
    learnt, found = of_phantoms(), load_denoiser(folder / "a.safetensors")
    torch.testing.assert_close(found.student.styles.codes, learnt.of_slides().codes.half().float())
    kept = learnt_styles(read_learnt(found, "slides"), "a")
    assert kept.names == learnt.names
    assert all(torch.equal(kept.tensors[name], value) for name, value in learnt.tensors().items())


def test_styles_of_other_slides_than_the_student_learnt_are_refused(tmp_path):
    model = styled_model(tmp_path, styles_of_cases(["a", "b"]))
    words = f"{tmp_path / 'run'} --cohort phantom --teacher {model} --from-student --way slides"
    assert "resume with the run's own cohort" in refused(distil_verb, words)
    assert not (tmp_path / "run").exists()


def test_a_student_that_does_not_say_how_blue_its_cases_are_is_not_gone_on_with(tmp_path):
    found = of_phantoms()
    old = OfCases(found.names, {k: v for k, v in found.tensors().items() if k != "blue"})
    model = save_model(
        tmp_path / "a.safetensors", told=True, student=True, styles=found.of_slides(), of_cases=old
    )
    words = f"{tmp_path / 'run'} --cohort phantom --teacher {model} --from-student --way slides"
    assert "does not keep the styles of its cases" in refused(distil_verb, words)


def test_the_crowd_knows_real_tissue_and_what_the_student_made_of_its_slides(tmp_path):
    teacher, drawer, config = phantoms(tmp_path)
    run = Distiller(config, teacher, drawer)
    step = next(run.run())
    assert step.images_seen == config.batch_size
    crowd = run.critics.crowd
    assert int(crowd.made_scale.isfinite().sum()) == config.batch_size / 2
    there = crowd.real_scale.isfinite()
    assert there.any()
    assert crowd.real_style[there].any()


def test_what_takes_minutes_before_the_first_step_is_watched(tmp_path):
    teacher, drawer, config = phantoms(tmp_path)
    counted = {}

    def watch(steps, what):
        counted[what] = 0
        for step in steps:
            counted[what] += 1
            yield step

    steps = Distiller(config, teacher, drawer, watch=watch).run()
    next(steps), next(steps)
    assert counted == {"looking at tissue": 2, "painting slides": config.slides}


def test_half_of_a_batch_is_real_and_told_the_style_of_its_case(tmp_path):
    teacher, drawer, config = phantoms(tmp_path)
    run = Distiller(config, teacher, drawer)
    with Crew() as crew:
        pieces = run.real_pieces(0, config.batch_size // 2, crew)
    assert sum(len(share) for _, share, _ in pieces) == config.batch_size / 2
    for way, share, seen in pieces:
        assert way is LOSSES["styled"]
        assert len(seen[0]) == len(share) / 4  # fields


def test_a_student_without_styles_is_told_to_learn_them_first(tmp_path):
    model = save_model(tmp_path / "a.safetensors", told=True, student=True)
    words = f"{tmp_path / 'run'} --cohort phantom --teacher {model} --from-student --way slides"
    assert "--way styled" in refused(distil_verb, words)
    assert not (tmp_path / "run").exists()
