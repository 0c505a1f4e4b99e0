"""How processes and containers ended."""

from __future__ import annotations

import time

import pytest

from proctracker.linux import clock
from proctracker.model import JobState, Observation
from proctracker.supervisor.base.journal import End
from supervising import Desk


def _running(desk: Desk, **spec: object):  # type: ignore[no-untyped-def]
    job = desk.submit("sleep", "600", **spec)
    desk.running(job)
    return job


@pytest.mark.parametrize(("status", "code", "signal"), [(0, 0, None), (3, 3, None), (-15, None, "SIGTERM")])
def test_a_process(desk: Desk, status: int, code: int | None, signal: str | None) -> None:
    job = _running(desk)
    desk.service.exits.process(job, End(job.row.pid or 0, 1, status, time.time(), 0.5, 64))
    assert (job.row.exit_status, job.row.signal, job.row.cpu, job.row.max_rss) == (code, signal, 0.5, 64)


@pytest.mark.parametrize(("early", "state"), [(3600.0, JobState.DONE), (-3600.0, JobState.FAILED)])
def test_a_container_that_ended_before_its_deadline_was_in_time(desk: Desk, early: float, state: JobState) -> None:
    now = time.time()
    job = _running(desk)
    job.spec, job.ending = {**job.spec, "deadline": now}, "deadline"
    seen = Observation(JobState.DONE, exit_status=0, finished=now - early)
    desk.service.exits.container(job, seen, False, clock.boottime())
    assert job.row.state == state
