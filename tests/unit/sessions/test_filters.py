"""Filters."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

import proctracker as pt
from proctracker.errors import InvalidArgumentException
from proctracker.model import JobInfo, JobState
from proctracker.sessions import filters

WHEN = datetime(2026, 1, 2, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({}, {}),
        ({"job_state": "running"}, {"job_state": JobState.RUNNING}),
        ({"job_state": 7}, {"job_state": JobState.DONE}),
        ({"job_state": ["RUNNING", 7]}, {"job_state": [JobState.RUNNING, JobState.DONE]}),
        ({"job_state": {JobState.DONE}}, {"job_state": [JobState.DONE]}),
        ({"job_id": 42}, {"job_id": "42"}),
        ({"wallclock_time": timedelta(minutes=1)}, {"wallclock_time": 60.0}),
        ({"submission_time": WHEN}, {"submission_time": WHEN}),
        ({"submission_time": WHEN.timestamp()}, {"submission_time": WHEN}),
        ({"submission_time": "2026-01-02T00:00:00Z"}, {"submission_time": WHEN}),
        ({"finish_time": WHEN.astimezone().replace(tzinfo=None)}, {"finish_time": WHEN}),
        ({"allocated_machines": "h"}, {"allocated_machines": ["h"]}),
        ({"allocated_machines": {"h"}}, {"allocated_machines": ["h"]}),
        ({"resubmitted_from": 7}, {"resubmitted_from": "7"}),
        ({"annotation": 5}, {"annotation": 5}),
        ({"stdout": b"x"}, {"stdout": b"x"}),
        (JobInfo(slots=1), {"slots": 1}),
    ],
)
def test_what_is_asked_for(given: Any, wanted: dict[str, Any]) -> None:
    assert filters.wanted(given) == wanted


@pytest.mark.parametrize(
    "given",
    [
        *({"jobid": 1}, {"job_state": "X"}, {"job_state": 99}, {"job_state": ["X"]}, {"finish_time": "soon"}, 5, "x"),
        *({"job_id": ["1"]}, {"job_id": True}, {"job_id": timedelta(1)}, {"job_name": b"x"}, {"terminating_signal": 9}),
        *({"exit_status": "3"}, {"slots": True}, {"wallclock_time": "x"}, {"cpu_time": float("nan")}, {"max_rss": []}),
        *({"pid": timedelta(1)}, {"allocated_machines": {"h": 1}}, {"allocated_machines": [1]}, {"command": "true"}),
        *({"finish_time": float("nan")}, {"dispatch_time": 10**30}, {"submission_time": datetime.min}, {"stderr": "x"}),
    ],
)
def test_filters_that_are_none(given: Any) -> None:
    with pytest.raises(InvalidArgumentException):
        filters.wanted(given)


def test_times_are_from_now(session: pt.JobSession) -> None:
    job = session.run_job({"remote_command": "true"})
    job.wait_terminated(30)
    assert session.get_jobs({"finish_time": "+1h"}) == session.get_jobs({"finish_time": pt.NOW}) == []
    assert session.get_jobs({"finish_time": timedelta_ago(3600), "job_id": job}) == [job]


def timedelta_ago(seconds: float) -> datetime:
    return datetime.now() - timedelta(seconds=seconds)


def test_several_states(session: pt.JobSession) -> None:
    done, failed = session.run_job({"remote_command": "true"}), session.run_job({"remote_command": "false"})
    held = session.run_job({"remote_command": "true", "submit_as_hold": True})
    session.wait_all_terminated([done, failed], 30)
    for states in (["DONE", "QUEUED_HELD"], (JobState.DONE, 2), {JobState.DONE, JobState.QUEUED_HELD}):
        assert session.get_jobs({"job_state": states}) == [done, held]
    wanted: Any = [JobState.FAILED]
    assert session.get_jobs(JobInfo(job_state=wanted)) == [failed]
    assert session.get_jobs({"job_state": []}) == []
    with pt.open_monitoring_session() as monitor:
        assert held in monitor.get_all_jobs({"job_state": ["QUEUED_HELD", "SUSPENDED"]})


@pytest.mark.parametrize(
    ("given", "count"),
    [
        ({"job_name": "b"}, 2),
        ({"job_name": "b", "job_state": "DONE"}, 1),
        ({"job_name": "b", "job_state": ["QUEUED_HELD"]}, 1),
        ({"job_state": "QUEUED_HELD", "job_sub_state": "held"}, 1),
        ({"job_state": ["QUEUED_HELD", "DONE"], "task_id": 2}, 1),
        ({"exit_status": 3}, 1),
        ({"exit_status": 3.5}, 0),
        ({"exit_status": 10**30}, 0),
        ({"job_name": "no\udcff"}, 0),
        ({"terminating_signal": "SIGKILL"}, 1),
        ({"job_state": "FAILED", "cpu_time": 0}, 2),
        ({"cpu_time": 1e9}, 0),
        ({"runtime": "process", "host": "elsewhere"}, 0),
        ({"task_id": 2}, 1),
        ({"task_id": 2, "array_id": "x"}, 0),
        ({"slots": 1, "attempt": 1, "contact": "process", "session_name": "x"}, 0),
        ({"resubmitted_from": "1"}, 0),
        ({}, 7),
    ],
)
def test_what_the_store_picks_is_what_infos_tell(session: pt.JobSession, given: Any, count: int) -> None:
    for name, words in {"a": "exit 3", "b": "exit 0", "c": "kill -9 $$"}.items():
        session.run_job({"remote_command": "sh", "args": ["-c", words], "job_name": name}).wait_terminated(30)
    session.run_job({"remote_command": "true", "job_name": "b", "submit_as_hold": True})
    session.run_bulk_jobs({"remote_command": "true"}, 1, 3).wait_terminated(30)
    found = session.get_jobs(given)
    place = session._place
    assert [job.job_id for job in found] == [info.job_id for info in filters.found(place, given, session.session_name)]
    assert len(found) == count
