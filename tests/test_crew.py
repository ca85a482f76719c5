"""Pieces of work side by side, each on one thread."""

import threading
import time

import pytest
import torch
from server_kit import PATIENCE_S

from wsigen.runs.crew import AHEAD, Crew, one_thread


@pytest.fixture
def two_threads(threads):
    """A test whose crews are of two."""
    threads(2)


@pytest.mark.usefixtures("two_threads")
def test_results_come_in_the_order_of_the_pieces_whichever_is_done_first():
    seconds = [0.05, 0.0, 0.03, 0.0, 0.0]
    with Crew() as crew:
        found = list(crew.in_order(time.sleep, seconds))
    assert found == [(piece, None) for piece in seconds]


@pytest.mark.usefixtures("two_threads")
def test_a_free_thread_goes_on_while_another_is_held_up():
    later = threading.Event()

    def work(piece):
        if piece == AHEAD:
            later.set()
        return later.wait(PATIENCE_S) if piece == 0 else True

    with Crew() as crew:
        assert all(done for _, done in crew.in_order(work, range(8)))


@pytest.mark.usefixtures("two_threads")
def test_a_piece_has_one_thread_and_all_others_keep_theirs():
    with Crew() as crew:
        pieces = crew.in_order(lambda _: torch.get_num_threads(), range(6))
        assert {threads for _, threads in pieces} == {1}
        assert torch.get_num_threads() == 2
        seen = []
        other = threading.Thread(target=lambda: seen.append(torch.get_num_threads()))
        other.start()
        other.join()
        assert seen == [2]


@pytest.mark.usefixtures("two_threads")
def test_pieces_are_made_when_a_thread_will_soon_be_free():
    asked = []

    def pieces():
        for piece in range(100):
            asked.append(piece)
            yield piece

    with Crew() as crew:
        for n, _ in crew.in_order(lambda piece: piece, pieces()):
            assert len(asked) <= n + 2 * AHEAD


@pytest.mark.usefixtures("two_threads")
def test_an_error_is_the_callers_and_no_piece_is_begun_after_it():
    begun = []

    def work(piece):
        begun.append(piece)
        if piece == 1:
            raise ValueError("of piece 1")
        time.sleep(0.01)

    with Crew() as crew, pytest.raises(ValueError, match="of piece 1"):
        list(crew.in_order(work, range(100)))
    number = len(begun)
    assert number <= 1 + 2 * AHEAD
    time.sleep(0.05)
    assert len(begun) == number


@pytest.mark.usefixtures("two_threads")
def test_nothing_goes_on_behind_a_caller_who_stops():
    running = []

    def work(piece):
        running.append(piece)
        time.sleep(0.02)
        running.pop()

    with Crew() as crew:
        pieces = crew.in_order(work, range(100))
        next(pieces)
        pieces.close()
        assert running == []


@pytest.mark.usefixtures("two_threads")
def test_a_piece_is_in_the_callers_inference_mode():
    with torch.inference_mode():
        canvas = torch.zeros(4)  # only in this mode may it be written to

        def work(piece):
            canvas[piece] = piece

        with Crew() as crew:
            list(crew.in_order(work, range(4)))
    assert canvas.tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("number", [1, 2])
def test_pieces_made_ahead_are_the_same_and_at_most_one_too_many(threads, number):
    threads(number)
    made = []

    def pieces():
        for piece in range(5):
            made.append(piece)
            yield piece

    with Crew() as crew:
        assert list(crew.ahead(pieces())) == made == [0, 1, 2, 3, 4]
        made.clear()
        some = crew.ahead(pieces())
        next(some)
        some.close()
        assert len(made) <= 2


def test_one_thread_for_a_while(threads):
    threads(3)
    with one_thread():
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 3


@pytest.mark.parametrize(("number", "device"), [(1, "cpu"), (2, "meta")])
def test_one_thread_and_a_gpu_do_pieces_where_they_are_asked_for(threads, number, device):
    threads(number)
    with Crew(device) as crew:
        (found,) = crew.in_order(lambda _: threading.current_thread(), [0])
    assert found == (0, threading.main_thread())
