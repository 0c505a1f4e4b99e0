"""Containers of other machines are looked at together, one that may be of this one sooner."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from proctracker.linux import clock
from proctracker.model import JobRow, JobState
from proctracker.supervisor.base.jobs import Job
from proctracker.supervisor.base.loop import Loop
from proctracker.supervisor.running import polled
from proctracker.supervisor.running.polled import Polled


@pytest.fixture
def loop() -> Iterator[Loop]:
    made = Loop()
    yield made
    made.close()


def _job(name: str, address: str = "", pid: int | None = None, ran: float = 0.0) -> Job:
    engine = {"command": ["boxes"], "options": {"address": address} if address else {}}
    row = JobRow(name, 1, state=int(JobState.RUNNING), container=name, pid=pid, since=clock.boottime(), ran=ran)
    return Job(row, {"engine": engine}, "")


def _looks(loop: Loop, *jobs: Job, until: int) -> list[list[str]]:
    looks: list[list[str]] = []

    def look(ids: Sequence[str]) -> None:
        looks.append(list(ids))

    found = Polled(loop, look)
    for job in jobs:
        found.add(job)
    while len(looks) < until:
        loop.round()
    return looks


def test_all_of_other_machines_are_looked_at_at_once(loop: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polled, "LOOK", 0.02)
    jobs = [_job("a", "ssh://there"), _job("b", "tcp://there")]
    assert _looks(loop, *jobs, until=2) == [["a", "b"], ["a", "b"]]


@pytest.mark.parametrize("pid", [None, 1])
def test_one_that_may_have_ended_here_is_looked_at_before_the_others(loop: Loop, pid: int | None) -> None:
    fresh = _job("a", pid=pid)
    assert _looks(loop, fresh, _job("b", "ssh://there"), _job("c", ran=2.0), until=2) == [["a"], ["a", "b", "c"]]
    assert fresh.tries == (0 if pid is None else 1)


def test_what_is_dropped_is_looked_at_no_more(loop: Loop) -> None:
    found = Polled(loop, lambda ids: None)
    job = _job("a", "ssh://there")
    found.add(job)
    assert "a" in found
    found.drop("a")
    assert "a" not in found
