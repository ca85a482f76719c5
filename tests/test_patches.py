import math

import numpy as np
import pytest
from PIL import Image

from wsigen.cohorts.cohort import read_cohort
from wsigen.cohorts.entry import Entry
from wsigen.cohorts.patches import PatchSampler, Source, open_sources
from wsigen.errors import WsigenError
from wsigen.slides.reader import ImageSlide


def source(side: int = 1024, mpp: float = 0.5, *, glass: bool = True) -> Source:
    """A slide with a square of tissue in its middle, or a field that is all tissue."""
    noise = np.random.default_rng(0).integers(-20, 20, (side, side, 3))
    image = np.full((side, side, 3), 245)
    inner = slice(side // 4, 3 * side // 4) if glass else slice(None)
    image[inner, inner] = (150, 90, 160)
    image[inner, inner] += noise[inner, inner]
    return Source.of(ImageSlide(Image.fromarray(image.astype(np.uint8)), mpp), "case")


def test_patch_n_is_the_same_whoever_asks_and_in_which_order():
    one, two = PatchSampler([source()], seed=5), PatchSampler([source()], seed=5)
    forward = [one.patch(n) for n in range(20)]
    backward = [two.patch(n) for n in reversed(range(20))][::-1]
    for (a, mpp_a), (b, mpp_b) in zip(forward, backward, strict=True):
        assert mpp_a == mpp_b
        np.testing.assert_array_equal(a, b)
    assert not np.array_equal(PatchSampler([source()], seed=6).patch(0)[0], forward[0][0])


def test_scales_reach_from_the_slides_own_to_its_whole_width():
    sampler = PatchSampler([source(1024, 0.5)], 64, (0.1, 500.0))
    assert sampler.mpp_range == (0.5, 0.5 * 1024 / 64)
    scales = [sampler.patch(n)[1] for n in range(300)]
    assert min(scales) < 0.55
    assert max(scales) > 7.2


@pytest.mark.parametrize(("scale", "share"), [("log", 0.5), ("uniform", 0.2)])
def test_log_uniform_scales_give_every_octave_its_share(scale, share):
    sampler = PatchSampler([source()], 64, (0.5, 8.0), scale=scale)
    draws = np.array([sampler.patch(n)[1] for n in range(600)])
    below = (draws < 2.0).mean()  # two octaves of four
    expected = math.log(2.0 / 0.5) / math.log(8.0 / 0.5) if scale == "log" else 1.5 / 7.5
    assert expected == pytest.approx(share)
    assert below == pytest.approx(expected, abs=4 * math.sqrt(0.25 / 600))


def test_most_patches_show_tissue_and_a_few_show_empty_glass():
    sampler = PatchSampler([source(2048, 0.5)], 32, (0.5, 1.0))
    shows = [sampler.patch(n)[0].mean() < 240 for n in range(300)]
    assert 0.85 < np.mean(shows) < 0.99


def test_no_patch_shows_the_edge_of_a_field():
    sampler = PatchSampler([source(512, 0.5, glass=False)], 64, (0.5, 100.0))
    assert sampler.mpp_range[1] == pytest.approx(0.5 * 512 / 64)
    assert max(sampler.patch(n)[0].max(axis=(0, 1)).min() for n in range(200)) < 200


def test_a_scale_that_no_slide_shows_is_refused():
    with pytest.raises(WsigenError, match="no slide shows 20 to 30 um/px"):
        PatchSampler([source()], 64, (20.0, 30.0))


def write_cohort(folder, rows, header="path,case,mpp,split"):
    Image.new("RGB", (64, 64), "purple").save(folder / "a.png")
    Image.new("RGB", (64, 64), "violet").save(folder / "b.png")
    (folder / "cohort.csv").write_text("\n".join([header, *rows]))
    return folder / "cohort.csv"


def test_a_cohort_is_a_csv_or_a_folder(tmp_path):
    table = write_cohort(tmp_path, ["a.png,p1,0.5,train", "b.png,p2,,test"])
    expected = [
        Entry(tmp_path / "a.png", "p1", 0.5, "train"),
        Entry(tmp_path / "b.png", "p2", None, "test"),
    ]
    assert read_cohort(table) == read_cohort(tmp_path) == expected
    assert read_cohort(table, exclude=["p1"]) == expected[1:]
    table.unlink()
    assert [entry.case for entry in read_cohort(tmp_path)] == ["a", "b"]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["a.png,p1,0.5,train", "b.png,p1,0.5,test"], "case 'p1' is in two splits"),
        (["gone.png,p1,0.5,train"], "no file 'gone.png'"),
        (["a.png,p1,fine,train"], "mpp is 'fine', expected a number above 0"),
        (["a.png,p1,-1,train"], "mpp is '-1'"),
        ([], "no rows below path"),
    ],
)
def test_a_cohort_that_cannot_be_right_is_refused(tmp_path, rows, message):
    with pytest.raises(WsigenError, match=message):
        read_cohort(write_cohort(tmp_path, rows))
    with pytest.raises(WsigenError, match="no such cohort"):
        read_cohort(tmp_path / "nowhere")


def test_a_split_without_slides_is_refused(tmp_path):
    with pytest.raises(WsigenError, match="no slide with split 'test'"):
        open_sources(read_cohort(write_cohort(tmp_path, ["a.png,p1,0.5,train"])), "test")


@pytest.mark.real
def test_the_real_cohort_opens_and_every_training_slide_shows_tissue(real_cohort):
    entries = [e for e in read_cohort(real_cohort) if e.path.stat().st_size < 1_500_000]
    for found in open_sources(entries):
        assert found.mask.any(), found.slide.path
        assert 0.1 < found.slide.mpp < 40
    sampler = PatchSampler(open_sources(entries), 64)
    patches = [sampler.patch(n) for n in range(100)]
    # haematoxylin and eosin absorb green most
    colours = np.array([pixels.reshape(-1, 3).mean(axis=0) for pixels, _ in patches])
    assert (colours[:, 1] <= colours[:, 0] + 1).mean() > 0.9


@pytest.mark.real
def test_dicom_and_aperio_slides_say_their_own_scale(real_cohort):
    from wsigen.slides import open_slide

    for name, mpp in (
        ("camelyon/multi_frame_jpeg_camelyon_challenge_image.dcm", 28.969),
        ("openslide/CMU-1-Small-Region.svs", 0.499),
    ):
        with open_slide(real_cohort.parent / name) as slide:
            assert slide.mpp == pytest.approx(mpp, rel=1e-3)
            assert slide.read(100, 100, 64, 64, mpp * 3).std() > 1


def test_stains_vary_until_the_finish_and_then_no_more():
    plain = PatchSampler([source()], seed=5)
    jittered = PatchSampler([source()], seed=5, stain_jitter=0.3, stain_jitter_until=10)
    same = [np.array_equal(plain.patch(n)[0], jittered.patch(n)[0]) for n in range(20)]
    assert not any(same[:10])
    assert all(same[10:])
