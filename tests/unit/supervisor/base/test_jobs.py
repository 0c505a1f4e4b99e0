"""The live jobs in memory."""

from __future__ import annotations

import pytest

from proctracker.linux import clock
from proctracker.model import JobRow, JobState
from proctracker.supervisor.base.jobs import Job, Jobs, set_state
from proctracker.supervisor.base.loop import Timer


def _job(job_id: str = "1", pid: int | None = None, **columns: object) -> Job:
    num, _, task = job_id.partition("_")
    return Job(JobRow(job_id, int(num), int(task) if task else None, pid=pid, **columns), {}, "c")  # type: ignore[arg-type]


def test_by_id_and_by_pid() -> None:
    jobs = Jobs()
    for job in (_job("1", 10), _job("2_1"), _job("2_2", 12)):
        jobs.add(job)
    assert len(jobs) == 3
    assert [job.row.id for job in jobs] == ["1", "2_1", "2_2"]
    assert [job.row.id for job in jobs.task_jobs(2)] == ["2_1", "2_2"]
    assert jobs.find("1") is jobs.by_pid[10]
    assert jobs.find("9") is None


def test_a_process_comes_and_goes() -> None:
    jobs, job = Jobs(), _job("1")
    jobs.add(job)
    jobs.started(job, 10, 5)
    jobs.started(job, 11, 6)
    assert jobs.by_pid == {11: job}
    assert (job.row.pid, job.row.ticks) == (11, 6)
    jobs.forget_process(job)
    assert (jobs.by_pid, job.row.pid, job.row.ticks) == ({}, None, None)


def test_a_pid_that_is_anothers_by_now_stays_the_others() -> None:
    jobs, old, new = Jobs(), _job("1", 10), _job("2", 10)
    jobs.add(old)
    jobs.add(new)
    jobs.remove(old)
    assert jobs.by_pid == {10: new}


def test_an_ended_job_leaves_nothing() -> None:
    jobs, job = Jobs(), _job("1", 10)
    timers = [Timer(1.0, lambda: None) for _ in range(3)]
    jobs.add(job)
    job.timer("grace", timers[0])
    job.timer("grace", timers[1])
    job.timer("limit", timers[2])
    assert [timer.call is None for timer in timers] == [True, False, False]
    for each in jobs:
        jobs.remove(each)
        jobs.remove(each)
    assert (len(jobs), jobs.by_pid, job.timers) == (0, {}, {})
    assert all(timer.call is None for timer in timers)


def test_a_timer_that_is_not_there_can_be_cancelled() -> None:
    job = _job()
    job.timer("grace", None)
    assert job.timers == {}


@pytest.mark.parametrize(("container", "expected"), [(None, True), ("proctracker-1", False)])
def test_the_command_is_the_job_where_there_is_no_container(container: str | None, expected: bool) -> None:
    assert _job(container=container).supervised is expected


def test_running_time_leaves_out_what_was_suspended(monkeypatch: pytest.MonkeyPatch) -> None:
    row = JobRow("1", 1)
    monkeypatch.setattr(clock, "at", lambda epoch: epoch - 1000.0)
    assert row.running_time(50.0) == 0
    for state, now in (
        (JobState.RUNNING, 1100.0),
        (JobState.RUNNING, 1105.0),
        (JobState.SUSPENDED, 1110.0),
        (JobState.RUNNING, 1200.0),
    ):
        set_state(row, state, now, "x")
    assert row.running_time(203.0) == 13.0
    assert (row.running_since, row.since) == (1200.0, 200.0)
    assert row.running_time(150.0) == 10.0
    set_state(row, JobState.DONE, 1204.0)
    assert (row.ran, row.running_since, row.state, row.sub_state) == (14.0, None, int(JobState.DONE), None)
    assert row.since is None
    assert row.running_time(clock.boottime()) == 14.0
