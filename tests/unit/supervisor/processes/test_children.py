"""Children that exit: whose they are, what is journalled, who is told."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator

import pytest

from proctracker.model import JobState
from proctracker.supervisor.base.journal import End, Journal
from proctracker.supervisor.base.loop import Loop
from proctracker.supervisor.processes.children import Children
from supervising import Desk, gone


@pytest.fixture
def loop(clean: None) -> Iterator[Loop]:
    made = Loop()
    yield made
    made.close()


@pytest.fixture
def journal() -> Journal:
    return Journal()


@pytest.fixture
def stops() -> list[str]:
    return []


@pytest.fixture
def children(loop: Loop, journal: Journal, stops: list[str]) -> Iterator[Children]:
    made = Children(loop, journal, lambda: stops.append("stop"))
    yield made
    made.close()


def _spawn(script: str) -> int:
    return os.posix_spawn("/bin/sh", ["sh", "-c", script], os.environ)


def _round(loop: Loop, found: list[End]) -> End:
    while not found:
        loop.round()
    return found.pop()


@pytest.mark.parametrize(("script", "status"), [("exit 3", 3), ("kill -9 $$", -9)])
def test_an_exit_goes_to_who_expects_it(
    loop: Loop, children: Children, journal: Journal, script: str, status: int
) -> None:
    found: list[End] = []
    pid = _spawn(script)
    children.expect(pid, found.append)
    end = _round(loop, found)
    assert (end.pid, end.status, bool(end.max_rss)) == (pid, status, True)
    assert journal.read() == ([], [])
    with pytest.raises(ChildProcessError):
        os.waitpid(pid, 0)


def test_a_journalled_exit_is_journalled_before_its_handler_is_called(
    loop: Loop, children: Children, journal: Journal
) -> None:
    found: list[End] = []
    said: list[list[End]] = []
    pid = _spawn("exit 7")

    def then(end: End) -> None:
        said.append(journal.read()[1])
        found.append(end)

    children.expect(pid, then, lambda: 4711)
    end = _round(loop, found)
    assert (end.ticks, end.status) == (4711, 7)
    [[line]] = said
    assert (line.pid, line.ticks, line.status, line.max_rss) == (pid, 4711, 7, end.max_rss)


def test_nobodys_child_is_reaped_in_silence(children: Children, journal: Journal) -> None:
    stranger = subprocess.Popen(["false"])
    assert gone(stranger.pid)
    children.reap()
    with pytest.raises(ChildProcessError):
        os.waitpid(stranger.pid, 0)
    assert journal.read() == ([], [])
    stranger.wait()


def test_who_is_told_to_end_hears_of_it(loop: Loop, children: Children, stops: list[str]) -> None:
    os.kill(os.getpid(), signal.SIGHUP)
    loop.round()
    assert stops == ["stop"]


@pytest.mark.parametrize(("script", "code", "name"), [("exit 3", 3, None), ("kill -9 $$", None, "SIGKILL")])
def test_a_job_ends_with_its_usage(desk: Desk, script: str, code: int | None, name: str | None) -> None:
    job = desk.submit("sh", "-c", script)
    row = desk.ended(job)
    assert (row.state, row.exit_status, row.signal) == (JobState.FAILED, code, name)
    assert row.cpu is not None
    assert row.max_rss
    assert desk.seat.journal.read() == ([], [])
