"""A field out of the middle of tissue: where it lies, and that its pixels are those of the slide it is cut from."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from explore_kit import tiny_model
from hypothesis import given
from hypothesis import strategies as st
from oracles import GaussianDenoiser

from wsigen.cli.generate import generate as verb
from wsigen.coarse_to_fine import drain, generate
from wsigen.errors import WsigenError
from wsigen.plan import FAST, stages
from wsigen.runs.painter import Painter
from wsigen.slides import open_slide, read_description
from wsigen.zoom.field import TIMES, field, field_cones, fullest
from wsigen.zoom.path import evaluations_of, zoom

PATCH_PX = 16
QUICK = replace(FAST, num_steps=3, overview_steps=4)


@given(st.integers(1, 12), st.integers(1, 12), st.data())
def test_no_other_window_holds_more_tissue(height, width, data):
    rows, columns = data.draw(st.integers(height, 14)), data.draw(st.integers(width, 14))
    bits = data.draw(st.lists(st.booleans(), min_size=rows * columns, max_size=rows * columns))
    tissue = np.array(bits).reshape(rows, columns)
    top, left = fullest(tissue, height, width)
    windows = np.lib.stride_tricks.sliding_window_view(tissue, (height, width))
    assert windows[top, left].sum() == windows.sum((2, 3)).max()


def test_of_equal_windows_it_is_the_one_in_the_middle():
    assert fullest(np.ones((9, 11), bool), 3, 5) == (3, 3)


def test_a_field_has_the_pixels_of_the_slide_it_is_cut_from_for_fewer_evaluations():
    painter = Painter(GaussianDenoiser(), QUICK, PATCH_PX, seed=3)
    path = stages(160, 200, 1.0, patch_px=PATCH_PX)
    tissue = np.zeros((path[0].height, path[0].width), bool)
    tissue[-4:, 3:9] = True
    window = field(path, tissue, 40, 52)
    assert window.inside(160, 208)
    needs = field_cones(painter, path, window)
    views = drain(zoom(needs))
    whole = drain(generate(painter, path))
    torch.testing.assert_close(views[-1].image, whole[window.slices()], atol=1e-5, rtol=0)
    assert sum(evaluations_of(needs)) < sum(need.patches_of_whole for need in needs)


def test_the_verb_writes_the_field_and_says_where_it_lies(tmp_path):
    model, out = tiny_model(tmp_path / "tiny.safetensors"), tmp_path / "field.tiff"
    words = [
        str(out),
        "--model",
        str(model),
        "--field",
        "--width",
        "100",
        "--height",
        "64",
        "--mpp",
        "1",
    ]
    words += ["--num-steps", "2", "--overview-steps", "2"]
    result = CliRunner().invoke(verb, words)
    assert result.exit_code == 0, result.output
    with open_slide(out) as slide:
        assert (slide.width, slide.height) == (100, 64)
    described = read_description(out)
    assert described["slide"]["width"] >= TIMES * 100
    assert described["field"]["width"] == 100


@pytest.mark.parametrize("beside", [["--workdir", "w"], ["--choose", "3"], ["--boundary", "wrap"]])
def test_a_field_beside_what_it_cannot_have_is_refused_before_anything_is_made(beside, tmp_path):
    with pytest.raises(Exception, match="--field is made at once"):
        CliRunner().invoke(
            verb, [str(tmp_path / "f.tiff"), "--field", *beside], catch_exceptions=False
        )


def test_a_field_of_less_than_a_third_of_a_patch_is_told_what_it_needs(tmp_path):
    words = [str(tmp_path / "f.tiff"), "--model", str(tiny_model(tmp_path / "tiny.safetensors"))]
    with pytest.raises(
        WsigenError, match=r"--field of 10 x 40 px .* expected at least 11 px a side"
    ):
        CliRunner().invoke(
            verb,
            [*words, "--field", "--width", "10", "--height", "40", "--mpp", "1"],
            catch_exceptions=False,
        )
