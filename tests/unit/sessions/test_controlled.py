"""What jobs and arrays have in common."""

from __future__ import annotations

import signal
from datetime import timedelta
from typing import Any

import pytest

import proctracker as pt

LONG = 30.0
Held, Running, Suspended = pt.JobState.QUEUED_HELD, pt.JobState.RUNNING, pt.JobState.SUSPENDED


@pytest.mark.parametrize("array", [False, True])
def test_the_same_controls(session: pt.JobSession, array: bool) -> None:
    template = {"remote_command": "sleep", "args": ["600"], "submit_as_hold": True}
    thing = session.run_bulk_jobs(template, 1, 2) if array else session.run_job(template)
    jobs = thing.jobs if isinstance(thing, pt.JobArray) else [thing]
    assert {job.get_state()[0] for job in jobs} == {Held}
    thing.release()
    thing.wait_started(LONG)
    for control, state in ((thing.suspend, Suspended), (thing.resume, Running)):
        control()
        assert {job.get_state()[0] for job in jobs} == {state}
    with pytest.raises(pt.InvalidStateException):
        thing.reap()
    thing.terminate(signal="SIGINT")
    thing.wait_terminated(LONG)
    assert {job.get_info().terminating_signal for job in jobs} == {"SIGINT"}
    thing.reap()
    assert session.get_jobs() == []


def test_a_job_is_no_array(session: pt.JobSession) -> None:
    array = session.run_bulk_jobs({"remote_command": "true"}, 1, 2)
    found = session.get_job_array(array.id)
    assert (found == array, hash(found) == hash(array), found is array) == (True, True, False)
    job = type(array.jobs[0])(array._track, array.id)
    assert job != array
    assert job != array.id
    assert repr(array) == f"<JobArray {array.id} of session {session.session_name}>"


@pytest.mark.parametrize(
    "wrong", [{"grace": "5"}, {"grace": None}, {"grace": -1}, {"grace": True}, {"signal": 0}, {"signal": b"TERM"}]
)
def test_what_terminate_does_not_take(session: pt.JobSession, wrong: Any) -> None:
    job = session.run_job({"remote_command": "true", "submit_as_hold": True})
    with pytest.raises(pt.InvalidArgumentException):
        job.terminate(**wrong)
    assert job.get_state()[0] == Held


def test_what_terminate_takes(session: pt.JobSession) -> None:
    for given in ({"grace": timedelta(seconds=30), "signal": signal.SIGUSR1}, {"grace": 10**400, "signal": 10}):
        job = session.run_job({"remote_command": "sleep", "args": ["600"]})
        job.wait_started(LONG)
        job.terminate(**given)
        assert job.wait_terminated(LONG).terminating_signal == "SIGUSR1"
