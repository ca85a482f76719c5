"""How many threads work."""

import pytest

from wsigen.devices import choose_threads


@pytest.mark.parametrize(("cores", "expected"), [(1, 1), (2, 2), (3, 3), (4, 3), (16, 15)])
def test_from_four_cores_on_one_is_left_to_other_programs(monkeypatch, threads, cores, expected):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    threads(cores)
    assert choose_threads() == expected


def test_a_number_that_is_given_is_taken(monkeypatch, threads):
    threads(8)
    assert choose_threads(5) == 5
    monkeypatch.setenv("OMP_NUM_THREADS", "8")
    assert choose_threads() == 8
