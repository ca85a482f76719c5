"""Who is served when: turns, neighbours, equal wishes, wishes that were dropped. Nothing here draws."""

import threading
import time

import numpy as np
import pytest
from server_kit import wait_until

from wsigen.grid import Window
from wsigen.zoom import desk as desk_module
from wsigen.zoom.desk import Desk, Full, Piece


def piece(column, *, seed=1, stage=3, row=0, form="jpg"):
    return Piece(seed, stage, Window(row * 256, column * 256, 256, 256), form)


class Counted:
    """A slide whose windows cost four batches each, once; it notes what is asked for and each batch."""

    def __init__(self, log):
        self.log, self.known = log, set()

    def make(self, stage, windows):
        lacking = [w for w in windows for _ in range(4) if w not in self.known]
        for number, window in enumerate(lacking):
            yield len(lacking) - number
            self.log.append((stage, window.left // 256))
            self.known.add(window)
        return [np.full((4, 4, 3), window.left // 256, np.uint8) for window in windows]


@pytest.fixture
def log():
    return []


@pytest.fixture
def desk(log):
    slide = Counted(log)
    return Desk(lambda seed: slide, lambda piece, pixels: pixels.tobytes())


def work_off(desk):
    """All turns, one after the other, in this thread."""
    while (turn := desk._turn()) is not None:
        desk._serve(*turn)


def test_a_wish_is_fulfilled_and_stands_for_all_who_have_it(desk, log):
    assert desk.ask("anna", [piece(1)]).ready == []
    work_off(desk)
    assert desk.standing("anna").ready == [piece(1)]
    assert desk.get(piece(1)) == bytes([1]) * 48
    assert desk.get(piece(2)) is None
    assert desk.ask("ben", [piece(1), piece(2)]).ready == [piece(1)]
    assert log == [(3, 1)] * 4


def test_neighbours_of_a_stage_are_made_together_and_the_first_named_stage_comes_first(desk, log):
    desk.ask("anna", [piece(0, stage=1), piece(7), piece(8), piece(1, stage=1)])
    work_off(desk)
    assert log == [(1, 0)] * 4 + [(1, 1)] * 4 + [(3, 7)] * 4 + [(3, 8)] * 4


def test_no_more_are_made_together_than_the_limit(desk):
    desk.ask("anna", [piece(n) for n in range(40)])
    _, pieces = desk._turn()
    assert pieces == [piece(n) for n in range(desk_module.TOGETHER)]


def test_readers_take_turns_however_much_one_asks_for(desk, log):
    desk.ask("storm", [piece(n) for n in range(16)])
    desk.ask("calm", [piece(99)])
    for _ in range(12):
        desk._serve(*desk._turn())
    assert log.count((3, 99)) == 4
    assert desk.standing("calm").ready == [piece(99)]


def test_a_storm_of_new_wishes_does_not_starve_the_others(desk, log):
    desk.ask("calm", [piece(99)])
    for n in range(40):
        desk.ask("storm", [piece(n)])  # another place before the first is made
        desk._serve(*desk._turn())
    assert desk.standing("calm").ready == [piece(99)]


def test_what_is_not_named_again_is_dropped(desk, log):
    desk.ask("anna", [piece(1)])
    desk._serve(*desk._turn())
    desk._serve(*desk._turn())
    desk.ask("anna", [piece(2)])
    work_off(desk)
    assert (3, 2) in log
    assert log.count((3, 1)) < 4
    assert desk.standing("anna").ready == [piece(2)]
    desk.ask("anna", [piece(3)])
    desk.leave("anna")
    assert desk._turn() is None


def test_work_goes_on_when_a_wish_grows(desk, log):
    desk.ask("anna", [piece(1)])
    for _ in range(3):
        desk._serve(*desk._turn())
    desk.ask("anna", [piece(1), piece(2)])
    work_off(desk)
    assert log == [(3, 1)] * 4 + [(3, 2)] * 4


def test_who_is_silent_is_forgotten_and_the_room_is_limited(desk, monkeypatch):
    small = Desk(desk.slide_of, desk.formed, readers=2)
    small.ask("anna", [piece(1)])
    small.ask("ben", [piece(2)])
    with pytest.raises(Full, match="2 others are being served; try again"):
        small.ask("carl", [piece(3)])
    small.ask("anna", [piece(1)])  # who is known stays so
    later = time.monotonic() + desk_module.SILENT_S + 1
    monkeypatch.setattr(desk_module.time, "monotonic", lambda: later)
    small.ask("carl", [piece(3)])
    assert list(small.readers) == ["carl"]


def test_what_is_done_is_kept_up_to_a_limit(desk):
    small = Desk(desk.slide_of, desk.formed, keep_bytes=20 * 48)
    small.ask("anna", [piece(n) for n in range(64)])
    while (turn := small._turn()) is not None:
        small._serve(*turn)
        small.ask("anna", [p for p in small.readers["anna"].waits if small.get(p) is None])
    assert len(small.done) == 20
    assert small.bytes == 20 * 48


def test_how_far_a_wish_has_come_is_told_in_patches(desk):
    desk.ask("anna", [piece(1), piece(2)])
    desk.ask("ben", [piece(5)])
    told = []
    for _ in range(6):
        reader, pieces = desk._turn()
        desk._serve(reader, pieces)
        standing = desk.standing("anna")
        told.append((standing.lacking, standing.total, standing.others))
    assert told[::2] == [(8, 8, 1), (7, 8, 1), (6, 8, 1)]


def test_a_failure_is_told_to_who_asked_and_the_others_are_served(log):
    class Failing(Counted):
        def make(self, stage, windows):
            if stage == 9:
                raise ValueError("no such thing")
            return (yield from super().make(stage, windows))

    desk = Desk(lambda seed: Failing(log), lambda piece, pixels: pixels)
    desk.ask("anna", [piece(1, stage=9)])
    desk.ask("ben", [piece(2)])
    work_off(desk)
    assert desk.standing("anna").failed == {piece(1, stage=9): "no such thing"}
    assert desk.standing("ben").ready == [piece(2)]


def test_slides_of_many_seeds_stay_open_up_to_a_limit(desk):
    for seed in range(100):
        desk.slide(seed)
    assert list(desk.slides) == list(range(100 - desk_module.SLIDES, 100))


def test_the_desk_draws_in_a_thread_of_its_own_and_ends_with_its_block(desk):
    with desk.at_work():
        desk.ask("anna", [piece(4)])
        wait_until(lambda: desk.standing("anna").ready)
        assert "desk" in {thread.name for thread in threading.enumerate()}
    assert "desk" not in {thread.name for thread in threading.enumerate()}
