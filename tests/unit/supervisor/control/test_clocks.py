"""Time limits, deadlines and graces."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from proctracker.errors import Drmaa2Exception, DrmCommunicationException
from proctracker.linux import clock
from proctracker.model import JobRow, JobState
from proctracker.supervisor.base.jobs import GRACE, Job, Phase
from proctracker.supervisor.base.loop import Loop
from proctracker.supervisor.control.clocks import FINISH, Clocks


@pytest.fixture
def loop() -> Iterator[Loop]:
    made = Loop()
    yield made
    made.close()


def _job(state: JobState = JobState.RUNNING, **spec: float) -> Job:
    return Job(JobRow("1", 1, state=int(state)), spec, "")


def _over(loop: Loop, job: Job) -> list[str]:
    over: list[str] = []
    clocks = Clocks(loop, lambda job, why: over.append(why), lambda job: over.append("killed"))
    clocks.keep_deadline(job)
    clocks.limit_time(job)
    if job.row.kill_at is not None:
        clocks.await_grace(job)
    loop.round()
    return over


def test_a_deadline_comes_in_every_state(loop: Loop) -> None:
    assert _over(loop, _job(JobState.QUEUED, deadline=time.time() - 1)) == ["deadline"]


@pytest.mark.parametrize(("state", "expected"), [(JobState.RUNNING, ["time-limit"]), (JobState.SUSPENDED, ["killed"])])
def test_a_limit_counts_what_runs(loop: Loop, state: JobState, expected: list[str]) -> None:
    job = _job(state, time_limit=0.0)
    if state != JobState.RUNNING:
        job.row.kill_at = clock.boottime()
    assert _over(loop, job) == expected


@pytest.mark.parametrize(("overdue", "expected"), [(0, 5), (20, 20), (900, 60)])
def test_a_kill_is_tried_again_the_later_the_longer_it_is_overdue(loop: Loop, overdue: float, expected: float) -> None:
    job = _job()
    job.row.kill_at = clock.boottime() - overdue
    told: list[str] = []
    done: list[Drmaa2Exception | None] = []
    tell = Clocks(loop, lambda job, why: None, lambda job: None).or_again(
        job, lambda job, why: told.append(why), done.append
    )
    error = DrmCommunicationException("no answer")
    tell(error)
    assert (told, done) == (["no answer"], [error])
    assert abs(job.timers["kill"].due - clock.boottime() - expected) < 2


def test_without_a_time_the_usual_grace_counts(loop: Loop) -> None:
    job = _job()
    Clocks(loop, lambda job, why: None, lambda job: None).await_grace(job)
    assert abs(job.timers["kill"].due - clock.boottime() - GRACE) < 5


@pytest.mark.parametrize(("runtime", "seconds"), [("ctr", FINISH[False]), ("docker", FINISH[True])])
def test_a_start_has_some_seconds_more_than_the_grace(loop: Loop, runtime: str, seconds: float) -> None:
    job = _job()
    job.row.runtime, job.phase, job.row.kill_at = runtime, Phase.STARTING, clock.boottime()
    assert _over(loop, job) == []
    assert abs(job.timers["kill"].due - clock.boottime() - seconds) < 1
