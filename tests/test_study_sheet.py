"""Sheets for a blind reading, on drawn slides: crops that only tissue tells apart, and what scores say of them."""

import csv
import json
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from wsigen.cli.study import study as study_command
from wsigen.cohorts.patches import Source, overlap
from wsigen.errors import WsigenError
from wsigen.phantom.slide import PhantomSlide
from wsigen.slides import open_slide, write_pyramid
from wsigen.slides.reader import ImageSlide
from wsigen.slides.tissue import Tissue, tissue_share
from wsigen.study.crops import FREE, LEAST_TISSUE, Crops
from wsigen.study.design import INFO, KEY, read_key
from wsigen.study.reading import READING, read_sheet
from wsigen.study.sheet import BEHIND, GAP_PX, LABEL_PX, SHEET, create_sheet

N, SIDE, COLUMNS = 5, 48, 4
SCALES = (2.0, 3.0)
GENERATED = {"SYNTHETIC": True, "model": "tiny", "model_sha256": "abc", "seed": 3}


@pytest.fixture(scope="module")
def slides(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``real`` with two slides of 1 um/px, and ``generated.tiff`` of 2."""
    folder = tmp_path_factory.mktemp("slides")
    (folder / "real").mkdir()
    for seed in range(2):
        pixels = PhantomSlide(seed, height=1000, width=1000, mpp=1.0).render(0, 0, 1000, 1000)
        write_pyramid(folder / "real" / f"{seed}.tiff", pixels, 1.0)
    pixels = PhantomSlide(7, height=700, width=700, mpp=2.0).render(0, 0, 700, 700)
    write_pyramid(folder / "generated.tiff", pixels, 2.0, description=GENERATED)
    return folder


def create(folder: Path, slides: Path, **options: object) -> list[str]:
    """Make a sheet; returns what was left out."""
    asked = {
        "real": slides / "real", "n": N, "mpp_min": SCALES[0], "mpp_max": SCALES[1], "crop_px": SIDE,
        "columns": COLUMNS,
    }  # fmt: skip
    steps = create_sheet(folder, [slides / "generated.tiff"], **(asked | options))
    return [step.skipped for step in steps if step.skipped]


@pytest.fixture(scope="module")
def made(slides: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sheets") / "one"
    assert create(folder, slides) == []
    return folder


def crops_of(folder: Path) -> list[np.ndarray]:
    """The crops of a sheet in the order of their numbers."""
    pixels = np.asarray(Image.open(folder / SHEET))
    places = [divmod(i, COLUMNS) for i in range(2 * N)]
    corners = [
        (LABEL_PX + row * (SIDE + LABEL_PX), GAP_PX + column * (SIDE + GAP_PX))
        for row, column in places
    ]
    return [pixels[top : top + SIDE, left : left + SIDE] for top, left in corners]


def test_both_classes_show_the_same_scales_and_mostly_tissue_that_hardly_overlaps(
    made: Path,
) -> None:
    key = read_key(made / KEY, "number")
    assert list(key) == [str(number) for number in range(1, 2 * N + 1)]
    scales = {}
    for label in ("real", "synthetic"):
        rows = [row for row in key.values() if row["label"] == label]
        scales[label] = sorted(float(row["mpp"]) for row in rows)
        places: dict[str, list[tuple[float, float, float]]] = {}
        for row in rows:
            mpp = float(row["mpp"])
            place = (float(row["top_um"]) / mpp, float(row["left_um"]) / mpp, mpp)
            assert overlap(place, places.get(row["source"], []), SIDE) <= FREE + 0.02
            places.setdefault(row["source"], []).append(place)
        assert len(places) == {"real": 2, "synthetic": 1}[label]
    assert scales["real"] == scales["synthetic"]
    assert SCALES[0] <= scales["real"][0] < scales["real"][-1] <= SCALES[1]
    assert all(tissue_share(crop) >= LEAST_TISSUE for crop in crops_of(made))
    behind = json.loads((made / INFO).read_text())[BEHIND]
    assert behind["real"] == {"cases": 2, "overlapping": 0}
    assert behind["synthetic"] == {"cases": 1, "overlapping": 0}
    generated = [row for row in key.values() if row["label"] == "synthetic"]
    assert {row["model"] for row in generated} == {"tiny"}
    assert {row["seed"] for row in generated} == {"3"}


def test_a_crop_shows_the_place_that_the_key_names(made: Path, slides: Path) -> None:
    key = read_key(made / KEY, "number")
    for number, shown in zip(key, crops_of(made), strict=True):
        row = key[number]
        folder = slides / "real" if row["label"] == "real" else slides
        mpp = float(row["mpp"])
        with open_slide(folder / row["source"]) as slide:
            there = slide.read(
                float(row["top_um"]) / mpp, float(row["left_um"]) / mpp, SIDE, SIDE, mpp
            )
        turned = [np.rot90(side, k) for side in (there, there[:, ::-1]) for k in range(4)]
        differences = [np.abs(shown.astype(float) - each).mean() for each in turned]
        assert min(differences) < 8 < np.median(differences)


def test_a_slide_and_one_of_half_its_scale_give_the_same_crops() -> None:
    fine = PhantomSlide(1, height=800, width=800, mpp=1.0).render(0, 0, 800, 800)
    coarse = np.asarray(Image.fromarray(fine).reduce(2))
    drawn = []
    for pixels, mpp in ((fine, 1.0), (coarse, 2.0)):
        slide = ImageSlide(Image.fromarray(pixels), mpp)
        tissue = ImageSlide(Image.fromarray(fine), 1.0).look()  # the same, for the same places
        crops = Crops([Source(slide, tissue, "one")], SIDE, SCALES, 90)
        drawn.append(list(crops.draw([2.0, 2.6, 3.0], np.random.default_rng(0))))
    for one, other in zip(*drawn, strict=True):
        assert (one.top_um, one.left_um, one.mpp) == (other.top_um, other.left_um, other.mpp)
        assert np.abs(one.pixels.astype(int) - other.pixels).mean() < 0.5


def test_where_room_is_short_crops_overlap_by_less_than_half_and_it_is_counted() -> None:
    pixels = PhantomSlide(1, height=800, width=800, mpp=1.0).render(0, 0, 800, 800)
    filled = Image.fromarray(np.minimum(pixels, 200))  # no glass, so that each place has tissue
    slide = ImageSlide(filled.crop((0, 0, 140, 280)), 1.0)
    tissue = Tissue.of(np.ones((280, 140), bool), 1.0, None)
    crops = Crops([Source(slide, tissue, "one")], SIDE, SCALES, 90)
    found = list(crops.draw([2.0] * 4, np.random.default_rng(0)))
    shares = [crop.overlap for crop in found]
    assert shares[0] == 0
    assert 0.1 < max(shares) < 0.5
    with pytest.raises(WsigenError, match=r"have room for \d+ crops of 48 px"):
        list(crops.draw([2.0] * 30, np.random.default_rng(0)))


def test_a_seed_gives_one_sheet_and_another_seed_another(
    made: Path, slides: Path, tmp_path: Path
) -> None:
    create(tmp_path / "again", slides)
    create(tmp_path / "other", slides, seed=1)
    one, again, other = (
        (folder / SHEET).read_bytes() for folder in (made, tmp_path / "again", tmp_path / "other")
    )
    assert one == again != other
    assert (made / KEY).read_text() == (tmp_path / "again" / KEY).read_text()
    assert json.loads((made / INFO).read_text())["arguments"]["seed"] == 0


def write_scores(path: Path, scores: dict[str, object]) -> Path:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("number", "score"), *scores.items()])
    return path


def test_a_reader_without_errors_has_an_auc_of_1_and_an_interval_below(
    made: Path, tmp_path: Path
) -> None:
    key = read_key(made / KEY, "number")
    right = {number: 90 if row["label"] == "synthetic" else 10 for number, row in key.items()}
    text = read_sheet(made, [write_scores(tmp_path / "anna.csv", right)])
    assert f"{N} real against {N} synthetic crops" in text
    assert "**anna** took for real: none" in text
    found = json.loads((made / READING).read_text())
    (reader,) = found["report"]["readers"]
    assert reader["auc"]["value"] == 1
    assert 0.5 < reader["auc"]["lower"] < 1
    assert reader["error"]["value"] == 0
    assert found["sheet"] == json.loads((made / INFO).read_text())
    assert found["info"]["commit"] == found["sheet"]["commit"]
    text = (made / READING).read_text()
    named = [row["source"] for row in key.values() if row["label"] == "real"]
    assert named
    assert not [name for name in named if f'"{name}"' in text]


def test_scores_are_read_as_spreadsheets_of_all_languages_write_them(
    made: Path, tmp_path: Path
) -> None:
    scores = {
        number: (100 * n / 7) % 100 for n, number in enumerate(read_key(made / KEY, "number"))
    }
    read_sheet(made, [write_scores(tmp_path / "ida.csv", scores)])
    plain = json.loads((made / READING).read_text())
    lines = ["Number;Score", *(f"{n};{score}".replace(".", ",") for n, score in scores.items())]
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "ida.csv").write_text("\n".join(lines), "utf-16")
    read_sheet(made, [tmp_path / "new" / "ida.csv"])
    found = json.loads((made / READING).read_text())
    assert len({crop["scores"]["ida"] for crop in found["crops"]}) > 2
    assert (found["crops"], found["report"]) == (plain["crops"], plain["report"])


def test_scores_of_0_to_10_are_suspected(made: Path, tmp_path: Path) -> None:
    crops = len(read_key(made / KEY, "number"))
    for highest, suspected in ((10, True), (11, False)):
        scores = {str(1 + n): 10 * (n % 2) for n in range(crops)} | {"2": highest}
        text = read_sheet(made, [write_scores(tmp_path / "eva.csv", scores)])
        assert ("multiply scores of 0 to 10 by ten" in text) == suspected


def test_errors_are_named_and_counted_and_the_undecided_count_half(
    made: Path, tmp_path: Path
) -> None:
    key = read_key(made / KEY, "number")
    scores = {number: 90 if row["label"] == "synthetic" else 10 for number, row in key.items()}
    real, generated = (
        [number for number, row in key.items() if row["label"] == label]
        for label in ("real", "synthetic")
    )
    scores[generated[0]], scores[real[0]], scores[real[1]] = 5, 80, 50
    text = read_sheet(made, [write_scores(tmp_path / "ben.csv", scores)])
    assert f"**ben** took for real: {generated[0]}\n" in text
    assert f"**ben** took for generated: {real[0]}\n" in text
    reader = json.loads((made / READING).read_text())["report"]["readers"][0]
    assert reader["error"]["value"] == pytest.approx(2.5 / (2 * N))
    # of N x N pairs, those of the generated crop that scored least are lost, and no other
    assert reader["auc"]["value"] == pytest.approx(1 - N / N**2)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"1": 101}, "number 1 has the score '101'; expected 0"),
        ({"2": "perhaps"}, "number 2 has the score 'perhaps'"),
        ({"3": None}, "no score for 3"),
        ({"99": 5}, f"'99' is not on the sheet; expected 1 to {2 * N}"),
        ({" 4": 5}, "'4' is scored twice"),
    ],
)
def test_scores_that_do_not_fit_the_sheet_are_refused_and_change_nothing(
    made: Path, tmp_path: Path, change: dict[str, object], words: str
) -> None:
    (made / READING).unlink(missing_ok=True)
    scores = {str(number): 50 for number in range(1, 2 * N + 1)} | change
    path = write_scores(tmp_path / "cleo.csv", {k: v for k, v in scores.items() if v is not None})
    with pytest.raises(WsigenError, match=words):
        read_sheet(made, [path])
    assert not (made / READING).exists()


def test_what_cannot_be_on_a_sheet_is_refused_before_anything_is_written(
    slides: Path, tmp_path: Path
) -> None:
    for options, words in (
        ({"mpp_min": 1.5}, "has 2 um/px, coarser than the finest crops of 1.5"),
        ({"crop_px": 600}, "are less than a crop of 600 px at 3 um/px"),
        ({"crop_px": 400}, r"no slide to cut crops from \(splits: train\)"),
        ({"split": "test"}, r"no slide to cut crops from \(splits: train\)"),
        ({"mpp_max": 1.0}, "expected both above 0, in this order"),
        *(
            ({"key": tmp_path / "new" / name}, "is written there; name another file")
            for name in (SHEET, INFO, READING)
        ),
    ):
        with pytest.raises(WsigenError, match=words):
            create(tmp_path / "new", slides, **options)
    assert list(tmp_path.iterdir()) == []


def test_a_slide_on_a_sheet_is_real_or_generated_but_not_both(slides: Path, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    shutil.copy(slides / "real" / "0.tiff", tmp_path / "real" / "copy.tiff")
    steps = create_sheet(
        tmp_path / "sheet", [slides / "real" / "0.tiff"], real=tmp_path / "real", crop_px=SIDE
    )
    with pytest.raises(WsigenError, match=r"0\.tiff: given as real and as synthetic"):
        list(steps)


def test_a_sheet_that_fails_leaves_nothing(
    slides: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("wsigen.study.sheet.write_key", fails)
    with pytest.raises(KeyboardInterrupt):
        create(tmp_path / "new" / "sheet", slides, n=1)
    assert list(tmp_path.iterdir()) == []


def test_a_slide_that_says_it_is_synthetic_does_not_pass_for_a_real_one(
    slides: Path, tmp_path: Path
) -> None:
    both = tmp_path / "both"
    both.mkdir()
    (both / "0.tiff").symlink_to(slides / "real" / "0.tiff")
    (both / "made.tiff").symlink_to(slides / "generated.tiff")
    (left_out,) = create(tmp_path / "sheet", slides, real=both, n=2)
    assert "says it is synthetic, but was given as real" in left_out
    key = read_key(tmp_path / "sheet" / KEY, "number")
    assert {row["source"] for row in key.values() if row["label"] == "real"} == {"0.tiff"}


def test_the_two_verbs_make_and_read_a_sheet(slides: Path, tmp_path: Path) -> None:
    folder, key = tmp_path / "sheet", tmp_path / "elsewhere.csv"
    options = f"--n 2 --mpp-min 2 --mpp-max 3 --crop-px {SIDE} --key {key}".split()
    words = ["sheet", str(folder), str(slides / "generated.tiff"), "--real", str(slides / "real")]
    answer = CliRunner().invoke(study_command, [*words, *options])
    assert answer.exit_code == 0, answer.output
    assert sorted(path.name for path in folder.iterdir()) == sorted([SHEET, INFO])
    scores = write_scores(tmp_path / "dora.csv", {str(number): 50 for number in range(1, 5)})
    told = shlex.split(answer.output.splitlines()[-1].replace("SCORES.csv", str(scores)))
    assert told[:3] == ["next:", "wsigen", "study"]
    answer = CliRunner().invoke(study_command, told[3:])
    assert answer.exit_code == 0, answer.output
    assert "| dora | 4 | 0.50 " in answer.output
