"""Folders and tables as departments and spreadsheets keep them, and which rows are one slide."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from cohort_kit import section
from PIL import Image

from wsigen.cohorts.check import check_cohort
from wsigen.cohorts.cohort import read_cohort
from wsigen.errors import WsigenError
from wsigen.slides import open_slide
from wsigen.slides.dicom import series_of


def image(path, seed=0, side=200):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(section(side, seed)).save(path, dpi=(50800, 50800))
    return path


def dicom(path, series, more=b""):
    """The head of a DICOM file: a study and a series, after a sequence that names another one."""

    def element(tag, value):
        return tag + b"UI" + len(value).to_bytes(2, "little") + value

    study, uid = b"\x20\x00\x0d\x00", b"\x20\x00\x0e\x00"
    nested = element(uid, b"9.9.9\0")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(
        bytes(128) + b"DICM" + nested + element(study, b"1.2.3\0") + element(uid, series) + more
    )
    return path


def test_slides_in_subfolders_are_found_and_the_rest_is_passed_over_with_a_word(tmp_path, caplog):
    image(tmp_path / "uuid-1" / "TCGA-A1-A0SB-01Z-00-DX1.abc.png", 1)
    image(tmp_path / "uuid-2" / "TCGA-A1-A0SB-01Z-00-DX2.def.png", 2)
    image(tmp_path / "b.png", 3)
    image(tmp_path / ".hidden" / "c.png", 4)
    (tmp_path / "uuid-1" / "logs").mkdir()
    for name in ("Thumbs.db", "b.geojson", "list.xlsx", "b.qpdata", "uuid-1/logs/a.parcel"):
        (tmp_path / name).write_text("{}")
    (tmp_path / "notes.txt").write_text("words")
    found = read_cohort(tmp_path)
    assert [entry.case for entry in found] == ["b", "TCGA-A1-A0SB", "TCGA-A1-A0SB"]
    (record,) = caplog.records
    assert "left out what is no slide: Thumbs.db, b.geojson, b.qpdata and 2 more" in record.message


def test_slides_of_one_name_in_two_folders_are_two_cases(tmp_path):
    image(tmp_path / "a" / "1.png", 1)
    image(tmp_path / "b" / "1.png", 2)
    assert [entry.case for entry in read_cohort(tmp_path)] == ["a/1", "b/1"]


def test_a_broken_slide_is_no_other_file(tmp_path):
    image(tmp_path / "a.png")
    (tmp_path / "b.svs").touch()
    findings = list(check_cohort(tmp_path))
    assert [finding.usable for finding in findings] == [True, False]


def test_a_dicom_slide_is_its_series(tmp_path):
    for number in range(3):
        dicom(tmp_path / "one" / f"{number}.dcm", b"1.5\0")
    dicom(tmp_path / "two" / "x", b"1.6\0")  # without a suffix
    assert series_of(tmp_path / "one" / "2.dcm") == "1.5"
    assert series_of(image(tmp_path / "a.png")) is None
    found = [entry.path.relative_to(tmp_path).as_posix() for entry in read_cohort(tmp_path)]
    assert found == ["a.png", "one/0.dcm", "two/x"]
    (tmp_path / "t.csv").write_text(
        "path,case,mpp,split\none/0.dcm,p,1,train\none/1.dcm,p,1,train\n"
    )
    reasons = [finding.reason for finding in check_cohort(tmp_path / "t.csv")]
    assert "cannot be read" in reasons[1]  # a head alone is no slide


def test_a_folder_of_no_or_several_dicom_slides_says_so(tmp_path):
    dicom(tmp_path / "a.dcm", b"1.5\0")
    dicom(tmp_path / "b.dcm", b"1.6\0")
    with pytest.raises(WsigenError, match=r"holds 2 DICOM slides; name a file .* a\.dcm, b\.dcm"):
        open_slide(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(WsigenError, match="a folder without DICOM files"):
        open_slide(tmp_path / "empty")


def reasons(folder, rows, header="path,case,mpp,split"):
    (folder / "t.csv").write_text("\n".join([header, *rows]) + "\n")
    return [finding.reason for finding in check_cohort(folder / "t.csv")]


def test_a_slide_in_two_splits_or_cases_is_named_by_path_and_by_content(tmp_path, caplog):
    image(tmp_path / "a.png")
    shutil.copy(tmp_path / "a.png", tmp_path / "copy.png")
    for name in ("a.png", "copy.png"):
        same = "same file as" if name == "a.png" else "same slide as"
        ok, split = reasons(tmp_path, ["a.png,A,,train", f"{name},B,,heldout"])
        assert ok == ""
        assert f"{same} a.png, in two splits, 'train' and 'heldout'" in split
        with pytest.raises(WsigenError, match=f"{same} a.png, in two splits"):
            read_cohort(tmp_path / "t.csv")
        assert (
            "of two cases, 'A' and 'B'"
            in reasons(tmp_path, ["a.png,A,,train", f"{name},B,,train"])[1]
        )
        assert "keep one of them" in reasons(tmp_path, ["a.png,A,,train", f"{name},A,,train"])[1]
    read_cohort(tmp_path / "t.csv")
    assert any("copy.png is the same slide as a.png" in record.message for record in caplog.records)


def test_splits_say_what_training_will_do(tmp_path):
    for number in range(5):
        image(tmp_path / f"{number}.png", number)
    splits = ["Train", " train ", "", "fold1", "HeldOut"]
    found = reasons(tmp_path, [f"{n}.png,{n},,{split}" for n, split in enumerate(splits)])
    assert [bool(reason) for reason in found] == [False, False, True, True, False]
    assert "the split is empty; expected one of train" in found[2]
    assert "split 'fold1' is read only where a command is told it" in found[3]
    (tmp_path / "t.csv").write_text("path,case,mpp,split\n0.png,0,,Train\n1.png,1,, train\n")
    assert [entry.split for entry in read_cohort(tmp_path / "t.csv")] == ["train"] * 2


@pytest.mark.parametrize("header", ["path,case,mpp,split", "path,mpp,split"])
def test_a_missing_case_is_the_patient_of_a_tcga_name_or_the_file(tmp_path, header):
    image(tmp_path / "a.png", 1)
    image(tmp_path / "TCGA-A1-A0SB-01Z.png", 2)
    between = ",," if "case" in header else ","
    rows = [f"{name}{between},train" for name in ("a.png", "TCGA-A1-A0SB-01Z.png")]
    assert reasons(tmp_path, rows, header) == ["", ""]
    assert [entry.case for entry in read_cohort(tmp_path / "t.csv")] == ["a", "TCGA-A1-A0SB"]


def test_an_image_smaller_than_a_patch_cannot_be_used(tmp_path):
    Image.fromarray(np.full((40, 40, 3), (160, 90, 160), np.uint8)).save(
        tmp_path / "a.png", dpi=(50800, 50800)
    )
    (reason,) = reasons(tmp_path, ["a.png,A,,train"])
    assert "40 x 40 px is smaller than a patch of 64 px" in reason


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("path;case;mpp;split\n\na.png;p;0,5;train\n;;;\n", "utf-8"),
        ("Path\tCase\tMPP\tSplit\r\na.png\tp\t0.5\ttrain\r\n", "utf-16"),
        ("\ufeffpath,case,mpp,split\n\n\na.png,p, 0.5 ,train\n,,,\n", "utf-8"),
        ("path,case,mpp,split,note\na.png,p,0.5,train,M\xfcller\n", "cp1252"),
        (",,,\npath,case,mpp,split\nsub\\..\\a.png,p,0.5,train\n", "utf-8"),
    ],
)
def test_tables_of_spreadsheets_are_read(tmp_path, text, encoding):
    image(tmp_path / "a.png")
    (tmp_path / "sub").mkdir()
    (tmp_path / "t.csv").write_bytes(text.encode(encoding))
    (entry,) = read_cohort(tmp_path / "t.csv")
    assert (entry.path.resolve(), entry.case) == (Path(tmp_path / "a.png").resolve(), "p")
    assert (entry.mpp, entry.split) == (0.5, "train")


def test_a_line_at_fault_is_named_by_its_place_in_the_file(tmp_path):
    image(tmp_path / "a.png")
    (tmp_path / "t.csv").write_text("path,case,mpp,split\n\n\ngone.png,p,,train\n")
    with pytest.raises(WsigenError, match=r"t\.csv:4: no file 'gone\.png'"):
        read_cohort(tmp_path / "t.csv")


def test_phantoms_can_be_looked_through(tmp_path, monkeypatch):
    monkeypatch.setattr("wsigen.cohorts.drawn.cached_phantoms", lambda: tmp_path)
    image(tmp_path / "a.png")
    assert [finding.usable for finding in check_cohort(Path("phantom"))] == [True]
