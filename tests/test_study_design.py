"""Creating a study: what a slide's file tells, and what it must not."""

import json
import random
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import openslide
import pytest
import tifffile
from click.testing import CliRunner, Result
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from study_kit import small_study, two_makes

from wsigen.cli.study import study as study_command
from wsigen.cohorts.cohort import SAMPLE_PACK
from wsigen.cohorts.drawn import write_phantom_cohort
from wsigen.errors import WsigenError
from wsigen.slides import open_slide, read_description, write_pyramid
from wsigen.study.design import CONFIG, KEY, RATINGS, SLIDES, create_study, load_study, read_key
from wsigen.study.encode import Format, reencode

N = 14


@pytest.fixture(scope="module")
def makes(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return two_makes(tmp_path_factory.mktemp("slides"), N + 1, side=480)


@pytest.fixture(scope="module")
def made(makes: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study") / "trial"
    # Names and order are drawn from the system in earnest; here a fixed draw keeps the classifier's verdict fixed.
    draw = random.Random(0)
    drawn = SimpleNamespace(
        token_hex=lambda count: draw.randbytes(count).hex(), SystemRandom=lambda: draw
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("wsigen.study.design.secrets", drawn)
        for step in create_study(folder, real=makes[0], synthetic=makes[1], n=N, tile_px=128):
            assert not step.skipped
    return folder


def file_features(path: Path, tile_px: int = 32) -> list[float]:
    """What can be read off a file without looking at the tissue."""
    stat = path.stat()
    with tifffile.TiffFile(path) as file:
        tags = [tag for page in file.pages for tag in page.tags]
        counts = {tag.name for tag in tags} & {
            "Software",
            "DateTime",
            "ImageDescription",
            "Make",
            "InterColorProfile",
        }
        # Offsets and byte counts of single tiles follow from the tissue in them.
        content = {"TileOffsets", "TileByteCounts", "NewSubfileType"}
        header = hash(tuple(str(tag.value) for tag in tags if tag.name not in content)) % 1000
        pages, tag_count = len(file.pages), len(tags)
    with open_slide(path) as slide:
        height, width = slide.levels[0]
        pixels = slide.read(0, 0, height, width).astype(float)
    tiles = pixels[: height // tile_px * tile_px, : width // tile_px * tile_px]
    tiles = tiles.reshape(height // tile_px, tile_px, width // tile_px, tile_px, 3).swapaxes(1, 2)
    tiles = tiles.reshape(-1, tile_px, tile_px, 3)
    # Background: the tiles whose darkest spot is the brightest.
    glass = tiles[np.argsort(tiles.min(axis=(1, 2, 3)))[-4:]]
    grid = np.abs(np.diff(glass.mean(axis=3), axis=2)).mean(axis=(0, 1))  # traces of JPEG blocks
    spectrum = np.abs(np.fft.rfft(grid))[[1, 2, 4, 8]]
    return [
        *(stat.st_size, stat.st_mtime, len(counts), header, pages, tag_count, height, width, slide.mpp),
        *glass.mean(axis=(0, 1, 2)),
        *glass.std(axis=(0, 1, 2)),
        *glass.std(axis=(1, 2)).max(axis=0),
        *np.percentile(glass, [1, 99], axis=(0, 1, 2)).ravel(),
        *spectrum,
    ]  # fmt: skip


def accuracy(features: np.ndarray, labels: np.ndarray) -> float:
    """Cross-validated, of a small random forest."""
    forest = RandomForestClassifier(100, random_state=0)
    folds = StratifiedKFold(7, shuffle=True, random_state=0)
    return float(np.mean(cross_val_predict(forest, features, labels, cv=folds) == labels))


def test_a_classifier_tells_the_sources_apart_and_stays_at_chance_on_the_study(
    makes: tuple[Path, Path], made: Path
) -> None:
    before = np.array(
        [file_features(path) for folder in makes for path in sorted(folder.iterdir())]
    )
    sources = np.repeat([0, 1], N + 1)
    assert accuracy(before, sources) > 0.95

    key = read_key(made / KEY)
    names = sorted(key)
    after = np.array([file_features(made / SLIDES / f"{name}.tiff") for name in names])
    labels = np.array([key[name]["label"] == "synthetic" for name in names])
    # 30 slides at chance: 15 right, standard deviation 2.7.
    assert accuracy(after, labels) <= 0.5 + 2 * 2.7 / 30


def test_size_date_dimensions_and_headers_are_the_same_for_all_slides(made: Path) -> None:
    study = load_study(made)
    files = sorted((made / SLIDES).iterdir())
    assert len(files) == 2 * N + 2
    assert {path.stem for path in files} == {*study.slides, *study.practice}
    assert len({(path.stat().st_size, path.stat().st_mtime) for path in files}) == 1
    seen = set()
    for path in files:
        with tifffile.TiffFile(path) as file:
            names = {tag.name for page in file.pages for tag in page.tags}
            seen.add(
                (len(file.pages), frozenset(names), str(file.pages[0].tags["JPEGTables"].value))
            )
        with open_slide(path) as slide:
            assert (slide.height, slide.width) == (study.height, study.width)
            assert slide.mpp == pytest.approx(study.mpp, rel=1e-4)
        assert read_description(path) is None
    (found,) = seen
    assert not found[1] & {
        "Software",
        "DateTime",
        "ImageDescription",
        "Artist",
        "HostComputer",
        "InterColorProfile",
    }


def test_the_glass_of_every_slide_is_the_same_grey(made: Path) -> None:
    for path in (made / SLIDES).iterdir():
        with open_slide(path) as slide:
            pixels = slide.overview()[0]
        bright = pixels[pixels.min(axis=2) > 235]
        assert np.median(bright, axis=0) == pytest.approx([245, 245, 245], abs=1)


def test_the_order_of_names_says_nothing_about_labels_and_no_seed_repeats_it(
    makes: tuple[Path, Path], tmp_path: Path
) -> None:
    orders = []
    for trial in ("a", "b"):
        list(
            create_study(
                tmp_path / trial, real=makes[0], synthetic=makes[1], n=3, seed=3, tile_px=128
            )
        )
        key = read_key(tmp_path / trial / KEY)
        orders.append([row["source"] for name, row in sorted(key.items())])
    assert sorted(orders[0]) == sorted(orders[1])  # the seed draws the same slides
    assert orders[0] != orders[1]


def test_config_names_no_label_no_source_and_the_key_is_the_owners_alone(made: Path) -> None:
    text = (made / CONFIG).read_text() + (made / "run_info.json").read_text().replace(
        "/real", ""
    ).replace("/synthetic", "")
    key = read_key(made / KEY)
    assert not any(row["source"] in text for row in key.values())
    assert set(json.loads((made / CONFIG).read_text())) == {
        "seed", "n", "height", "width", "mpp", "tile_px", "quality", "practice", "slides",
    }  # fmt: skip
    assert (made / KEY).stat().st_mode & 0o077 == 0
    assert {row["label"] for name, row in key.items() if row["part"] == "practice"} == {
        "real",
        "synthetic",
    }


def test_each_reader_has_an_order_of_their_own_after_practice(made: Path) -> None:
    study = load_study(made)
    first, second = study.order(1), study.order(2)
    assert first[:2] == second[:2] == study.practice
    assert sorted(first[2:]) == sorted(second[2:]) == sorted(study.slides)
    assert first != second
    assert first == load_study(made).order(1)


def test_corrupt_slides_are_left_out_with_a_message(
    makes: tuple[Path, Path], tmp_path: Path
) -> None:
    real = tmp_path / "real"
    real.mkdir()
    whole = sorted(makes[0].iterdir())
    for path in whole[:3]:
        (real / path.name).write_bytes(path.read_bytes())
    (real / "cut.tiff").write_bytes(whole[3].read_bytes()[:20_000])
    (real / "text.tiff").write_text("no slide")
    (real / "empty.svs").write_bytes(b"")
    answer = CliRunner().invoke(
        study_command,
        [
            "create",
            str(tmp_path / "s"),
            "--real",
            str(real),
            "--synthetic",
            str(makes[1]),
            "--n",
            "2",
            "--tile-px",
            "128",
        ],
    )
    assert answer.exit_code == 0, answer.output
    for name in ("cut.tiff", "text.tiff", "empty.svs"):
        assert f"{name}: cannot be read" in answer.output
    sources = {
        row["source"] for row in read_key(tmp_path / "s" / KEY).values() if row["label"] == "real"
    }
    assert sources == {path.name for path in whole[:3]}


def test_a_slide_that_opens_but_is_damaged_inside_is_told(
    makes: tuple[Path, Path], tmp_path: Path
) -> None:
    source = sorted(makes[0].iterdir())[0]
    damaged = bytearray(source.read_bytes())
    with tifffile.TiffFile(source) as file:
        page = file.pages[0]
        for offset, count in zip(page.dataoffsets, page.databytecounts, strict=True):
            damaged[offset : offset + count] = bytes(count)
    (tmp_path / "damaged.tiff").write_bytes(damaged)
    form = Format(height=256, width=256, mpp=2.7, tile_px=128, quality=90)
    with (
        open_slide(tmp_path / "damaged.tiff") as slide,
        pytest.raises(WsigenError, match=r"damaged\.tiff"),
    ):
        reencode(slide, tmp_path / "out.tiff", form, np.random.default_rng(0))
    assert not (tmp_path / "out.tiff").exists()


def create_all(folder: Path, **options: object) -> list[str]:
    """Why slides were skipped, also where the study failed in the end."""
    skipped: list[str] = []
    try:
        for step in create_study(folder, **options):
            skipped += [step.skipped] * bool(step.skipped)
    except WsigenError as error:
        return [*skipped, str(error)]
    return skipped


def test_a_synthetic_slide_among_the_real_ones_is_refused(
    makes: tuple[Path, Path], tmp_path: Path
) -> None:
    *skipped, last = create_all(tmp_path / "s", real=makes[1], synthetic=makes[1], n=2)
    assert len(skipped) == N + 1
    assert all("says it is synthetic" in text for text in skipped)
    assert "--allow-phantoms" not in " ".join(skipped), "a generated slide stands for no real one"
    assert "0 usable slides, expected 3" in last
    assert last.endswith("; add slides"), "no --n would do"


def test_a_slide_is_real_or_synthetic_but_not_both(
    makes: tuple[Path, Path], tmp_path: Path
) -> None:
    mixed = tmp_path / "mixed"
    shutil.copytree(makes[1], mixed)
    shutil.copy(sorted(makes[0].iterdir())[3], mixed / "by another name.tiff")
    for synthetic, name in ((makes[0], "real-"), (mixed, "by another name")):
        (told,) = create_all(tmp_path / "s", real=makes[0], synthetic=synthetic, n=2, tile_px=128)
        assert name in told
        assert "given as real and as synthetic" in told
    (told,) = create_all(tmp_path / "s", real=SAMPLE_PACK, synthetic=SAMPLE_PACK, n=1)
    assert "given as real and as synthetic" in told
    assert not (tmp_path / "s").exists()


def test_phantoms_stand_for_real_slides_only_where_that_is_said(
    makes: tuple[Path, Path], tmp_path: Path
) -> None:
    write_phantom_cohort(tmp_path / "phantoms", slides=3, size=600, mpp=3.0)
    sources = {"real": tmp_path / "phantoms", "synthetic": makes[1], "n": 2, "tile_px": 128}
    *skipped, _ = create_all(tmp_path / "refused", **sources)
    assert len(skipped) == 3
    assert all("say --allow-phantoms if it shall stand for one" in text for text in skipped)
    assert create_all(tmp_path / "study", **sources, allow_phantoms=True) == []
    key = read_key(tmp_path / "study" / KEY).values()
    assert sum(row["source"].startswith("phantom_") for row in key) == 3
    assert all(row["label"] == "real" for row in key if row["source"].startswith("phantom_"))


def test_mistakes_are_told_in_one_line(
    makes: tuple[Path, Path], made: Path, tmp_path: Path
) -> None:
    real, synthetic = makes

    def fails(match: str, folder: Path = tmp_path / "s", **changes: object) -> None:
        with pytest.raises(WsigenError, match=match):
            list(create_study(folder, **{"real": real, "synthetic": synthetic, "n": 2, **changes}))

    fails("not an empty folder", folder=made)
    fails(f"{N + 1} usable slides, expected 21", n=20)
    fails("n is 0", n=0)
    fails("exists already", key=made / KEY)
    fails("no such cohort", real=tmp_path / "nowhere")
    fails("less than a tile", tile_px=2048)
    for side in ("height", "width"):
        fails(f"0 of {N + 1} slides show .*5000 .*expected 3; choose a smaller", **{side: 5000})
    for name in (CONFIG, "x/../run_info.json", RATINGS, SLIDES, "slides/key.csv", "report/key.csv"):
        fails("is written there; name another file", key=tmp_path / "s" / name)
    fails("is to be a folder; name a file", key=tmp_path / "s")
    fails("is to be a folder; name a file", folder=tmp_path / "s" / "s", key=tmp_path / "s")
    assert not (tmp_path / "s").exists()
    with pytest.raises(WsigenError, match="wsigen study create"):
        load_study(tmp_path)
    with pytest.raises(WsigenError, match="--key"):
        read_key(tmp_path / "none.csv")
    (tmp_path / "odd.csv").write_text("slide,label\na,real\n")
    with pytest.raises(WsigenError, match="is it the study's key"):
        read_key(tmp_path / "odd.csv")


def test_links_are_made_for_addresses_that_a_browser_opens(made: Path) -> None:
    def invite(url: str) -> Result:
        return CliRunner().invoke(study_command, ["invite", str(made), "anna", "--url", url])

    for url in ("foo", "ftp://foo.org", "http://", "https:///r", "http://foo bar", ""):
        assert "expected http:// or https://" in str(invite(url).exception), url
    assert not (made / RATINGS).exists(), "an address refused gives no link"
    for url in ("http://127.0.0.1:8000", "HTTPS://study.example.org/", "http://[::1]:8000"):
        assert f"anna\t{url.rstrip('/')}/r/" in invite(url).stdout
    (made / RATINGS).unlink()


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(28, "No space left on device")])
@pytest.mark.parametrize("at", ["level_files", "reencode", "run_info"])
def test_a_study_that_fails_leaves_nothing_of_its_own(
    makes: tuple[Path, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    at: str,
    error: BaseException,
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise error

    (tmp_path / "empty").mkdir()
    (tmp_path / "note.txt").write_text("mine")
    sources = {"real": makes[0], "synthetic": makes[1], "n": 1, "tile_px": 128}
    with monkeypatch.context() as patch:
        patch.setattr(f"wsigen.study.design.{at}", fails)
        for folder, key in (("empty", None), ("new/study", tmp_path / "keys" / "key.csv")):
            with pytest.raises(type(error)):
                list(create_study(tmp_path / folder, **sources, key=key))
    assert {path.name for path in tmp_path.rglob("*")} == {"empty", "note.txt"}


def test_a_study_left_in_the_middle_can_be_asked_for_again(
    makes: tuple[Path, Path], tmp_path: Path
) -> None:
    sources = {"real": makes[0], "synthetic": makes[1], "n": 1, "tile_px": 128}
    steps = create_study(tmp_path / "s", **sources)
    next(steps)
    steps.close()
    assert list(tmp_path.iterdir()) == []
    assert create_all(tmp_path / "s", **sources) == []
    assert len(load_study(tmp_path / "s").slides) == 2


def test_slides_too_coarse_for_the_study_are_left_out(
    makes: tuple[Path, Path], tmp_path: Path
) -> None:
    (tmp_path / "mixed").mkdir()
    for path in sorted(makes[1].iterdir())[:3]:
        shutil.copy(path, tmp_path / "mixed")
        with open_slide(path) as slide:
            pixels = slide.read(0, 0, slide.height, slide.width)
        write_pyramid(
            tmp_path / "mixed" / f"coarse-{path.name}", 255 - pixels // 2, 6.0, description={}
        )
    skipped = create_all(
        tmp_path / "s", real=makes[0], synthetic=tmp_path / "mixed", n=2, mpp=3, tile_px=128
    )
    assert skipped
    assert all("coarser than the study's 3;" in text for text in skipped)
    assert len(load_study(tmp_path / "s").slides) == 4


def test_a_study_finer_than_its_slides_is_told_which_scale_they_have(
    makes: tuple[Path, Path], tmp_path: Path
) -> None:
    sources = {"real": makes[0], "synthetic": makes[1], "n": 2, "tile_px": 128}
    for mpp, folder in ((2.7, makes[1]), (0.01, makes[0])):
        (told,) = create_all(tmp_path / "s", **sources, mpp=mpp)
        assert told == (
            f"{folder}: 0 of {N + 1} slides have {mpp:g} um/px or finer, expected 3; "
            "--mpp is finer than the slides: choose 3 or more"
        )
    assert not (tmp_path / "s").exists()
    assert create_all(tmp_path / "s", **sources, mpp=3) == []


def test_a_slide_without_tissue_is_left_out(makes: tuple[Path, Path], tmp_path: Path) -> None:
    blank = tmp_path / "blank"
    blank.mkdir()
    for name in "abc":
        write_pyramid(blank / f"{name}.tiff", np.full((480, 480, 3), 244, np.uint8), 3.0)
    *skipped, last = create_all(tmp_path / "s", real=makes[0], synthetic=blank, n=2, tile_px=128)
    assert len(skipped) == 3
    assert all("no tissue found" in text for text in skipped)
    assert "blank: 0 usable slides" in last


def test_study_files_open_with_the_padding_at_their_end(tmp_path: Path) -> None:
    folder = small_study(tmp_path, n=1, side=480)
    for path in (folder / SLIDES).iterdir():
        with openslide.OpenSlide(path) as slide:
            assert slide.level_count >= 1
            assert "tiff.ImageDescription" not in slide.properties
        assert path.stat().st_size % 65536 == 0


def test_creating_and_serving_load_no_torch() -> None:
    script = (
        "import sys, wsigen.cli.study, wsigen.cli.view\n"
        "import wsigen.study.app, wsigen.study.report, wsigen.study.view\n"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
