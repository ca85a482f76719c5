"""Outputs and numbers are checked before the work: names, suffixes, one file under two names, nan and inf."""

import errno
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from wsigen.cli.main import main
from wsigen.errors import WsigenError
from wsigen.outputs import PICTURE, SLIDE, check_file, whole, whole_folder, written_as
from wsigen.training.monitor import save_image
from wsigen.training.weights import read_safetensors, write_safetensors


@pytest.fixture
def wsigen(monkeypatch, capfd):
    def run(*words):
        monkeypatch.setattr(sys, "argv", ["wsigen", *map(str, words)])
        with pytest.raises(SystemExit) as done:
            main()
        out, err = capfd.readouterr()
        return done.value.code or 0, out, err

    return run


def refused(found, *words):
    code, _, err = found
    assert code == 2
    assert len(err.splitlines()) == 1, err
    assert all(word in err for word in words), err


@pytest.fixture
def image(tmp_path):
    Image.fromarray(np.full((64, 64, 3), 200, np.uint8)).save(tmp_path / "a.png")
    return tmp_path / "a.png"


@pytest.mark.parametrize("name", ["o.png", "o.jpg", "o.svs", "o.ome.tiff", "o.ome.tif", "o"])
def test_a_slide_is_not_written_under_a_name_of_something_else(wsigen, tmp_path, image, name):
    refused(wsigen("convert", image, tmp_path / name, "--mpp", 1), "name it o.tiff")
    refused(wsigen("generate", tmp_path / name), "name it o.tiff")
    assert list(tmp_path.iterdir()) == [image]


def test_convert_makes_a_missing_folder(wsigen, tmp_path, image):
    out = tmp_path / "new" / "folder" / "o.tiff"
    assert wsigen("convert", image, out, "--mpp", 1)[0] == 0
    assert out.is_file()
    refused(
        wsigen("convert", image, image / "o.tiff", "--mpp", 1), "is a file, and was to be a folder"
    )


def test_a_picture_does_not_replace_the_slide_nor_what_exists(wsigen, tmp_path):
    slide = tmp_path / "a.tiff"
    with pytest.raises(WsigenError, match="is named twice"):
        check_file(slide, suffixes=SLIDE, apart_from=[slide])
    refused(wsigen("generate", slide, "--png", slide), "what is written is no .tiff")
    kept = tmp_path / "b.png"
    kept.write_text("keep")
    refused(wsigen("generate", slide, "--png", kept), "b.png exists", "--overwrite")
    refused(wsigen("generate", slide, "--png", tmp_path / "c.foo"), "name it c.png")
    assert kept.read_text() == "keep"
    check_file(kept, overwrite=True, suffixes=PICTURE)


def test_a_file_is_known_by_whatever_name(wsigen, tmp_path, image):
    (tmp_path / "folder").mkdir()
    (tmp_path / "link.png").symlink_to(image)
    (tmp_path / "there").symlink_to(tmp_path / "folder")
    for one, other in (
        (image, tmp_path / "folder" / ".." / "a.png"),
        (image, tmp_path / "link.png"),
        (tmp_path / "folder" / "new.png", tmp_path / "there" / "new.png"),
        (tmp_path / "none" / "new.png", tmp_path / "none" / "x" / ".." / "new.png"),
    ):
        with pytest.raises(WsigenError, match="is named twice"):
            check_file(other, overwrite=True, apart_from=[one])
    scan = image.rename(tmp_path / "scan.tiff")
    before = scan.read_bytes()
    same = tmp_path / "folder" / ".." / "scan.tiff"
    refused(wsigen("convert", scan, same, "--mpp", 1, "--overwrite"), "is named twice")
    assert scan.read_bytes() == before
    check_file(tmp_path / "other.png", apart_from=[image, tmp_path / "link.png", None])


@pytest.mark.parametrize("mpp", [0, -1.5])
@pytest.mark.parametrize("more", [[], ["--plan", "student"]])
def test_judging_at_no_scale_is_refused(wsigen, tmp_path, mpp, more):
    words = ("evaluate", "--cohort", tmp_path / "none.csv", "--mpp", 2, "--mpp", mpp, *more)
    refused(
        wsigen(*words),
        "mpp is a positive number of micrometres per pixel, from 0.001 to 1000",
        f"found {mpp}",
    )


def test_judging_draws_no_sheet_over_an_image_of_its_cohort(wsigen, tmp_path, image):
    words = ("evaluate", "--cohort", tmp_path, "--overwrite", "--sheet")
    before = image.read_bytes()
    (tmp_path / "new").mkdir()
    refused(wsigen(*words, tmp_path / "new" / ".." / "a.png"), "is a file of the cohort")
    assert image.read_bytes() == before


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(28, "No space left on device")])
def test_a_file_is_there_whole_or_as_it_was(tmp_path, error):
    kept = tmp_path / "new" / "kept.csv"

    def write(text, ended_by=None):
        with whole(kept) as part:
            part.write_text(text)
            if ended_by:
                raise ended_by

    write("whole")
    with pytest.raises(type(error)):
        write("hal", error)
    assert {path.name: path.read_text() for path in kept.parent.iterdir()} == {"kept.csv": "whole"}


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(28, "No space left on device")])
@pytest.mark.parametrize("name", [".", "place"])
def test_a_folder_is_filled_whole_or_as_it_was(tmp_path, monkeypatch, name, error):
    here = tmp_path / "new"
    here.mkdir()
    monkeypatch.chdir(here)

    def write(texts, ended_by=None):
        with whole_folder(Path(name), replaces="stage_*") as part:
            for file, text in texts.items():
                (part / file).write_text(text)
            if ended_by:
                raise ended_by

    def found():
        return {path.name: path.read_text() for path in Path(name).iterdir()}

    write({"stage_0": "a", "stage_1": "b", "table": "c"})
    (Path(name) / "mine").write_text("d")
    with pytest.raises(type(error)):
        write({"stage_0": "hal"}, error)
    assert found() == {"stage_0": "a", "stage_1": "b", "table": "c", "mine": "d"}
    write({"stage_0": "e", "table": "f"})
    assert found() == {"stage_0": "e", "table": "f", "mine": "d"}
    assert [path for path in (*tmp_path.iterdir(), *here.iterdir()) if ".part" in path.name] == []


@pytest.mark.parametrize("suffix", [*PICTURE, ".PNG"])
def test_a_picture_is_of_the_kind_that_its_name_says(tmp_path, suffix):
    file = tmp_path / f"new/sheet{suffix}"
    save_image(file, np.zeros((8, 8, 3), np.uint8))
    with Image.open(file) as picture:
        assert (picture.format.lower(), picture.size) == (written_as(file), (16, 16))
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_a_picture_that_the_disk_cannot_hold_leaves_the_one_before(tmp_path, monkeypatch):
    def half(picture, file, kind):
        file.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    (tmp_path / "sheet.png").write_bytes(b"before")
    monkeypatch.setattr(Image.Image, "save", half)
    with pytest.raises(OSError, match="No space"):
        save_image(tmp_path / "sheet.png", np.zeros((8, 8, 3), np.uint8))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"sheet.png": b"before"}


@pytest.mark.parametrize("number", ["nan", "inf"])
def test_numbers_are_finite(wsigen, tmp_path, image, number):
    out = tmp_path / "o.tiff"
    refused(wsigen("generate", out, "--width-mm", number, "--height-mm", 1), "finite")
    refused(wsigen("generate", out, "--mpp", number), "finite")
    refused(wsigen("zoom", tmp_path / "z", "--at", f"{number},1"), "expected two numbers X,Y")
    refused(wsigen("convert", image, out, "--mpp", number), "finite")
    refused(wsigen("info", image, "--mpp", number), "finite")
    refused(wsigen("pack", tmp_path, tmp_path / "p.pack", "--mpp-min", number), "finite")
    refused(wsigen("phantom", tmp_path / "p", "--mpp", number), "finite")


def test_a_size_of_nothing_is_told_as_what_it_is(wsigen, tmp_path):
    refused(
        wsigen("generate", tmp_path / "o.tiff", "--width", 0),
        "--width is 0; expected 1 to 10000000",
    )
    refused(
        wsigen("generate", tmp_path / "o.tiff", "--height-mm", 0.0001, "--width-mm", 1),
        "--height-mm is 0.0001; expected 1 to 10000000 pixels of 0.0007 mm",
    )


def test_judging_checks_its_files_first(wsigen, tmp_path):
    kept = tmp_path / "sheet.png"
    kept.write_text("keep")
    words = ("evaluate", "--cohort", tmp_path / "none.csv")
    refused(wsigen(*words, "--sheet", kept), "sheet.png exists")
    refused(wsigen(*words, "--sheet", tmp_path / "sheet.foo"), "name it sheet.png")
    refused(wsigen(*words, "--out", tmp_path / "table.png"), "name it table.json")


def test_a_study_checks_its_key_and_sizes_first(wsigen, tmp_path):
    (tmp_path / "file").write_text("")
    words = (
        "study",
        "create",
        tmp_path / "s",
        "--real",
        tmp_path / "r",
        "--synthetic",
        tmp_path / "y",
    )
    refused(wsigen(*words, "--key", tmp_path / "file" / "key.csv"), "was to be a folder")
    refused(wsigen(*words, "--height", 0), "--height is 0; expected more than 0")
    refused(wsigen(*words, "--tile-px", 100), "expected a multiple of 16")
    assert not (tmp_path / "s").exists()


def test_weights_can_be_read_by_whom_other_files_can(tmp_path):
    """safetensors 0.8.0 writes files for their owner alone (huggingface/safetensors issue 782)."""
    write_safetensors(tmp_path / "weights.safetensors", {"a": torch.zeros(2)}, {"format": "ours"})
    (tmp_path / "plain").write_text("")
    modes = {path.name: path.stat().st_mode for path in tmp_path.iterdir()}
    assert modes["weights.safetensors"] == modes["plain"]
    tensors, header = read_safetensors(tmp_path / "weights.safetensors")
    assert (tensors["a"].tolist(), header) == ([0, 0], {"format": "ours"})
