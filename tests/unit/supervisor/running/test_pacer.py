"""When a scheduler is looked at."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from proctracker.linux import clock
from proctracker.supervisor.running.pacer import FIRST, LEAST, MOST, Pacer


class Clockwork:
    """A loop whose time goes on when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.due: list[tuple[float, Clockwork.Timer]] = []

    class Timer:
        def __init__(self, call: Callable[[], None]) -> None:
            self.call: Callable[[], None] | None = call

        def cancel(self) -> None:
            self.call = None

    def at(self, when: float, call: Callable[[], None]) -> Clockwork.Timer:
        timer = Clockwork.Timer(call)
        self.due.append((when, timer))
        return timer

    def turn(self, seconds: float) -> None:
        until = self.now + seconds
        while True:
            due = sorted((each for each in self.due if each[1].call), key=lambda each: each[0])
            if not due or due[0][0] > until:
                break
            when, timer = due[0]
            self.due.remove(due[0])
            self.now = max(self.now, when)
            assert timer.call is not None
            timer.call()
        self.now = until


@pytest.fixture
def loop(monkeypatch: pytest.MonkeyPatch) -> Clockwork:
    made = Clockwork()
    monkeypatch.setattr(clock, "boottime", lambda: made.now)
    return made


def _paced(loop: Clockwork, took: float = 0.0) -> tuple[Pacer, list[float]]:
    looks: list[float] = []

    def look() -> None:
        looks.append(loop.now)
        loop.at(loop.now + took, pacer.over)

    pacer = Pacer(loop, look)  # type: ignore[arg-type]
    return pacer, looks


def test_ever_more_seldom_while_nothing_is_asked(loop: Clockwork) -> None:
    pacer, looks = _paced(loop)
    pacer.begin()
    loop.turn(600)
    pauses = [second - first for first, second in zip(looks, looks[1:])]
    assert pauses[:4] == [LEAST, 2 * LEAST, 4 * LEAST, MOST]
    assert set(pauses[4:]) == {MOST}


def test_a_bound_holds_for_the_pause_that_has_begun(loop: Clockwork) -> None:
    pacer, looks = _paced(loop)
    pacer.begin()
    loop.turn(60)
    began = looks[-1]
    pacer.bound(12.0)
    loop.turn(100)
    later = [each for each in looks if each > began]
    assert later[0] <= max(began + 12.0, 1060.0)
    assert {second - first for first, second in zip(later, later[1:])} == {12.0}
    pacer.bound(1.0)
    loop.turn(60)
    assert looks[-1] - looks[-2] == LEAST
    pacer.bound(1000.0)
    loop.turn(300)
    assert looks[-1] - looks[-2] == MOST


def test_it_grows_once_two_looks_found_nothing_new(loop: Clockwork) -> None:
    pacer, looks = _paced(loop)
    pacer.begin()
    assert not pacer.grows
    loop.turn(1)
    assert (pacer.grows, len(looks)) == (True, 1)
    pacer.submitted()
    assert not pacer.grows


def test_a_second_after_a_submit(loop: Clockwork) -> None:
    pacer, looks = _paced(loop)
    pacer.begin()
    loop.turn(100)
    before = loop.now
    pacer.submitted()
    loop.turn(2)
    assert looks[-1] == before + FIRST


def test_at_most_twelve_a_minute_whoever_asks(loop: Clockwork) -> None:
    pacer, looks = _paced(loop)
    pacer.begin()
    for _ in range(600):
        pacer.wanted()
        pacer.submitted()
        loop.turn(0.1)
    assert 11 <= len(looks) <= 13


def test_none_while_one_is_under_way(loop: Clockwork) -> None:
    pacer, looks = _paced(loop, took=60.0)
    pacer.begin()
    loop.turn(1)
    pacer.wanted()
    loop.turn(58)
    assert len(looks) == 1
    loop.turn(2)
    assert len(looks) == 2


def test_at_once_before_something_is_done_to_jobs(loop: Clockwork) -> None:
    pacer, looks = _paced(loop, took=0.5)
    pacer.begin()
    loop.turn(1)
    pacer.now()
    loop.turn(0.1)
    pacer.now()  # the one under way began before this
    loop.turn(0.5)
    assert looks == [1000.0, 1001.0, 1001.5]


def test_none_once_nothing_is_left(loop: Clockwork) -> None:
    pacer, looks = _paced(loop)
    pacer.begin()
    loop.turn(1)
    pacer.rest()
    loop.turn(100)
    assert len(looks) == 1
    pacer.begin()
    loop.turn(1)
    assert len(looks) == 2


def test_what_was_just_seen_is_fresh(loop: Clockwork) -> None:
    pacer, _ = _paced(loop, took=1.0)
    assert not pacer.fresh
    pacer.begin()
    loop.turn(0.5)
    assert (pacer.fresh, pacer.rests) == (False, 0.0)
    loop.turn(1)
    assert (pacer.fresh, pacer.rests) == (True, LEAST - 1.5)
