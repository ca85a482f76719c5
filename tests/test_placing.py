"""Where training patches lie, and what is drawn there."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from wsigen.cohorts.cohort import read_cohort
from wsigen.cohorts.entry import Entry
from wsigen.cohorts.ground import REACH, Ground, hull
from wsigen.cohorts.patches import Source
from wsigen.cohorts.placing import (
    BACKGROUND_SHARE,
    BLOCK,
    SHARE_PER_CASE,
    TURNED_FREELY,
    UNIFORMS,
    Places,
    Placing,
)
from wsigen.errors import WsigenError
from wsigen.seeds import generator
from wsigen.slides.tissue import BACKGROUND
from wsigen.training.drawing import Drawer, Pyramids, decode, halved

PATCH_PX = 64


def ground(case="a", *, side=1000, mpp=1.0, whole=True, group="other", jitter=0.0) -> Ground:
    """A square image; on glass a disc of tissue in its middle, else tissue all over."""
    spots = np.argwhere(np.ones((50, 50), bool)) + 0.5
    if whole:
        spots = spots[np.hypot(*(spots - 25).T) < 15]
    tissue = (spots * side * mpp / 50).astype(np.float32)
    area = len(spots) * (side * mpp / 50) ** 2
    return Ground(side, side, mpp, case, group, tissue, area, whole, jitter)


def corners(places: Places, i: int, mpp: float) -> np.ndarray:
    """Corners of patch i in pixels of its image, shape (4, 2)."""
    half = PATCH_PX / 2 * places.mpp[i]
    cos, sin = math.cos(places.angle[i]), math.sin(places.angle[i])
    square = np.array([[-1, -1], [-1, 1], [1, 1], [1, -1]]) * half
    turned = square @ np.array([[cos, sin], [-sin, cos]])
    return (places.centre[i] + turned) / mpp


def test_no_patch_of_a_field_shows_its_edge():
    field = ground(whole=False)
    places = Placing([field], PATCH_PX, (1.0, 15.0)).places(range(500))
    found = np.stack([corners(places, i, 1.0) for i in range(500)])
    assert found.min() >= -1e-6
    assert found.max() <= 1000 + 1e-6
    assert places.mpp.max() > 10  # up to where the field just holds the patch


def test_where_only_a_group_without_a_share_has_whole_slides_no_overview_is_drawn():
    grounds = [ground("a", group="breast"), ground("b", whole=False)]
    placing = Placing(grounds, PATCH_PX, (1.0, 15.0), whole_share=0.5, shares={"breast": 0.0})
    places = placing.places(range(500))
    assert not places.overview.any()
    assert (places.source == 1).all()


def test_an_overview_that_fits_holds_all_of_the_tissue():
    slide = ground()
    placing = Placing([slide], PATCH_PX, (1.0, 100.0), whole_share=1.0)
    places = placing.places(range(300))
    fill = slide.length_um / PATCH_PX
    assert places.overview.all()
    assert REACH[0] * fill <= places.mpp.min()
    assert places.mpp.max() <= REACH[1] * fill
    for i in np.flatnonzero(places.mpp > fill * 1.1):  # the outline turned is a little larger
        half = PATCH_PX / 2 * places.mpp[i]
        cos, sin = math.cos(places.angle[i]), math.sin(places.angle[i])
        away = (slide.tissue - places.centre[i]) @ np.array([[cos, sin], [-sin, cos]]).T
        assert np.abs(away).max() <= half + 1e-3


def test_a_patch_is_the_same_whoever_asks_for_it_and_when():
    grounds = [ground("a"), ground("b", mpp=0.5)]
    many = Placing(grounds, PATCH_PX, (0.5, 20.0), seed=3).places(range(0, 3000, 7))
    alone = Placing(grounds, PATCH_PX, (0.5, 20.0), seed=3)
    for i in (400, 0, 171):
        one = alone.places([7 * i])
        assert one.mpp[0] == many.mpp[i]
        assert np.array_equal(one.centre[0], many.centre[i])
        assert one.source[0] == many.source[i]


def placed(placing: Placing, number: int) -> tuple:
    """The definition, one patch at a time: source, scale, told scale, centre, angle, mirror, overview."""
    block, row = divmod(number, BLOCK)
    u = generator(placing.seed, "places", block).random((BLOCK, UNIFORMS))[row]
    overview = u[0] < placing.whole_share
    if overview:
        source = int(np.searchsorted(placing.whole_cumulated, u[2] * (1 - 1e-9), side="right"))
        ground = placing.grounds[source]
        fill = ground.length_um / PATCH_PX
        low = max(REACH[0] * fill, ground.mpp, placing.mpp_range[0])
        high = max(min(REACH[1] * fill, placing.mpp_range[1]), low)
        mpp = low * (high / low) ** u[1]
    else:
        place = u[1] * len(placing.bins)
        chosen = placing.bins[int(place)]
        low, high = placing.edges[chosen], placing.edges[chosen + 1]
        mpp = low * (high / low) ** (place % 1)
        shares = placing.cumulated[chosen]
        source = int(np.searchsorted(shares, u[2] * (1 - 1e-9), side="right"))
        ground = placing.grounds[source]
    angle, side = 2 * math.pi * u[6], PATCH_PX * mpp
    extent = np.array([ground.height, ground.width]) * ground.mpp
    reach = side / 2 * (abs(math.cos(angle)) + abs(math.sin(angle)))
    inside = ground.whole or 2 * reach <= extent.min()
    if mpp < TURNED_FREELY * ground.mpp or not inside:
        angle, reach = math.pi / 2 * int(4 * u[6]), side / 2
    spot = ground.tissue[int(u[3] * len(ground.tissue))]
    if ground.whole:
        turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
        turned = ground.tissue @ turn.T
        low, high = turned.min(axis=0), turned.max(axis=0)
        if u[8] < BACKGROUND_SHARE:
            corner = low - side / 2 + u[4:6] * (high - low)
        else:
            near = turn @ spot - u[4:6] * side
            corner = np.clip(near, low - 0.2 * side, high - 0.8 * side)
        fitted = high - side + u[4:6] * (side - (high - low))
        corner = np.where(high - low <= side, fitted, corner)
        centre = turn.T @ (corner + side / 2)
    else:
        centre = np.clip(spot + (u[4:6] - 0.5) * side, reach, np.maximum(extent - reach, reach))
    gauss = math.sqrt(-2 * math.log(1 - u[10])) * math.cos(2 * math.pi * u[11])
    told = mpp * math.exp(ground.jitter * gauss)
    return source, mpp, told, *centre, angle, u[7] < 0.5, overview


def test_patches_placed_together_lie_where_each_alone_is_defined_to():
    rng = np.random.default_rng(0)
    grounds = [
        ground(f"c{i % 5}", side=int(rng.integers(200, 2000)), mpp=rng.uniform(0.25, 8.0),
               whole=i % 2 == 0, group=("breast", "other")[i % 3 == 0], jitter=0.2 * (i % 4 == 0))
        for i in range(24)
    ]  # fmt: skip
    placing = Placing(
        grounds, PATCH_PX, (0.25, 400.0), whole_share=0.2, shares={"breast": 0.3}, seed=5
    )
    numbers = range(BLOCK - 700, 2 * BLOCK + 300)  # over three blocks
    places = placing.places(numbers)
    found = np.column_stack(
        [places.source, places.mpp, places.told_mpp, places.centre, places.angle, places.mirror,
         places.overview]
    )  # fmt: skip
    expected = np.array([placed(placing, number) for number in numbers], float)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-2)  # of spots in float32
    np.testing.assert_allclose(
        found[:, [0, 1, 2, 5, 6, 7]], expected[:, [0, 1, 2, 5, 6, 7]], rtol=1e-12
    )
    assert set(places.source) == set(range(24))


@pytest.mark.parametrize("kind", ["cloud", "disc", "row", "column", "one"])
def test_a_hull_reaches_as_far_as_its_points_in_every_direction_with_no_corner_to_spare(kind):
    grid = np.argwhere(np.ones((40, 40), bool)).astype(np.float32)
    points = {
        "cloud": np.random.default_rng(0).normal(size=(500, 2)).astype(np.float32),
        "disc": grid[np.hypot(*(grid - 20).T) < 17],
        "row": grid[grid[:, 0] == 3],
        "column": grid[grid[:, 1] == 3],
        "one": grid[:1],
    }[kind]
    corners = hull(points)
    angles = np.linspace(0, 2 * math.pi, 720)
    away = np.stack([np.cos(angles), np.sin(angles)])
    np.testing.assert_allclose((corners @ away).max(axis=0), (points @ away).max(axis=0), rtol=1e-6)
    from scipy.spatial import ConvexHull

    least = {"row": 2, "column": 2, "one": 1}.get(kind)
    assert len(corners) == (least or len(ConvexHull(points).vertices))


def test_scales_are_drawn_evenly_per_octave_between_what_slides_show():
    places = Placing([ground()], PATCH_PX, (1.0, 4.0)).places(range(6000))
    octaves = np.histogram(np.log2(places.mpp), bins=[0, 1, 2])[0] / 6000
    assert octaves == pytest.approx([1 / 2] * 2, abs=0.02)


def test_cases_share_the_draw_not_images():
    grounds = [ground("a"), *(ground("b") for _ in range(9))]
    places = Placing(grounds, PATCH_PX, (1.0, 2.0)).places(range(4000))
    assert np.mean(places.source == 0) == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize(("cases", "share"), [(20, 0.4), (2, 2 * SHARE_PER_CASE)])
def test_a_group_has_its_share_as_far_as_it_has_cases(cases, share):
    named = [ground(f"n{i}", group="breast") for i in range(cases)]
    others = [ground(f"o{i}") for i in range(30)]
    placing = Placing([*named, *others], PATCH_PX, (1.0, 2.0), shares={"breast": 0.4})
    assert np.mean(placing.places(range(4000)).source < cases) == pytest.approx(share, abs=0.03)


def test_a_group_is_drawn_alone_below_its_scale():
    grounds = [ground("n", group="breast"), ground("o")]
    placing = Placing(grounds, PATCH_PX, (1.0, 4.0), only_below={"breast": 2.0})
    places = placing.places(range(4000))
    assert set(places.source[places.mpp < 2]) == {0}
    assert np.mean(places.source[places.mpp > 2] == 0) == pytest.approx(0.5, abs=0.04)


def test_where_a_scale_is_an_estimate_the_network_is_told_one_that_errs():
    exact, unsure = (
        Placing([ground(jitter=jitter)], PATCH_PX, (1.0, 8.0)).places(range(4000))
        for jitter in (0.0, 0.2)
    )
    assert np.array_equal(exact.told_mpp, exact.mpp)
    errors = np.log(unsure.told_mpp / unsure.mpp)
    assert errors.std() == pytest.approx(0.2, rel=0.05)
    assert errors.mean() == pytest.approx(0, abs=0.02)


def test_scales_that_no_slide_shows_are_an_error_that_says_what_they_show():
    with pytest.raises(WsigenError, match=r"no slide shows enough of 100 to 200 um/px.*from 1 to"):
        Placing([ground()], PATCH_PX, (100.0, 200.0))


@pytest.fixture(scope="module")
def slide(tmp_path_factory):
    """A smooth picture of some tissue on white, as a file; and its entry in a cohort."""
    rng = np.random.default_rng(0)
    coarse = Image.fromarray(rng.integers(0, 255, (80, 100, 3), np.uint8))
    pixels = np.asarray(coarse.resize((800, 640), Image.Resampling.BICUBIC)).astype(float)
    rows, columns = np.mgrid[:640, :800]
    glass = np.hypot(rows - 320, columns - 400) > 250
    pixels = 120 + 0.3 * pixels
    pixels[glass] = BACKGROUND
    path = tmp_path_factory.mktemp("slide") / "slide.png"
    Image.fromarray(pixels.astype(np.uint8)).save(path)
    return Entry(path, "a", 1.0, "train", organ="breast")


@pytest.mark.parametrize("mpp", [1.0, 1.3, 2.0, 3.7, 5.0])
def test_what_is_drawn_is_the_mean_of_the_tissue_under_each_pixel(slide, mpp):
    decoded = decode(slide, 0.25)
    side = PATCH_PX * mpp
    top, left = 300.0 - side / 2, 400.0 - side / 2
    places = Places(
        np.array([0]),
        np.array([mpp]),
        np.array([mpp]),
        np.array([[300.0, 400.0]]),
        np.array([0.0]),
        np.array([False]),
        np.array([False]),
    )
    found = (Pyramids([decoded]).draw(places, PATCH_PX)[0].permute(1, 2, 0) + 1) * 127.5
    with slide.open() as opened:
        expected = opened.read(top / mpp, left / mpp, PATCH_PX, PATCH_PX, mpp)
    assert np.abs(found.numpy() - expected).mean() < 1


def test_patches_of_real_tissue_are_within_a_grey_level_of_the_means_under_their_pixels():
    entries = read_cohort("sample")[:4]
    pyramids = Pyramids([decode(entry, 0.25) for entry in entries])
    placing = Placing(pyramids.grounds, PATCH_PX, (0.25, 20.0), seed=2)
    places = placing.places(range(60))
    upright = replace(places, angle=np.zeros(60), mirror=np.zeros(60, bool))
    found = (pyramids.draw(upright, PATCH_PX).permute(0, 2, 3, 1).numpy() + 1) * 127.5
    sources = [Source.of(entry.open(), entry.case) for entry in entries]
    for i, mpp in enumerate(upright.mpp):
        corner = upright.centre[i] / mpp - PATCH_PX / 2
        source = sources[upright.source[i]]
        expected = source.read(*corner, PATCH_PX, PATCH_PX, mpp)
        inner = slice(4, -4)  # a patch turned upright may reach over the edge of its image
        assert np.abs(found[i] - expected)[inner, inner].mean() < 1


def test_turning_and_mirroring_turn_and_mirror(slide):
    pyramids = Pyramids([decode(slide, 0.25)])

    def patch(angle: float, mirror: bool) -> torch.Tensor:
        one, centre = np.array([2.0]), np.array([[300.0, 400.0]])
        turned = Places(
            np.array([0]),
            one,
            one,
            centre,
            np.array([angle]),
            np.array([mirror]),
            np.array([False]),
        )
        return pyramids.draw(turned, PATCH_PX)[0]

    straight = patch(0.0, False)
    torch.testing.assert_close(patch(0.0, True), straight.flip(2), atol=1e-4, rtol=0)
    quarter = patch(math.pi / 2, False)
    turns = [torch.rot90(straight, k, (1, 2)) for k in (1, 3)]
    assert min(float((quarter - turn).abs().max()) for turn in turns) < 1e-2


def test_beyond_a_whole_slide_lies_its_glass(slide):
    decoded = decode(slide, 0.25)
    assert decoded.ground.whole
    far = Places(
        np.array([0]),
        np.array([2.0]),
        np.array([2.0]),
        np.array([[-500.0, -500.0]]),
        np.array([0.3]),
        np.array([False]),
        np.array([False]),
    )
    image = Pyramids([decoded]).draw(far, PATCH_PX)
    torch.testing.assert_close(image, torch.full_like(image, BACKGROUND / 127.5 - 1))


def test_a_drawer_tells_the_organ_by_its_number(slide):
    pyramids = Pyramids([decode(slide, 0.25)])
    placing = Placing(pyramids.grounds, PATCH_PX, (1.0, 4.0))
    for organs, number in ((("bone", "breast"), 2), (("bone",), 0)):
        drawn = Drawer(pyramids, placing, organs).draw(range(4))
        assert drawn.organ.tolist() == [number] * 4
        assert drawn.clean.shape == (4, 3, PATCH_PX, PATCH_PX)
        assert float(drawn.clean.abs().max()) <= 1


def test_halving_takes_means_and_leaves_an_odd_row_out():
    pixels = np.array([[[0] * 3, [1] * 3], [[2] * 3, [3] * 3], [[9] * 3, [9] * 3]], np.uint8)
    assert halved(pixels).tolist() == [[[2, 2, 2]]]  # 1.5, rounded up
