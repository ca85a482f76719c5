import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from wsigen.seeds import _noise_block, generator, white_noise

PLACE = st.integers(-150, 150)
SIZE = st.integers(1, 150)


@given(PLACE, PLACE, SIZE, SIZE)
@settings(deadline=None, max_examples=40)
def test_a_pixel_has_one_value_from_whichever_window_it_is_read(top, left, height, width):
    whole = white_noise(3, "noise", top=-150, left=-150, height=450, width=450)
    window = white_noise(3, "noise", top=top, left=left, height=height, width=width)
    rows, columns = slice(top + 150, top + 150 + height), slice(left + 150, left + 150 + width)
    np.testing.assert_array_equal(window, whole[:, rows, columns])


def test_several_threads_draw_the_noise_of_one():
    place = {"top": -70, "left": 30, "height": 100, "width": 900}
    together = white_noise(4, "noise", **place, threads=3)
    _noise_block.cache_clear()
    np.testing.assert_array_equal(together, white_noise(4, "noise", **place))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((0, "a"), (1, "a")),
        ((0, "a"), (0, "b")),
        ((0, 1, 2), (0, 2, 1)),
        ((0, 5), (0, -5)),
        ((0, 1), (0, 1, 0)),
    ],
)
def test_different_names_give_different_streams(one, other):
    assert not np.array_equal(generator(*one).random(8), generator(*other).random(8))


def test_noise_is_standard_normal_and_uncorrelated_across_blocks():
    noise = white_noise(0, "n", top=0, left=0, height=512, width=512).astype(float)
    assert stats.kstest(noise.ravel()[::7], "norm").pvalue > 1e-3
    blocks = noise.reshape(3, 8, 64, 8, 64).transpose(1, 3, 0, 2, 4).reshape(64, -1)
    correlation = np.corrcoef(blocks)[np.triu_indices(64, 1)]
    assert np.abs(correlation).max() < 6 / np.sqrt(blocks.shape[1])
