"""Phantom slides: seeded, the same from any window, and known in truth."""

import csv

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wsigen.cohorts.cohort import read_cohort
from wsigen.cohorts.drawn import write_phantom_cohort
from wsigen.errors import WsigenError
from wsigen.phantom.slide import PhantomSlide
from wsigen.slides import open_slide, read_description
from wsigen.slides.tissue import tissue_mask

SIZE = 1024


@pytest.fixture(scope="module")
def slide():
    return PhantomSlide(4, height=SIZE, width=SIZE)


@pytest.fixture(scope="module")
def whole(slide):
    return slide.render(0, 0, SIZE, SIZE)


def test_the_same_seed_gives_the_same_pixels_and_another_seed_others(slide, whole):
    again = PhantomSlide(4, height=SIZE, width=SIZE).render(0, 0, 512, 512)
    other = PhantomSlide(5, height=SIZE, width=SIZE).render(0, 0, 512, 512)
    np.testing.assert_array_equal(again, whole[:512, :512])
    assert (other != again).mean() > 0.5


@given(st.integers(0, 900), st.integers(0, 900), st.integers(1, 124), st.integers(1, 124))
@settings(max_examples=5, deadline=None)
def test_a_window_is_cut_from_the_whole(slide, whole, top, left, height, width):
    window = slide.render(top, left, height, width)
    np.testing.assert_array_equal(window, whole[top : top + height, left : left + width])


def test_blocks_meet_without_a_seam(whole):
    """Rows 511 and 512 come from two blocks; they differ no more than other neighbours do."""
    steps = np.abs(np.diff(whole.astype(int), axis=0)).mean((1, 2))
    usual = steps[462:562]
    assert steps[511] < usual.mean() + 4 * usual.std()


def test_windows_may_lie_outside_and_show_glass_there(slide):
    glass = slide.render(-SIZE, -SIZE, 64, 64)
    assert glass.min() > 225
    assert 0 < glass.std() < 4


def test_strips_are_the_slide(slide, whole):
    np.testing.assert_array_equal(np.concatenate(list(slide.strips())), whole)


def test_tissue_is_where_the_detector_finds_it(slide, whole):
    truth = slide.tissue(0, 0, SIZE, SIZE)
    assert 0.1 < truth.mean() < 0.8
    found = tissue_mask(whole[::4, ::4])
    assert (found <= truth[::4, ::4]).mean() > 0.97  # glass is not taken for tissue
    assert (found & truth[::4, ::4]).sum() > 0.5 * truth[::4, ::4].sum()  # the rest is fat


def test_nuclei_are_dark_and_blue_at_their_centres_and_lie_in_tissue(slide, whole):
    nuclei = slide.nuclei(0, 0, SIZE, SIZE)
    assert len(nuclei) > 300
    rows, columns = nuclei.astype(int).T
    assert slide.tissue(0, 0, SIZE, SIZE)[rows, columns].all()
    at_nuclei, tissue = whole[rows, columns], whole[slide.tissue(0, 0, SIZE, SIZE)]
    assert at_nuclei.mean() < tissue.mean() - 40
    assert (at_nuclei[:, 2] > at_nuclei[:, 1]).mean() > 0.95  # haematoxylin: blue above green
    assert (at_nuclei[:, 0] < 160).mean() > 0.9  # it takes the red that eosin leaves


def test_nuclei_of_a_window_are_those_of_the_slide_within_it(slide):
    every = slide.nuclei(0, 0, SIZE, SIZE)
    window = slide.nuclei(300, 400, 350, 250)
    inside = ((every >= (300, 400)) & (every < (650, 650))).all(1)
    assert {tuple(np.round((y + 300, x + 400), 6)) for y, x in window} == {
        tuple(np.round(n, 6)) for n in every[inside]
    }


def test_tissue_is_the_same_at_another_scale():
    fine = PhantomSlide(4, height=2048, width=2048, mpp=0.5).tissue(512, 512, 512, 512)
    coarse = PhantomSlide(4, height=1024, width=1024, mpp=1.0).tissue(256, 256, 256, 256)
    assert (fine[::2, ::2] == coarse).mean() > 0.99


def test_a_cohort_can_be_read_and_is_the_same_again(tmp_path):
    write_phantom_cohort(tmp_path / "one", slides=4, seed=3, mpp=0.5, size=256)
    write_phantom_cohort(tmp_path / "two", slides=4, seed=3, mpp=0.5, size=256)
    entries = read_cohort(tmp_path / "one")
    assert len({entry.case for entry in entries}) == 4
    assert sorted(entry.split for entry in entries) == ["test", "train", "train", "train"]
    with (tmp_path / "one" / "cohort.csv").open() as file:
        header = next(csv.reader(file))
    assert header == ["path", "cohort", "case", "organ", "mpp", "mpp_source", "split", "licence"]
    for entry in entries:
        with open_slide(entry.path) as slide:
            assert (slide.height, slide.width) == (256, 256)
            assert slide.mpp == pytest.approx(0.5)
        assert read_description(entry.path)["SYNTHETIC"] is True
        twin = tmp_path / "two" / entry.path.name
        assert entry.path.read_bytes() == twin.read_bytes()


@pytest.mark.parametrize(("slides", "tested"), [(1, 0), (2, 1), (3, 1), (8, 2)])
def test_about_a_quarter_of_the_cases_is_for_testing(tmp_path, slides, tested):
    write_phantom_cohort(tmp_path, slides=slides, size=16)
    assert [entry.split for entry in read_cohort(tmp_path)].count("test") == tested


def test_a_folder_with_files_is_refused_unless_told_otherwise(tmp_path):
    (tmp_path / "note.txt").write_text("mine")
    with pytest.raises(WsigenError, match="--overwrite"):
        write_phantom_cohort(tmp_path, slides=1, size=32)
    assert [path.name for path in tmp_path.iterdir()] == ["note.txt"]
    for _ in range(2):
        write_phantom_cohort(tmp_path, slides=1, size=32, overwrite=True)
    assert (tmp_path / "note.txt").read_text() == "mine"


def test_an_interrupted_cohort_leaves_nothing(tmp_path):
    def two_then_stop(slides):
        yield from slides[:2]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_phantom_cohort(tmp_path / "cohort", slides=4, size=16, progress=two_then_stop)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("slides", 0), ("size", 0), ("size", 1), ("size", 99_999_999),
        ("mpp", 0), ("mpp", float("nan")), ("mpp", 1e-6), ("mpp", 1000.0),
    ],
)  # fmt: skip
def test_impossible_numbers_are_refused(tmp_path, name, wrong):
    with pytest.raises(WsigenError, match=f"--{name} is .*; expected"):
        write_phantom_cohort(tmp_path / "cohort", **{name: wrong})
    assert list(tmp_path.iterdir()) == []
