"""Arrays that are computed once."""

import numpy as np
import pytest

from wsigen.experiments.kept import kept


class Made:
    """Writes two arrays, and counts how often it was asked."""

    def __init__(self):
        self.times = 0

    def __call__(self, folder):
        self.times += 1
        np.save(folder / "1.npy", np.full((2, 3), 7, np.uint8))
        np.save(folder / "0.npy", np.arange(4, dtype=np.uint8))


def test_arrays_are_made_once_and_come_in_the_order_of_their_names(tmp_path):
    make = Made()
    for _ in range(2):
        first, second = kept(tmp_path, ("what", 1), make)
        np.testing.assert_array_equal(first, [0, 1, 2, 3])
        np.testing.assert_array_equal(second, np.full((2, 3), 7))
    assert make.times == 1
    kept(tmp_path, ("what", 2), make)
    assert make.times == 2


def test_a_run_that_was_stopped_leaves_nothing(tmp_path):
    def stopped(folder):
        np.save(folder / "0.npy", np.zeros(3, np.uint8))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        kept(tmp_path, ("what",), stopped)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    make = Made()
    kept(tmp_path, ("what",), make)
    assert make.times == 1


def test_a_damaged_file_is_made_anew(tmp_path):
    make = Made()
    kept(tmp_path, ("what",), make)
    (file,) = tmp_path.rglob("1.npy")
    file.write_bytes(file.read_bytes()[:-2])
    _, second = kept(tmp_path, ("what",), make)
    np.testing.assert_array_equal(second, np.full((2, 3), 7))
    assert make.times == 2


def test_of_two_that_make_the_same_the_first_is_kept(tmp_path):
    def slow(folder):
        kept(tmp_path, ("what",), Made())  # as another process would meanwhile
        np.save(folder / "0.npy", np.zeros(1, np.uint8))

    first, _ = kept(tmp_path, ("what",), slow)
    np.testing.assert_array_equal(first, [0, 1, 2, 3])
