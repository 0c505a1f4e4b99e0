"""The loop: what is ready, what is due, and what was forgotten meanwhile."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator

import pytest

from proctracker.linux import clock
from proctracker.supervisor.base.loop import Loop


@pytest.fixture
def loop() -> Iterator[Loop]:
    made = Loop()
    yield made
    made.close()


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def test_reads_and_writes(loop: Loop, pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    said: list[str] = []
    loop.watch(ours.fileno(), lambda: said.append("read"), lambda: said.append("write"))
    loop.round()
    assert said == ["write"]
    theirs.send(b"x")
    loop.round()
    assert said == ["write", "read", "write"]
    loop.watch(ours.fileno(), lambda: said.append("read again"))
    loop.round()
    assert said[3:] == ["read again"]
    loop.forget(ours.fileno())
    loop.forget(ours.fileno())
    loop.soon(lambda: said.append("soon"))
    loop.round()
    assert said[4:] == ["soon"]


def test_what_one_call_forgets_is_not_called_any_more(loop: Loop) -> None:
    pairs = [socket.socketpair() for _ in range(2)]
    said: list[int] = []

    def read(number: int) -> None:
        said.append(number)
        loop.forget(pairs[1 - number][0].fileno())

    for number, (ours, theirs) in enumerate(pairs):
        loop.watch(ours.fileno(), lambda number=number: read(number))  # type: ignore[misc]
        theirs.send(b"x")
    loop.round()
    assert len(said) == 1
    for ours, theirs in pairs:
        ours.close()
        theirs.close()


def test_a_call_that_forgets_its_own_is_not_followed_by_a_write(
    loop: Loop, pair: tuple[socket.socket, socket.socket]
) -> None:
    ours, theirs = pair
    said: list[str] = []
    theirs.send(b"x")
    loop.watch(ours.fileno(), lambda: loop.forget(ours.fileno()), lambda: said.append("write"))
    loop.round()
    assert said == []


def test_timers_in_the_order_they_are_due(loop: Loop) -> None:
    said: list[str] = []
    now = clock.boottime()
    loop.at(now - 1, lambda: said.append("second"))
    loop.at(now - 2, lambda: said.append("first"))
    loop.at(now - 1, lambda: said.append("third"))
    loop.at(now + 1000, lambda: said.append("never"))
    loop.round()
    assert said == ["first", "second", "third"]


def test_a_cancelled_timer_is_silent(loop: Loop) -> None:
    said: list[str] = []
    now = clock.boottime()
    other = loop.at(now - 1, lambda: said.append("no"))
    loop.at(now - 2, other.cancel)
    loop.after(-3, lambda: said.append("yes"))
    loop.round()
    assert said == ["yes"]


def test_nothing_but_a_cancelled_timer_is_nothing_to_wait_for(loop: Loop) -> None:
    loop.at(clock.boottime() + 1000, lambda: None).cancel()
    assert loop._wait() is None
    loop.at(clock.boottime() - 5, lambda: None)
    assert loop._wait() == 0
    loop.soon(lambda: None)
    assert loop._wait() == 0


def test_a_date_follows_the_clock(loop: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    now, armed = time.time(), []
    monkeypatch.setattr(loop._alarm, "arm", armed.append)
    loop.on(now + 3600, lambda: said.append("an hour"))
    loop.on(now + 7300, lambda: said.append("two hours"))
    loop.on(now + 1800, lambda: said.append("no")).cancel()
    loop.after(600, lambda: said.append("no duration"))
    monkeypatch.setattr(time, "time", lambda: now - 3600)
    loop._rang()
    assert said == []
    monkeypatch.setattr(time, "time", lambda: now + 7200)
    loop._rang()
    loop.soon(lambda: None)
    loop.round()
    assert said == ["an hour"]
    assert armed == [now + 3600, now + 1800, now + 3600, now + 7300]


def test_a_date_comes_by_itself(loop: Loop) -> None:
    said: list[str] = []
    loop.on(time.time() + 0.05, lambda: said.append("soon"))
    loop.on(time.time() - 5, lambda: said.append("past"))
    loop.on(1e300, lambda: said.append("never"))
    while len(said) < 2:
        loop.round()
    assert said == ["past", "soon"]


def test_soon_comes_after_all_that_is_ready_and_may_ask_for_more(loop: Loop) -> None:
    read_end, write_end = os.pipe()
    os.write(write_end, b"x")
    said: list[str] = []

    def read() -> None:
        said.append("ready")
        os.read(read_end, 1)

    def more() -> None:
        said.append("soon")
        loop.soon(lambda: said.append("sooner"))

    loop.watch(read_end, read)
    loop.at(0, lambda: said.append("due"))
    loop.soon(more)
    loop.round()
    assert said == ["ready", "due", "soon", "sooner"]
    loop.forget(read_end)
    os.close(read_end)
    os.close(write_end)


def test_it_runs_until_it_is_stopped(loop: Loop) -> None:
    said: list[int] = []

    def count() -> None:
        said.append(1)
        loop.after(0, count)
        if len(said) == 5:
            loop.stop()

    loop.soon(count)
    loop.run()
    assert len(said) == 5


def test_what_is_due_in_a_month(loop: Loop, pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    said: list[str] = []
    loop.after(30 * 86400.0, lambda: said.append("due"))
    loop.watch(ours.fileno(), lambda: said.append("read"))
    theirs.send(b"x")
    loop.round()
    assert said == ["read"]
