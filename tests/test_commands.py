"""Every command that README, book, guide, model cards and --help tell people to give does what it says."""

import csv
import re
import shlex
import shutil
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import click
import pytest
from command_kit import EXAMPLES, ROOT, TEXTS, commands_of, examples, smoke, verbs
from lab_kit import save_model
from PIL import Image

from wsigen.cli.main import wsigen
from wsigen.cohorts.drawn import write_phantom_cohort
from wsigen.experiments.catalogue import find_experiment
from wsigen.experiments.lab import Lab
from wsigen.experiments.result import Result
from wsigen.experiments.run import Done, run
from wsigen.models import shipped_models
from wsigen.networks.styles import plain
from wsigen.phantom.slide import PhantomSlide
from wsigen.slides import write_pyramid
from wsigen.study.design import KEY, RATINGS, load_study, read_key
from wsigen.study.sheet import create_sheet
from wsigen.study.simulate import sit_study
from wsigen.study.store import Store
from wsigen.training.styles import CaseStyles

MAKEFILE = (ROOT / "Makefile").read_text("utf-8")
PROJECT = (ROOT / "pyproject.toml").read_text("utf-8")
MADE = (  # verbs, and which word after them names what they make
    (["generate"], 1), (["phantom"], 1), (["train"], 1), (["distil"], 1), (["zoom"], 1), (["study", "create"], 2),
    (["study", "sheet"], 2),
    (["convert"], 2), (["pack"], 2), (["cohort", "hold-out"], 3),
)  # fmt: skip
MADE_OPTIONS = ("--png", "--sheet", "--key")
STUDY_PARTS = (
    "invite",
    "revoke",
    "readers",
    "serve",
    "export",
    "report",
)  # `wsigen study` has theirs
OTHER = [["source", ".venv/bin/activate"]]
VERBS = dict(verbs())
FAR = (
    "tcga-brca",
    "her2st",
)  # `wsigen cohort` fetches these from elsewhere; tests/test_cohort_download.py does so


def after_wsigen(words: list[str]) -> list[str] | None:
    """The words after ``wsigen``, also under torchrun; None of another command."""
    if words[0] == "torchrun":
        words = words[words.index("wsigen") :]
    return words[1:] if words[0] == "wsigen" else None


def wsigen_of(text: str) -> list[list[str]]:
    """Our commands of a text, each as the words after ``wsigen``."""
    found = (
        after_wsigen(shlex.split(line)) for line in commands_of((ROOT / text).read_text("utf-8"))
    )
    return [words for words in found if words is not None]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What our texts take for granted: a reader's own slides, images and cohorts, and what a download left."""
    folder = tmp_path_factory.mktemp("desk")
    write_phantom_cohort(folder / "phantoms", slides=3, size=192, mpp=1.0)
    for name in ("slides", "slides/tcga", "slides/her2st", "tcga"):
        shutil.copytree(folder / "phantoms", folder / name)
    table = folder / "slides" / "tcga" / "cohort.csv"
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    cases = ("TCGA-A1-A0SB", "TCGA-A1-A0SD", "TCGA-A1-A0SE")
    with table.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(
            {**row, "case": case, "split": "train"} for row, case in zip(rows, cases, strict=True)
        )
    with (folder / "judge.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("path", "case", "mpp", "split"))
        for number, split in enumerate(("train", "train", "heldout")):
            path = folder / "slides" / f"phantom_{number:03d}.tiff"
            writer.writerow((path, f"phantom_{number:03d}", 1.0, split))
    for number in range(3):
        pixels = PhantomSlide(number, height=192, width=192, mpp=1.0).render(0, 0, 192, 192)
        synthetic = {"SYNTHETIC": True, "generator": "wsigen"}
        for name, about in (("scans", None), ("generated", synthetic)):
            (folder / name).mkdir(exist_ok=True)
            write_pyramid(folder / name / f"{number}.tiff", pixels, 1.0, description=about)
    for name in ("slide.tif", "real.tiff", "synthetic.tiff", "generated.tiff", "demo.tiff"):
        write_pyramid(
            folder / name, pixels, 1.0, description={"name": name}
        )  # each a slide of its own
    (folder / "slide.tif").rename(folder / "slide.svs")
    (folder / "demo").mkdir()
    (folder / "demo.tiff").rename(folder / "demo" / "slide.tiff")
    for name in ("first", "judged"):
        (folder / "runs" / name).mkdir(parents=True)
        save_model(folder / "runs" / name / "model.safetensors")
    for name in ("region.png", "scan.tif"):
        Image.fromarray(pixels).save(folder / name)
    slides = [folder / "generated.tiff"]
    list(create_sheet(folder / "reading", slides, real=folder / "scans", n=2, crop_px=16))
    return folder


@pytest.fixture
def reader(
    desk: Path,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> Path:
    """A folder in which commands are given: with links to the desk, an untrained model for every name, no server."""
    tiny = tmp_path_factory.getbasetemp() / "tiny.safetensors"
    model = save_model(tiny, told=True, student=True, styles=plain())
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for module in ("distil_run", "checkpoint"):  # the first has it by name
        found = f"wsigen.training.{module}.find_model"
        monkeypatch.setattr(found, lambda name: Path(name) if Path(name).is_file() else model)
    monkeypatch.setattr("wsigen.cohorts.drawn.cached_phantoms", lambda: desk / "phantoms")
    monkeypatch.setattr("wsigen.training.styles.OF_SLIDES", (1.0, 1.0))  # what so small slides show
    few = CaseStyles.of
    monkeypatch.setattr(CaseStyles, "of", lambda drawer, seen, *_: few(drawer, seen, 640))
    monkeypatch.setattr("wsigen.training.distil_run.learnt_styles", lambda *_: None)
    monkeypatch.setattr("wsigen.training.own_slides.MM", (0.3, 0.2))
    monkeypatch.setattr("wsigen.training.distil.LOOKED_AT", 32)
    monkeypatch.setattr("wsigen.study.serve.run_server", lambda app, *_, **__: app)
    monkeypatch.setattr("wsigen.experiments.run.run", read_experiment)
    return folder


def read_experiment(name: str, profile: str, lab: Lab, **options: Any) -> Iterator[Done]:
    """In place of `run`: an experiment has a test of its own, so only its name and profile are read here."""
    if profile == "evaluate":  # what `wsigen evaluate` is
        return (yield from run(name, profile, lab, **options))
    find_experiment(name).config(profile)  # raises where there is none
    return Result(name, profile, {}, [], [], Path(name))


def give(words: list[str], desk: Path) -> None:
    """Give one command, small; what it reads is taken from the desk where no command before has made it."""
    words = smoke(words)
    if words[:2] in ([["cohort", name] for name in FAR]):
        command = wsigen.get_command(click.Context(wsigen), "cohort")
        assert isinstance(command, click.Group)
        command.make_context("cohort", words[1:])
        return
    made = {words[place] for verb, place in MADE if words[: len(verb)] == verb}
    if "--choose" in words:
        made = {str(Path(path).with_suffix(".choices.png")) for path in made}
    made |= {value for option, value in pairwise(words) if option in MADE_OPTIONS}
    for word in {*words} - made - {"phantom", "sample"}:
        here = Path(word)
        if here.is_absolute() or here.exists() or not (desk / here).exists():
            continue
        here.parent.mkdir(parents=True, exist_ok=True)
        inside = (desk / here).is_file() and here.parent != Path()
        for origin in (desk / here).parent.iterdir() if inside else [desk / here]:
            if not (here.parent / origin.name).exists():  # a table comes with what lies beside it
                (here.parent / origin.name).symlink_to(origin)
    if words[:2] == ["study", "report"]:
        rate_all(Path(words[2]))
    if words[:2] == ["study", "read"]:
        score_all(Path(words[2]), [Path(word) for word in words[3:]])
    status = wsigen.main(words, prog_name="wsigen", standalone_mode=False)
    assert not status, f"wsigen {shlex.join(words)} ended with {status}"
    for path in made:
        assert Path(path).exists(), f"wsigen {shlex.join(words)} did not make {path}"


def rate_all(folder: Path) -> None:
    """Every reader of a study sits it."""
    study, store = load_study(folder), Store(folder / RATINGS)
    for number, name, _ in store.readers():
        sit_study(
            study, store, name, {slide: number + 9 * i for i, slide in enumerate(study.slides)}
        )


def score_all(folder: Path, tables: list[Path]) -> None:
    """Every reader of a sheet scores it."""
    numbers = read_key(folder / KEY, "number")
    for path in tables:
        path.write_text("number,score\n" + "".join(f"{number},50\n" for number in numbers))


@pytest.mark.parametrize("text", [text for text in TEXTS if wsigen_of(text)])
def test_the_commands_of_a_text_run_one_after_the_other(
    text: str, reader: Path, desk: Path, tmp_path: Path
) -> None:
    nothing = tmp_path / "nothing"  # a teacher has what the guide has made, and the demo
    if text == "book/instructor.md":
        (nothing / "demo").mkdir(parents=True)
        (nothing / "demo" / "slide.tiff").symlink_to(desk / "demo" / "slide.tiff")
        desk = nothing
    for words in wsigen_of(text):
        if shlex.join(["wsigen", *words]) not in VERBS:  # a text that only names a verb
            give(words, desk)


@pytest.mark.parametrize(("name", "text"), [(n, t) for n, t in VERBS.items() if examples(t)])
def test_the_examples_of_a_help_run_one_after_the_other(
    name: str, text: str, reader: Path, desk: Path
) -> None:
    for line in examples(text):
        give(after_wsigen(shlex.split(line)), desk)


def test_every_model_that_an_example_names_ships() -> None:
    lines = [line for text in VERBS.values() for line in examples(text)]
    lines += [line for text in TEXTS for line in commands_of((ROOT / text).read_text("utf-8"))]
    named = {
        value
        for line in lines
        for option, value in pairwise(shlex.split(line))
        if option in ("--model", "--teacher", "--start-from")
    }
    assert {name for name in named - set(EXAMPLES) if not Path(name).suffix} <= {*shipped_models()}


def test_every_verb_has_examples() -> None:
    without = {name for name, text in VERBS.items() if not examples(text)}
    assert without <= {f"wsigen study {part}" for part in STUDY_PARTS}, without


def test_every_other_command_of_a_text_names_what_there_is() -> None:
    for text in TEXTS:
        for command in commands_of((ROOT / text).read_text("utf-8")):
            words = shlex.split(command)
            if after_wsigen(words) is None:
                assert is_known(words), f"{text}: {command}"


def is_known(words: list[str]) -> bool:
    """Whether a command that is not ours names targets, notebooks, extras and files that exist."""
    program, *rest = words
    if program == "make":
        names = [word for word in rest if "=" not in word]
        variables = [word.partition("=")[0] for word in rest if "=" in word]
        return all(re.search(rf"^{name}:", MAKEFILE, re.M) for name in names) and all(
            re.search(rf"^{name} \?=", MAKEFILE, re.M) for name in variables
        )
    if program == "papermill":
        notebook = ROOT / Path(rest[0]).with_suffix(".py")
        given = [rest[place + 1] for place, word in enumerate(rest) if word == "-p"]
        return all(re.search(rf"^{name}: ", notebook.read_text("utf-8"), re.M) for name in given)
    if program.endswith("pip"):
        extras = re.findall(r"\.\[([\w,]+)\]", " ".join(rest))
        return all(f"\n{extra} = [" in PROJECT for found in extras for extra in found.split(","))
    if program == "python":
        return (ROOT / rest[0]).is_file()
    return words in OTHER
