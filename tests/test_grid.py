import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsigen.grid import (
    Window,
    draw_shift,
    evenly,
    rows_together,
    shifted_grid,
    side_by_side,
    spread_shift,
)
from wsigen.seeds import generator

PATCHES = st.sampled_from([4, 8, 16])


def coverage(height: int, width: int, windows: list[Window], wrap: bool) -> np.ndarray:
    """How many windows each pixel lies in."""
    count = np.zeros((height, width), int)
    for top, left, h, w in windows:
        rows, columns = np.arange(top, top + h), np.arange(left, left + w)
        if wrap:
            rows, columns = rows % height, columns % width
        else:
            rows = rows[(rows >= 0) & (rows < height)]
            columns = columns[(columns >= 0) & (columns < width)]
        np.add.at(count, np.ix_(rows, columns), 1)
    return count


@given(st.data(), st.integers(1, 70), st.integers(1, 70), PATCHES)
def test_a_padded_grid_covers_every_pixel_once(data, height, width, patch_px):
    shift = data.draw(st.tuples(*[st.integers(0, patch_px - 1)] * 2))
    windows = shifted_grid(height, width, patch_px, shift)
    assert (coverage(height, width, windows, wrap=False) == 1).all()
    touching = [w for w in windows if w.top + w.height > 0 and w.left + w.width > 0]
    assert touching == list(windows)  # no patch is spent on nothing


@given(st.data(), st.integers(1, 5), st.integers(1, 5), PATCHES)
def test_a_wrapped_grid_covers_every_pixel_once_with_exactly_n_squared_patches(
    data, rows, columns, patch_px
):
    shift = data.draw(st.tuples(*[st.integers(0, patch_px - 1)] * 2))
    height, width = rows * patch_px, columns * patch_px
    windows = shifted_grid(height, width, patch_px, shift, "wrap")
    assert len(windows) == rows * columns
    assert (coverage(height, width, windows, wrap=True) == 1).all()


def test_a_padded_shifted_grid_has_n_plus_one_squared_patches():
    assert len(shifted_grid(64, 64, 16, (5, 3))) == 5 * 5
    assert len(shifted_grid(64, 64, 16, (0, 0))) == 4 * 4


@given(st.integers(0, 10_000), st.sampled_from([1, 2, 4]))
def test_shifts_are_whole_guide_pixels_within_one_patch(seed, factor):
    for shift in draw_shift(generator(seed), 16, factor):
        assert shift % factor == 0
        assert 0 <= shift < 16


def test_shifts_reach_every_guide_pixel_equally_often():
    stream = generator(0)
    shifts = np.array([draw_shift(stream, 16, 2) for _ in range(8000)])
    counts = np.bincount(shifts.ravel() // 2, minlength=8)
    assert np.abs(counts / counts.sum() - 1 / 8).max() < 0.01


@given(st.integers(0, 10_000), st.integers(0, 100), st.integers(2, 12))
def test_of_steps_in_a_row_no_two_spread_shifts_are_near(seed, first, number):
    steps = range(first, first + number)
    shifts = np.array([spread_shift(generator(seed), step, 256, 2) for step in steps])
    assert (shifts % 2 == 0).all()
    assert (shifts >= 0).all()
    assert (shifts < 256).all()
    apart = np.abs(shifts[:, None] - shifts)[np.triu_indices(number, 1)]
    assert np.minimum(apart, 256 - apart).min() > 256 / (5**0.5 * (number + 1)) - 2


def test_spread_shifts_reach_every_guide_pixel_equally_often_over_seeds():
    shifts = np.array([spread_shift(generator(seed), 7, 16, 2) for seed in range(4000)])
    counts = np.bincount(shifts.ravel() // 2, minlength=8)
    assert np.abs(counts / counts.sum() - 1 / 8).max() < 0.02


@given(st.integers(1, 200), st.integers(1, 200), PATCHES, st.integers(1, 40))
def test_batches_hold_every_window_once_and_none_crosses_two_groups(
    height, width, patch_px, batch_size
):
    grid = shifted_grid(height, width, patch_px, (1, 2))
    batches = list(grid.batches(batch_size))
    assert [window for batch in batches for window in batch] == list(grid)
    assert max(map(len, batches)) <= batch_size
    # whoever runs some of the groups, runs the same batches
    apart = [batch for group in grid.groups(batch_size) for batch in group.batches(batch_size)]
    assert apart == batches


@given(st.integers(1, 1100), st.sampled_from([16, 32, 64, 256]))
def test_rows_go_together_so_that_batches_are_full(in_a_row, batch_size):
    rows = rows_together(in_a_row, batch_size)
    windows = rows * in_a_row
    assert windows <= batch_size or rows <= 8
    assert windows / (-(-windows // batch_size) * batch_size) > 0.7


@given(st.integers(1, 200), st.integers(1, 40), st.integers(1, 8))
def test_as_many_threads_as_the_multiple_get_equally_many_batches(number, most, multiple):
    windows = [Window(0, 8 * n, 8, 8) for n in range(number)]
    shares = list(evenly(windows, most, multiple))
    assert [window for share in shares for window in share] == windows
    assert max(map(len, shares)) <= most
    assert max(map(len, shares)) - min(map(len, shares)) <= 1
    assert len(shares) % multiple == 0 or len(shares) == number


def test_a_grid_is_a_sequence_of_windows():
    grid = shifted_grid(40, 24, 16, (4, 0))
    assert grid[0] == Window(-12, 0, 16, 16)
    assert grid[-1] == Window(36, 16, 16, 16)
    assert grid[1:3] == [Window(-12, 16, 16, 16), Window(4, 0, 16, 16)]
    with pytest.raises(IndexError):
        grid[len(grid)]


@given(st.data())
def test_the_windows_touching_an_area_are_those_that_share_a_pixel_with_it(data):
    grid = shifted_grid(50, 70, 16, data.draw(st.tuples(*[st.integers(0, 15)] * 2)))
    top, left = data.draw(st.integers(0, 49)), data.draw(st.integers(0, 69))
    area = Window(top, left, data.draw(st.integers(1, 30)), data.draw(st.integers(1, 30)))
    shared = [
        w
        for w in grid
        if min(w.bottom, area.bottom) > max(w.top, area.top)
        and min(w.right, area.right) > max(w.left, area.left)
    ]
    assert list(grid.touching(area)) == shared


@given(st.integers(-30, 30), st.integers(-30, 30), st.integers(1, 60), st.integers(1, 60))
def test_the_pieces_of_a_wrapped_window_are_what_it_shows(top, left, height, width):
    plane = np.arange(16 * 20).reshape(1, 16, 20)
    shown = np.full((1, height, width), -1)
    for piece, place in Window(top, left, height, width).pieces(16, 20):
        assert piece.inside(16, 20)
        shown[place.slices()] = plane[piece.slices()]
    rows, columns = np.arange(top, top + height) % 16, np.arange(left, left + width) % 20
    np.testing.assert_array_equal(shown[0], plane[0][np.ix_(rows, columns)])


@given(st.integers(1, 40), st.data())
def test_side_by_side_joins_windows_of_a_row_and_leaves_none_out(columns, data):
    grid = shifted_grid(24, columns * 8, 8, (2, 4))
    first = data.draw(st.integers(0, len(grid) - 1))
    batch = grid[first:]
    joined = list(side_by_side(batch))
    assert sum(number for _, number in joined) == len(batch)
    assert len(joined) == len({window.top for window in batch})
    assert all(wide.width == number * 8 for wide, number in joined)
    alone = list(side_by_side(batch, lambda window: False))
    assert alone == [(window, 1) for window in batch]


@given(st.integers(1, 40), st.sampled_from([0, 2, 4]), st.data())
def test_windows_that_overlap_are_joined_to_be_read_and_each_is_where_it_was(columns, margin, data):
    grid = shifted_grid(24, columns * 8, 8, (2, 4))
    batch = [window.grown(margin) for window in grid]
    batch = [window for window in batch if data.draw(st.booleans())] or batch[:1]
    joined = list(side_by_side(batch, overlapping=True))
    assert sum(number for _, number in joined) == len(batch)
    found = []
    for wide, number in joined:
        pitch = (wide.width - batch[0].width) // max(number - 1, 1)
        found += [
            wide._replace(left=wide.left + n * pitch, width=batch[0].width) for n in range(number)
        ]
    assert found == batch
    every = [window.grown(margin) for window in grid]
    rows = list(side_by_side(every, overlapping=True))
    assert len(rows) == len({window.top for window in every})
