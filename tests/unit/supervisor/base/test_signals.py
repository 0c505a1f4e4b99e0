"""Signals in the loop: first of all that is ready, and gone again."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from proctracker.supervisor.base.loop import Loop
from proctracker.supervisor.base.signals import Signals

HEARD = (signal.SIGUSR1, signal.SIGHUP)


@pytest.fixture
def loop() -> Iterator[Loop]:
    made = Loop()
    yield made
    made.close()


def test_they_come_before_what_was_ready_earlier(loop: Loop) -> None:
    said: list[object] = []
    signals = Signals(loop, HEARD, said.append)
    read_end, write_end = os.pipe()
    loop.watch(read_end, lambda: said.append(os.read(read_end, 1)))
    os.write(write_end, b"x")
    for number in (*HEARD, signal.SIGHUP):
        os.kill(os.getpid(), number)
    loop.round()
    assert said == [{*map(int, HEARD)}, b"x"]
    loop.soon(lambda: said.append("quiet"))
    loop.round()
    assert said[2:] == ["quiet"]
    signals.close()
    os.close(read_end)
    os.close(write_end)


def test_a_blocked_one_is_heard_and_one_wakes_a_wait(loop: Loop) -> None:
    said: list[set[int]] = []
    signal.pthread_sigmask(signal.SIG_BLOCK, HEARD)
    signals = Signals(loop, HEARD, said.append)
    pid = os.fork()
    if not pid:
        os.kill(os.getppid(), signal.SIGUSR1)
        os._exit(0)
    while not said:
        loop.round()
    assert said == [{int(signal.SIGUSR1)}]
    os.waitpid(pid, 0)
    signals.close()


def test_afterwards_all_is_as_before(loop: Loop) -> None:
    before = [signal.getsignal(number) for number in HEARD]
    open_before = len(os.listdir("/proc/self/fd"))
    Signals(loop, HEARD, lambda numbers: None).close()
    assert [signal.getsignal(number) for number in HEARD] == before
    assert signal.set_wakeup_fd(-1) == -1
    assert len(os.listdir("/proc/self/fd")) == open_before


def test_an_earlier_one_hears_of_them_too(loop: Loop) -> None:
    said: list[str] = []
    first = Signals(loop, HEARD, lambda numbers: said.append("first"))
    other = Loop()
    second = Signals(other, HEARD, lambda numbers: said.append("second"))
    os.kill(os.getpid(), signal.SIGHUP)
    loop.round()
    other.round()
    assert said == ["first", "second"]
    second.close()
    second.close()
    other.close()
    os.kill(os.getpid(), signal.SIGHUP)
    loop.round()
    assert said[2:] == ["first"]
    first.close()
