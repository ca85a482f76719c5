"""The overview before the slide: drawn again where it is empty, and the same for whoever makes the slide."""

from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
import torch
from oracles import FlatDenoiser, GaussianDenoiser

from wsigen.coarse_to_fine import drain, generate
from wsigen.grid import Window
from wsigen.mending import LIGHT
from wsigen.plan import FAST, PAPER, TOLD, stages
from wsigen.runs.canvas import strips
from wsigen.runs.estimate import evaluations_due, seconds_each
from wsigen.runs.kept import Kept
from wsigen.runs.painter import Painter
from wsigen.runs.plane import StagePlane
from wsigen.runs.workdir import Workdir
from wsigen.schedule import SIGMA_MAX
from wsigen.zoom.cone import cones
from wsigen.zoom.overview import (
    LEAST_TISSUE,
    MOST_DRAWINGS,
    SLATE,
    drawings,
    is_slate,
    with_tissue,
)
from wsigen.zoom.path import zoom
from wsigen.zoom.scope import Scope

GLASS, PATCH_PX = 245 / 127.5 - 1, 16
PATH = stages(70, 95, 1.0, patch_px=PATCH_PX)  # its overview is smaller than a patch
SQUARE = stages(64, 64, 1.0, patch_px=PATCH_PX)[0]  # an overview of one patch
QUICK = replace(FAST, num_steps=3, overview_steps=4)


class GlassOrTissue:
    """Sees glass in a patch whose pixels are mostly above 0, as its own glass is, and tissue in any other."""

    def __call__(self, x, sigma, mpp):
        glass = x.mean(dim=(1, 2, 3), keepdim=True) > 0
        return torch.where(glass, GLASS, -0.5).expand_as(x).contiguous()


class NavyOrTissue:
    """Sees navy blue in a patch whose pixels are mostly above 0, and purple in any other."""

    def __call__(self, x, sigma, mpp):
        navy, purple = torch.tensor([[-0.4, 0.2, 0.4], [-0.4, -0.7, -0.2]])[..., None, None]
        return torch.where(x.mean(dim=(1, 2, 3), keepdim=True) > 0, navy, purple).expand_as(x)


def painter_of(denoiser, seed, plan=QUICK):
    return Painter(denoiser, plan, PATCH_PX, seed=seed, background=GLASS)


def test_an_empty_overview_is_drawn_again_under_the_same_seed_until_it_shows_tissue():
    again = 0
    for seed in range(12):
        painter = painter_of(GlassOrTissue(), seed)
        found = with_tissue(painter, SQUARE)
        number = found.painter.drawing
        in_turn = [one.tissue for one in islice(drawings(painter, SQUARE), number + 1)]
        assert all(tissue < LEAST_TISSUE for tissue in in_turn[:-1])
        assert in_turn[-1] == found.tissue >= LEAST_TISSUE
        assert found.painter == replace(painter, drawing=number)
        again += number > 0
    assert 0 < again < 12


def test_a_told_plan_does_not_begin_with_an_overview_of_slate():
    told, again = replace(QUICK, guide_sigma=TOLD.guide_sigma), 0
    for seed in range(12):
        untold = with_tissue(painter_of(NavyOrTissue(), seed), SQUARE)
        assert (untold.painter.drawing, untold.slate) == (0, False)  # its stages paint any colour
        found = with_tissue(painter_of(NavyOrTissue(), seed, told), SQUARE)
        number = found.painter.drawing
        slate = [one.slate for one in islice(drawings(found.painter, SQUARE), number + 1)]
        assert slate == [True] * number + [False]
        again += number > 0
    assert 0 < again < 12


def test_slate_absorbs_hardly_more_green_than_red():
    glass, light = np.full((40, 40, 3), 245, np.uint8), 255 * LIGHT
    assert not is_slate(glass)
    for ratio in (0.7, SLATE - 0.05, SLATE + 0.05, 2.0):
        stained = light * np.exp(-0.8 * np.array([1.0, ratio, 0.7]))
        image = glass.copy()
        image[10:30, 10:30] = stained.round()
        image[10:30, 10:18] = light * np.exp(-0.3)  # paler, and grey: not the darker half
        assert is_slate(image) == (ratio < SLATE), ratio


def test_where_all_drawings_are_slate_the_first_stays():
    navy = torch.tensor([-0.4, 0.2, 0.4])[:, None, None]
    painter = painter_of(
        lambda x, sigma, mpp: navy.expand_as(x), 0, replace(QUICK, guide_sigma=0.1)
    )
    found = with_tissue(painter, SQUARE)
    assert (found.painter.drawing, found.slate) == (0, True)


def test_a_first_drawing_with_tissue_leaves_the_slide_as_it_is():
    painter = painter_of(GaussianDenoiser(mean=0.2), 5)
    found = with_tissue(painter, PATH[0])
    assert found.painter == painter
    assert found.tissue > 0.9
    assert found.evaluations == 2 * QUICK.overview_steps - 1


def test_where_no_drawing_shows_tissue_the_first_stays_and_all_are_paid_for():
    found = with_tissue(painter_of(FlatDenoiser(GLASS), 0), PATH[0])
    assert (found.painter.drawing, found.tissue) == (0, 0)
    assert found.evaluations == MOST_DRAWINGS * (2 * QUICK.overview_steps - 1)


def test_an_overview_of_many_patches_is_not_drawn_for_a_look():
    assert (
        with_tissue(
            painter_of(FlatDenoiser(GLASS), 0), stages(33, 16, 1.0, patch_px=16, mpp_max=1)[0]
        )
        is None
    )


def test_a_later_drawing_of_a_small_canvas_has_no_glass_round_it():
    first = painter_of(GaussianDenoiser(), 3)
    (window,) = StagePlane(first, PATH[0]).grid(0)
    inside = window.clipped(PATH[0].height, PATH[0].width).slices(window.top, window.left)
    for drawing, round_it in ((0, GLASS), (1, 0.0)):
        plane = StagePlane(replace(first, drawing=drawing), PATH[0])
        beside_noise = plane.start(window) - SIGMA_MAX * plane.noise(window)
        expected = torch.full_like(beside_noise, round_it)
        expected[inside] = 0
        torch.testing.assert_close(beside_noise, expected, atol=2e-5, rtol=0)


def test_drawings_differ_and_a_rim_of_glass_stays():
    first = painter_of(GaussianDenoiser(), 3)
    planes = [StagePlane(replace(first, drawing=number), PATH[0]) for number in range(3)]
    assert len({float(plane.noise(Window(0, 0, 8, 8)).sum()) for plane in planes}) == 3
    rimmed = replace(painter_of(FlatDenoiser(-0.5), 3, replace(QUICK, rim=2)), drawing=1)
    pixels = next(islice(drawings(rimmed, PATH[0]), 1, 2)).pixels
    assert (pixels[:2] == 245).all()
    assert (pixels[2:-2, 2:-2] < 100).all()


@pytest.mark.parametrize("kept", [False, True])
def test_the_slide_begins_with_the_drawing_that_was_looked_at(tmp_path, kept):
    painter = replace(painter_of(GaussianDenoiser(), 3), drawing=2)
    shown = next(islice(drawings(painter, PATH[0]), 2, 3)).pixels
    folder = Workdir(tmp_path / "work", {}) if kept else None
    whole = drain(generate(painter, PATH, workdir=folder))
    views = drain(zoom(cones(painter, PATH, (35, 47), view_px=200)))
    for image in (views[0].image, folder.image(0) if kept else views[0].image):
        stage = PATH[0]
        pixels = np.concatenate(
            list(strips(image[:, : stage.height, : stage.width], stage.height, stage.width))
        )
        np.testing.assert_array_equal(pixels, shown)
    window = views[-1].window
    torch.testing.assert_close(views[-1].image, whole[window.slices()])


def test_the_estimate_is_what_a_run_evaluates():
    for plan in (QUICK, PAPER, replace(FAST, solver="2m", first_steps=(4,), num_steps=2)):
        painter = painter_of(GaussianDenoiser(), 1, plan)
        spent = {}
        for progress in generate(painter, PATH):
            spent[progress.stage.index] = progress.evaluations
        assert list(spent.values()) == evaluations_due(painter, PATH)
    assert seconds_each(painter, PATH[-1]) > 0


def test_the_microscope_shows_the_drawing_that_the_slide_begins_with():
    painter = replace(painter_of(GaussianDenoiser(), 3), drawing=1)
    whole = drain(generate(painter, PATH))
    window = Window(20, 30, 40, 50)
    scope = Scope(painter, PATH, Kept(1 << 24))
    drain(scope.make(len(PATH) - 1, [window]))
    height, width = PATH[-1].height, PATH[-1].width
    expected = np.concatenate(list(strips(whole, height, width)))[window.slices()[1:]]
    np.testing.assert_array_equal(scope.pixels(len(PATH) - 1, window), expected)


@pytest.mark.parametrize("half", [False, True])
def test_the_microscope_does_not_draw_an_overview_again_that_was_drawn_for_a_look(half, threads):
    threads(2)
    painter = painter_of(GaussianDenoiser(), 3)
    looked = with_tissue(painter, PATH[0], half)
    in_full = with_tissue(painter, PATH[0])
    assert looked.painter == in_full.painter
    np.testing.assert_array_equal(looked.pixels, in_full.pixels)
    assert looked.evaluations == (1 + half) * in_full.evaluations
    assert torch.equal(looked.image, in_full.image) == (not half)
    fresh, begun = (Scope(looked.painter, PATH, Kept(1 << 24), half=half) for _ in range(2))
    begun.begin_with(looked.image, looked.evaluations)
    whole = Window(0, 0, PATH[0].height, PATH[0].width)
    assert not begun.work(0, [whole])
    window = Window(20, 30, 40, 50)
    for stage, place in ((0, whole), (2, window)):
        drain(fresh.make(stage, [place]))
        drain(begun.make(stage, [place]))
        assert np.array_equal(begun.pixels(stage, place), fresh.pixels(stage, place))
    assert begun.spent.patches == fresh.spent.patches
