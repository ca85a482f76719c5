"""What goes out names nobody: models, packs and studies say cohorts, licences and counts."""

import json
import zipfile

import numpy as np
import pytest
from cohort_kit import section
from PIL import Image, PngImagePlugin

from wsigen.cohorts.bare import bare_bytes
from wsigen.cohorts.cohort import described, read_cohort
from wsigen.cohorts.entry import Entry
from wsigen.cohorts.pack import write_pack
from wsigen.slides.reader import decode_image


def test_training_data_is_the_split_train_by_cohort_licence_and_count(tmp_path):
    entries = [
        Entry(tmp_path / "1", "HOSPITAL-1", None, "train"),
        Entry(tmp_path / "2", "HOSPITAL-2", None, "train", "HER2ST", "CC-BY-4.0"),
        Entry(tmp_path / "3", "HOSPITAL-3", None, "train", "HER2ST", "CC-BY-4.0"),
        Entry(tmp_path / "4", "HOSPITAL-4", None, "heldout", "other", "CC0-1.0"),
    ]
    assert described(entries) == (
        "HER2ST (CC-BY-4.0), 2 slides",
        "own data (no licence named), 1 slide",
    )


def test_a_pack_holds_no_case_no_file_name_and_no_word_of_a_file_s_head(tmp_path):
    exif = Image.Exif()
    exif[270] = exif[315] = "HOSPITAL-0001"
    Image.fromarray(section(200, 0)).save(
        tmp_path / "HOSPITAL-0001.jpg", exif=exif, comment=b"HOSPITAL-0001"
    )
    about = PngImagePlugin.PngInfo()
    about.add_text("Comment", "HOSPITAL-0002")
    Image.fromarray(section(200, 1)).save(tmp_path / "HOSPITAL-0002.png", pnginfo=about)
    Image.fromarray(section(200, 2)).save(
        tmp_path / "HOSPITAL-0003.tif", description="HOSPITAL-0003"
    )
    rows = [
        f"HOSPITAL-000{n}.{kind},HOSPITAL-000{n},1,train"
        for n, kind in enumerate(("jpg", "png", "tif"), 1)
    ]
    (tmp_path / "cohort.csv").write_text("\n".join(["path,case,mpp,split", *rows]))
    list(write_pack(read_cohort(tmp_path), tmp_path / "a.pack"))
    assert b"HOSPITAL" not in (tmp_path / "a.pack").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.pack") as archive:
        slides = json.loads(archive.read("index.json"))["slides"]
    assert [slide["case"] for slide in slides] == ["case-001", "case-002", "case-003"]
    for one, two in zip(read_cohort(tmp_path), read_cohort(tmp_path / "a.pack"), strict=True):
        np.testing.assert_array_equal(
            one.open().read(0, 0, 200, 200), two.open().read(0, 0, 200, 200)
        )


@pytest.mark.parametrize("kind", ["jpg", "png"])
def test_a_turned_image_is_bare_and_upright(tmp_path, kind):
    exif = Image.Exif()
    exif[274] = 6
    path = tmp_path / f"a.{kind}"
    Image.fromarray(section(90, 0)[:60]).save(path, exif=exif)
    (tmp_path / "bare").write_bytes(bare_bytes(path))
    upright = np.asarray(decode_image(path, path))
    assert upright.shape == (90, 60, 3)
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "bare")), upright)
