import hashlib
import json

import numpy as np
import pytest
from click.testing import CliRunner
from cohort_kit import CONTENT, section, sections, serving
from PIL import Image

from wsigen.cli.main import wsigen
from wsigen.cohorts import drawn as phantoms
from wsigen.cohorts.cohort import read_cohort
from wsigen.errors import WsigenError


def run(*words, code=0, **options):
    result = CliRunner().invoke(wsigen, [str(word) for word in words], **options)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output
    return result.output


@pytest.fixture
def archive():
    with serving() as archive:
        yield archive


@pytest.fixture
def folder(tmp_path):
    Image.fromarray(section(300, 0)).save(tmp_path / "good.png")
    Image.fromarray(np.full((200, 200, 3), 240, np.uint8)).save(tmp_path / "empty.png")
    (tmp_path / "broken.svs").write_bytes(b"not a slide")
    return tmp_path


def test_check_lists_what_is_usable_and_why_the_rest_is_not(folder):
    rows = ["good.png,p1,0.5,train", "empty.png,p2,0.5,train", "broken.svs,p3,0.5,train"]
    rows += [
        "gone.svs,p4,0.5,train",
        "good.png,p5,,train",
        "good.png,p1,0.5,test",
        "good.png,p6,x,test",
    ]
    (folder / "cohort.csv").write_text("\n".join(["path,case,mpp,split", *rows]))
    found = json.loads(run("cohort", "check", folder, "--json"))
    assert (found["slides"], found["usable"], found["cases"]) == (7, 1, 1)
    good, *bad = found["findings"]
    assert (good["mpp"], good["height"], good["width"], good["usable"]) == (0.5, 300, 300, True)
    area = np.pi * (0.18 * 300 * 0.5) ** 2 / 1e6
    assert good["tissue_mm2"] == pytest.approx(area, rel=0.2)
    reasons = [finding["reason"] for finding in bad]
    for reason, expected in zip(
        reasons,
        (
            "no tissue found",
            "cannot be read as a slide",
            "no file 'gone.svs' beside it",
            "give it with --mpp, or in the mpp column",
            "case 'p1' is in two splits",
            "mpp is 'x'",
        ),
        strict=True,
    ):
        assert expected in reason
    table = run("cohort", "check", folder / "cohort.csv")
    assert "1 of 7 usable: 1 cases" in table
    assert "\n    no tissue found" in table


def test_check_of_a_folder_passes_over_what_is_plainly_no_slide(folder):
    (folder / "README.md").write_text("words")
    found = json.loads(run("cohort", "check", folder, "--json", code=1))
    assert [finding["case"] for finding in found["findings"]] == ["broken", "empty", "good"]
    assert "mpp" in found["findings"][2]["reason"]
    with pytest.raises(WsigenError, match="no such cohort"):
        run("cohort", "check", folder / "nowhere")


def test_a_pack_is_written_and_looked_through(folder):
    (folder / "cohort.csv").write_text("path,case,mpp,split\ngood.png,p1,0.5,train\n")
    out = folder / "one.pack"
    assert f"{out}: 1 slides in" in run("pack", folder / "cohort.csv", out)
    found = json.loads(run("cohort", "check", out, "--json"))
    assert (found["usable"], found["findings"][0]["case"]) == (1, "case-001")
    with pytest.raises(WsigenError, match="use --overwrite"):
        run("pack", folder / "cohort.csv", out)
    run("pack", folder / "cohort.csv", out, "--overwrite")


def test_a_pack_replaces_no_file_of_its_cohort_and_is_named_as_one(folder):
    (folder / "odd.pack").write_bytes((folder / "good.png").read_bytes())
    rows = ["good.png,p1,0.5,train", "odd.pack,p2,0.5,train"]
    (folder / "cohort.csv").write_text("\n".join(["path,case,mpp,split", *rows]))
    before = {path: path.read_bytes() for path in folder.iterdir()}
    for name, words in (
        ("good.png", r"name it good\.pack"),
        ("cohort.csv", r"name it cohort\.pack"),
        ("new.tiff", r"name it new\.pack"),
        ("odd.pack", "is a file of the cohort"),
    ):
        with pytest.raises(WsigenError, match=words):
            run("pack", folder, folder / name, "--exclude", "p2", "--overwrite")
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_tcga_brca_says_how_much_asks_and_writes_a_table(archive, tmp_path):
    words = ("cohort", "tcga-brca", tmp_path / "tcga", "--limit", 3, "--api", archive.url)
    told = run(*words, code=1, input="n\n")
    assert "3 files, 1.54 MB; to fetch" in told
    assert not (tmp_path / "tcga").exists()
    assert "lists 3 slides of 1 patients" in run(*words, input="y\n")
    assert "0 files, 0 B" in run(*words)  # nothing to ask for
    more = run(
        "cohort", "tcga-brca", tmp_path / "tcga", "--limit", 5, "--yes", "--api", archive.url
    )
    assert "2 files, 1.02 MB" in more
    entries = read_cohort(tmp_path / "tcga")
    assert len(entries) == 5
    assert all(entry.mpp is None and entry.case.startswith("TCGA-") for entry in entries)
    assert entries[0].path.read_bytes() in {CONTENT[n:] for n in range(7)}


def test_her2st_comes_with_patients_and_scales(archive, tmp_path):
    archive.zip = sections(["images/HE/B1.jpg", "images/HE/C1.jpg"])
    run("cohort", "her2st", tmp_path, "--yes", "--api", archive.url)
    cases = {entry.case: (entry.split, entry.mpp) for entry in read_cohort(tmp_path)}
    assert cases == {"her2st-B": ("test", 0.686), "her2st-C": ("train", 0.686)}


def test_phantoms_are_drawn_once(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    drawn = phantoms.cached_phantoms(2, size=256)
    tiff = hashlib.sha256((drawn / "phantom_000.tiff").read_bytes()).hexdigest()
    monkeypatch.setattr(phantoms, "write_phantom_cohort", None)
    assert phantoms.cached_phantoms(2, size=256) == drawn
    assert hashlib.sha256((drawn / "phantom_000.tiff").read_bytes()).hexdigest() == tiff
    assert [path.name for path in (tmp_path / "wsigen").iterdir()] == [drawn.name]
    monkeypatch.setattr(phantoms, "cached_phantoms", lambda: drawn)
    assert [entry.cohort for entry in read_cohort("phantom")] == ["phantom"] * 2


def test_patients_are_held_out_by_case_or_by_path_and_their_slides_stay_where_they_are(folder):
    rows = ["good.png,p1,0.5,train", "empty.png,p1,0.5,train", "broken.svs,p2,0.5,train"]
    (folder / "cohort.csv").write_text("\n".join(["path,case,mpp,split", *rows]))
    target = folder / "elsewhere" / "judge.csv"
    output = run("cohort", "hold-out", folder, target, "--case", "p2", "--case", "empty.png")
    assert "2 heldout, 1 train" in output
    found = {e.path.resolve().name: (e.case, e.split) for e in read_cohort(target)}
    assert found == {
        "good.png": ("p1", "train"),
        "empty.png": ("p1-empty", "heldout"),
        "broken.svs": ("p2", "heldout"),
    }
    with pytest.raises(WsigenError, match="no case or path 'p9'"):
        run("cohort", "hold-out", folder, folder / "none.csv", "--case", "p9")
    assert not (folder / "none.csv").exists()


def test_a_table_of_patients_held_out_replaces_nothing_unasked_and_never_the_cohort(
    folder, monkeypatch
):
    rows = ["good.png,p1,0.5,train", "empty.png,p2,0.5,train", "broken.csv,p3,0.5,train"]
    (folder / "cohort.csv").write_text("\n".join(["path,case,mpp,split", *rows]))
    (folder / "broken.csv").write_text("a slide of a strange name")
    (folder / "sub").mkdir()
    (folder / "mine.csv").write_text("mine")
    before = {path: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    hold_out = ("cohort", "hold-out", folder)
    for target, words in (
        ("mine.csv", "use --overwrite"),
        ("cohort.csv", "would replace"),
        ("judge.tiff", r"name it judge\.csv"),
        ("sub", "is a folder"),
    ):
        with pytest.raises(WsigenError, match=words):
            run(*hold_out, folder / target, "--case", "p2")
    for target, words in (
        ("sub/../cohort.csv", "is named twice"),
        ("broken.csv", "is a file of the cohort"),
    ):
        with pytest.raises(WsigenError, match=words):
            run(*hold_out, folder / target, "--case", "p2", "--overwrite")

    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("wsigen.cohorts.cohort.csv.DictWriter.writerows", full)
        with pytest.raises(OSError, match="No space"):
            run(*hold_out, folder / "mine.csv", "--case", "p2", "--overwrite")
    assert {path: path.read_bytes() for path in folder.iterdir() if path.is_file()} == before
    run(*hold_out, folder / "mine.csv", "--case", "p2", "--overwrite")
    assert len(read_cohort(folder / "mine.csv")) == 3
