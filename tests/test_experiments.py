"""Experiments: what was measured is not measured again, what decides a cell is, and mistakes are told in one line."""

import json
import re
import subprocess
import sys
from dataclasses import asdict, dataclass, replace
from itertools import islice

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from lab_kit import save_model
from PIL import Image
from server_kit import PATIENCE_S

from wsigen.cli.experiment import changed
from wsigen.cli.experiment import experiment as experiment_verb
from wsigen.coarse_to_fine import drain
from wsigen.cohorts.pack import write_pack
from wsigen.cohorts.patches import Source, overlap
from wsigen.errors import WsigenError
from wsigen.experiments import best_student, sections
from wsigen.experiments import run as runner
from wsigen.experiments.catalogue import CATALOGUE, PROFILE_NAMES, Experiment
from wsigen.experiments.lab import Lab
from wsigen.experiments.places import PlacedPatches
from wsigen.experiments.result import Row, as_markdown, load_result, plain, sheet
from wsigen.experiments.run import run, saved_or_run
from wsigen.plan import PLANS
from wsigen.slides.reader import ImageSlide
from wsigen.slides.tissue import Tissue

measured: list[str] = []


@dataclass(frozen=True)
class Config:
    powers: tuple[int, ...] = (1, 2, 3)
    base: int = 2


PROFILES = {"smoke": Config()}


def cells(config):
    return [{"power": power} for power in config.powers]


def measure(cell, config, lab):
    measured.append(cell["power"])
    pixels = np.full((2, 3, 3), cell["power"], np.uint8)
    return Row({"value": config.base ** cell["power"]}, {f"grey_{cell['power']}": pixels})


@pytest.fixture(autouse=True)
def powers(monkeypatch):
    """This file is an experiment, too: the runner finds it by the name "powers"."""
    this = sys.modules[__name__]
    measured.clear()

    class Powers(Experiment):
        def module(self):
            return this

    entry = Powers("powers", "powers", "none", "", "", "")
    real = runner.find_experiment
    monkeypatch.setattr(
        runner, "find_experiment", lambda name: entry if name == "powers" else real(name)
    )


def test_a_run_that_was_stopped_goes_on_where_it_was(lab, tmp_path):
    first = list(islice(run("powers", "smoke", lab), 2))
    assert [(done.number, done.cells, done.known) for done in first] == [(1, 3, 0), (2, 3, 0)]
    result = drain(run("powers", "smoke", lab, out=tmp_path))
    assert measured == [1, 2, 3]
    assert [(row["power"], row["value"]) for row in result.rows] == [(1, 2), (2, 4), (3, 8)]
    assert (
        np.abs(result.image("grey_1").astype(int) - 1).max() <= 1
    )  # a picture of the first, stopped run
    assert len(result.info) == 2 or result.info[0]["started"] == result.info[-1]["started"]


def test_a_saved_result_is_taken_where_its_parameters_are_those_asked_for(
    lab, tmp_path, monkeypatch
):
    monkeypatch.setattr("wsigen.experiments.result.results_folder", lambda: tmp_path)
    drain(run("powers", "smoke", lab, out=tmp_path))
    lab.cache = tmp_path / "elsewhere"  # no cell is known there
    assert saved_or_run("powers", "smoke", lab).column("value") == [2, 4, 8]
    file = tmp_path / "smoke" / "powers.json"
    text = file.read_text()
    file.write_text(text.replace('"base": 2,', "").replace(',\n   "base": 2', ""))
    assert "base" not in json.loads(file.read_text())["parameters"]["config"]
    assert saved_or_run("powers", "smoke", lab).column("value") == [2, 4, 8]  # its default
    assert measured == [1, 2, 3]
    other = saved_or_run("powers", "smoke", lab, config=Config(base=3))
    assert other.column("value") == [3, 9, 27]
    file.write_text(text.replace('"seed": 0', '"seed": 1'))
    assert saved_or_run("powers", "smoke", lab).column("value") == [2, 4, 8]
    assert measured == 3 * [1, 2, 3]


def test_a_saved_result_is_read_as_it_was(lab, tmp_path):
    result = drain(run("powers", "smoke", lab, out=tmp_path))
    again = load_result("powers", "smoke", tmp_path)
    assert again == result
    assert again.column("value") == [2, 4, 8]
    text = (tmp_path / "smoke" / "powers.json").read_text()
    assert str(tmp_path) not in text  # no folder of this machine
    assert json.loads(text)["info"][0]["arguments"]["model"] == "model.safetensors"


@pytest.mark.parametrize(
    "change", ["config", "seed", "model", "cohort", "extractor", "plan", "fresh"]
)
def test_what_decides_a_cell_makes_it_anew(change, lab, small_world, tmp_path, monkeypatch):
    drain(run("powers", "smoke", lab))
    config, fresh = Config(), change == "fresh"
    other = {"cohort": lab.cohort, "model": lab.model, "seed": 0, "cache": lab.cache}
    if change == "config":
        config = replace(config, base=3)
    elif change == "seed":
        other["seed"] = 1
    elif change == "model":  # of the same name
        other["model"] = save_model(tmp_path / "model.safetensors", seed=1)
    elif change == "extractor":
        other["extractor"] = "vgg16"
    elif change == "plan":  # of the same name
        monkeypatch.setitem(PLANS, "fast", replace(PLANS["fast"], num_steps=11))
    elif change == "cohort":
        table = small_world / "slides" / "cohort.csv"
        (tmp_path / "cohort.csv").write_text(
            table.read_text().replace("phantom_000.tiff", f"{table.parent}/phantom_000.tiff")
        )
        for name in ("phantom_001.tiff", "phantom_002.tiff"):
            (tmp_path / name).symlink_to(table.parent / name)
        lines = (tmp_path / "cohort.csv").read_text().splitlines()
        (tmp_path / "cohort.csv").write_text("\n".join(lines[:-1]) + "\n")
        other["cohort"] = tmp_path
    drain(run("powers", "smoke", Lab(**other), config=config, fresh=fresh))
    assert len(measured) == 6


def test_a_damaged_cell_is_measured_again(lab):
    drain(run("powers", "smoke", lab))
    for file in lab.cache.rglob("row.json"):
        file.write_text("{")
    drain(run("powers", "smoke", lab))
    assert len(measured) == 6


def test_numbers_become_json_and_what_is_no_number_null():
    value = {"a": np.float32(0.5), "b": [np.nan, np.inf], 3: np.arange(2)}
    assert plain(value) == {"a": 0.5, "b": [None, None], "3": [0, 1]}


def test_a_sheet_has_its_patches_in_reading_order():
    patches = np.arange(6, dtype=np.uint8)[:, None, None, None] + np.zeros((2, 2, 3), np.uint8)
    np.testing.assert_array_equal(sheet(patches, 3)[::2, ::2, 0], [[0, 1, 2], [3, 4, 5]])


@pytest.mark.parametrize("experiment", CATALOGUE, ids=lambda experiment: experiment.name)
def test_every_experiment_of_the_catalogue_has_its_three_profiles(experiment):
    module = experiment.module()
    assert set(PROFILE_NAMES) <= set(module.PROFILES)
    assert module.__doc__
    for profile in PROFILE_NAMES:
        table = module.cells(module.PROFILES[profile])
        assert table
        assert len({json.dumps(plain(cell)) for cell in table}) == len(table)


def test_generated_patches_are_the_same_in_smaller_and_larger_draws(lab, monkeypatch):
    monkeypatch.setattr("wsigen.experiments.lab.CHUNK", 4)
    many = lab.generated_patches(8, 2.0, num_steps=2)
    calls = []
    monkeypatch.setattr("wsigen.experiments.lab.sample", lambda *a, **k: calls.append(a))
    few = lab.generated_patches(4, 2.0, num_steps=2)
    assert not calls  # kept
    np.testing.assert_array_equal(few, many[:4])
    assert many.shape == (8, 32, 32, 3)
    assert len(np.unique(many.reshape(8, -1), axis=0)) == 8


def test_what_other_code_has_kept_is_made_anew(lab, monkeypatch):
    old = lab.generated_patches(2, 2.0, num_steps=2)
    monkeypatch.setattr("wsigen.experiments.lab.sample", lambda *a, **k: torch.zeros(2, 3, 32, 32))
    np.testing.assert_array_equal(lab.generated_patches(2, 2.0, num_steps=2), old)
    monkeypatch.setattr("wsigen.experiments.lab.code_sha256", lambda: "of other code")
    assert len(np.unique(lab.generated_patches(2, 2.0, num_steps=2))) == 1


def test_real_patches_are_of_their_split_and_two_streams_differ(lab):
    drawn = lab.draw(10, 2.0, "test")
    assert set(drawn.cases) == {e.case for e in lab.entries if e.split == "test"}
    assert drawn.pixels.shape == (10, 32, 32, 3)
    np.testing.assert_array_equal(drawn.pixels, lab.real_patches(10, 2.0, "test"))
    assert (drawn.pixels != lab.real_patches(10, 2.0, "test", "other")).any()
    assert lab.held_out == "test"


def test_a_pack_is_the_cohort_it_was_packed_from(lab, small_world, tmp_path):
    for _ in write_pack(lab.entries, tmp_path / "cohort.pack"):
        pass
    packed = Lab(tmp_path / "cohort.pack", lab.model, cache=lab.cache)
    for scale, split in ((1.5, "train"), (3.0, "test")):
        np.testing.assert_array_equal(
            packed.real_patches(6, scale, split), lab.real_patches(6, scale, split)
        )
    one, other = packed.described(), lab.described()
    for named in ("cohort", "cohort_sha256"):  # a pack names no file and no case
        assert one.pop(named) != other.pop(named)
    assert one == other


def test_real_patches_overlap_less_than_patches_drawn_by_chance(lab):
    def mean_overlap(candidates, monkeypatch):
        monkeypatch.setattr("wsigen.experiments.places.CANDIDATES", candidates)
        return lab.draw(40, 2.0, "train").overlap.mean()

    with pytest.MonkeyPatch.context() as patch:
        assert mean_overlap(12, patch) < 0.5 * mean_overlap(1, patch)


def test_the_mixture_has_as_many_patches_in_each_octave(lab):
    mpp = lab.draw(30, (1.0, 8.0)).mpp
    assert np.histogram(np.log2(mpp), bins=[0, 1, 2, 3])[0].tolist() == [10, 10, 10]


def test_a_mixture_takes_no_slide_at_a_scale_it_does_not_show():
    pixels = np.random.default_rng(0).integers(60, 200, (400, 400, 3), np.uint8)
    sources = [
        Source(
            ImageSlide(Image.fromarray(pixels), mpp),
            Tissue.of(np.ones((40, 40), bool), 10 * mpp, None),
            f"{mpp:g}",
        )
        for mpp in (1.0, 5.0)
    ]
    drawn = PlacedPatches(sources, 32).draw(60, (1.0, 12.0), np.random.default_rng(1))
    assert set(drawn.cases[drawn.mpp < 4.9]) == {"1"}
    assert set(drawn.cases) == {"1", "5"}


def test_overlap_is_the_shared_area():
    assert overlap((0.0, 0.0, 1.0), [(16.0, 16.0, 1.0)], 32) == pytest.approx(0.25)
    assert overlap((0.0, 0.0, 1.0), [(32.0, 0.0, 1.0)], 32) == 0
    assert overlap((0.0, 0.0, 1.0), [(0.0, 0.0, 4.0)], 32) == 0  # another scale, another picture
    assert overlap((0.0, 0.0, 1.0), [], 32) == 0


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda lab: next(run("nothing", "smoke", lab)), "expected one of"),
        (lambda lab: next(run("powers", "huge", lab)), "no profile 'huge'"),
        (lambda lab: lab.real_patches(4, 0.3), "no slide shows 0.3 um/px"),
        (lambda lab: lab.real_patches(4, 2.0, "heldout"), "no split 'heldout'"),
        (lambda lab: lab.generated_patches(4, 60.0), "outside the model's range"),
        (lambda lab: Lab(extractor="resnet").extractor, "inception-v3"),
        (lambda lab: load_result("powers", "smoke", lab.cache), "wsigen experiment powers"),
    ],
)
def test_mistakes_are_told(call, told, lab):
    with pytest.raises(WsigenError, match=told):
        call(lab)


def test_an_unknown_experiment_is_a_mistake_and_the_list_is_none():
    def wsigen(*words):
        command = [sys.executable, "-m", "wsigen", "experiment", *words]
        return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S)

    unknown, listed = wsigen("sorcery"), wsigen("--list")
    assert unknown.returncode == 2
    assert "sorcery" in unknown.stderr
    assert "solvers" in unknown.stderr
    assert listed.returncode == 0
    assert "Fig. 5" in listed.stdout
    assert re.search(r"smoke \d+ s; classroom \d+ min; paper", listed.stdout)


def test_a_parameter_is_set_and_what_makes_no_sense_is_told():
    before = sections.Config()
    words = ("sections=8", "width_mm=4", "levels=[0,3]", 'plans=["told"]')
    expected = replace(before, sections=8, width_mm=4.0, levels=(0, 3), plans=("told",))
    assert changed(before, words) == expected
    for wrong in ("sections=8.5", "sections=many", "levels=3", "sections"):
        with pytest.raises(WsigenError, match="JSON of the kind"):
            changed(before, (wrong,))
    with pytest.raises(WsigenError, match="no parameter 'slides'"):
        changed(before, ("slides=3",))
    for wrong in ("sections=0", "sections=-1"):
        with pytest.raises(WsigenError, match=f"--set {wrong}: expected 1 or more"):
            changed(before, (wrong,))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--set", "fields=2"), "name it: --as"),
        (("--set", "fields=2", "--as", "null_seams"), "name it: --as"),
        (("--as", "../mine"), "expected a name"),
    ],
)
def test_a_result_of_other_parameters_does_not_pass_for_the_profiles(words, told, tmp_path):
    result = CliRunner().invoke(experiment_verb, ["null_seams", "--out", str(tmp_path), *words])
    assert isinstance(result.exception, WsigenError)
    assert told in str(result.exception)
    assert not list(tmp_path.iterdir())


def test_a_result_is_saved_under_the_name_it_was_given(tmp_path):
    field, value = next(iter(asdict(best_student.PROFILES["smoke"]).items()))
    words = ["best_student", "--out", str(tmp_path), "--as", "mine", "--cohort", "phantom"]
    words += ["--set", f"{field}={json.dumps(value)}"]
    result = CliRunner().invoke(experiment_verb, words, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert load_result("mine", "smoke", tmp_path).experiment == "best_student"


def test_solvers_rank_points_on_the_same_patches(lab, tmp_path):
    module = next(e for e in CATALOGUE if e.name == "solvers").module()
    config = replace(module.PROFILES["smoke"], samples=8, steps=(2,))
    result = drain(run("solvers", "smoke", lab, config=config, out=tmp_path))
    assert [row["evaluations"] for row in result.rows] == [None, *(
        row["evaluations"] for row in module.cells(config)[1:]
    )]  # fmt: skip
    real, *made = result.rows
    assert real["kid"] < min(row["kid"] for row in made)
    assert result.image("heun_2").shape == (32, 8 * 32, 3)


def test_a_table_names_its_columns_as_one_would_say_them() -> None:
    rows = [{"num_steps": 8, "kid": 0.1, "kid_low": 0.05, "kid_high": 0.2, "images_seen": None}]
    assert as_markdown(rows, ("num_steps", "kid", "images_seen")).splitlines() == [
        "| N | KID | images seen |",
        "|---|---|---|",
        "| 8 | 0.1 (0.05 to 0.2) | – |",
    ]
