"""Arrays."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

import proctracker as pt

LONG = 30.0
State = pt.JobState


def sh(code: str, **more: Any) -> dict[str, Any]:
    return {"remote_command": "sh", "args": ["-c", code], **more}


def test_tasks(session: pt.JobSession) -> None:
    array = session.run_bulk_jobs(sh("exit $TASK_ID"), 2, 8, 3)
    assert [job.job_id for job in array.jobs] == [f"{array.id}_{task}" for task in (2, 5, 8)]
    assert array.jobs == array.job_list == session.get_jobs()
    infos = array.wait_terminated(LONG)
    assert [(info.exit_status, info.task_id, info.array_id) for info in infos] == [(n, n, array.id) for n in (2, 5, 8)]
    assert array.wait_terminated(0) == infos
    array.wait_started(0)
    assert array.job_template == pt.JobTemplate(sh("exit $TASK_ID")) == array.jobs[1].get_template()


def test_found_again(session: pt.JobSession) -> None:
    array = session.run_bulk_jobs(sh("exit 0"), 1, 2)
    found = session.get_job_array(array.job_array_id)
    assert (found, found.jobs, found.job_template) == (array, array.jobs, array.get_template())
    assert (hash(found), str(found), found.session_name) == (hash(array), array.id, session.session_name)
    again = pickle.loads(pickle.dumps(array))
    assert (again, again.jobs) == (array, array.jobs)
    assert array.id in repr(again)
    assert array != array.id


def test_controls_reach_what_fits(session: pt.JobSession) -> None:
    array = session.run_bulk_jobs(sh("sleep 600", submit_as_hold=True), 1, 3)
    array.jobs[0].release()
    array.jobs[0].wait_started(LONG)
    array.release()
    array.wait_started(LONG)
    array.suspend()
    assert {job.get_state()[0] for job in array.jobs} == {State.SUSPENDED}
    array.resume()
    with pytest.raises(pt.InvalidStateException, match=f"array {array.id}"):
        array.hold()
    with pytest.raises(pt.InvalidStateException):
        array.reap()
    array.terminate(grace=5)
    assert {info.job_sub_state for info in array.wait_terminated(LONG)} == {"terminated"}
    array.reap()
    assert session.get_jobs() == []
    for use in (array.reap, lambda: array.wait_terminated(1), lambda: session.get_job_array(array.id)):
        with pytest.raises(pt.InvalidArgumentException):
            use()


def test_what_was_reaped_is_not_waited_for(session: pt.JobSession) -> None:
    array = session.run_bulk_jobs(sh("exit 0"), 1, 3)
    array.wait_terminated(LONG)
    array.jobs[1].reap()
    assert [info.task_id for info in array.wait_terminated(LONG)] == [1, 3]


def test_max_parallel(session: pt.JobSession) -> None:
    array = session.run_bulk_jobs(sh("sleep 600"), 1, 4, max_parallel=2)
    session.wait_all_started(array.jobs[:2], LONG)
    assert [job.get_state()[0] for job in array.jobs] == [State.RUNNING, State.RUNNING, State.QUEUED, State.QUEUED]
    array.terminate()
    array.wait_terminated(LONG)


@pytest.mark.parametrize("args", [(0, 2), (2, 1), (1, 2, 0), (1, 2, -1), ("1", 2)])
def test_indices_that_are_none(session: pt.JobSession, args: Any) -> None:
    with pytest.raises(pt.InvalidArgumentException):
        session.run_bulk_jobs(sh("exit 0"), *args)
    assert session.get_jobs() == []


def test_unknown_arrays(session: pt.JobSession) -> None:
    job = session.run_job(sh("exit 0"))
    other = pt.create_job_session()
    theirs = other.run_bulk_jobs(sh("exit 0"), 1, 1)
    for name in ("4711000", job.job_id, "x", theirs.id):
        with pytest.raises(pt.InvalidArgumentException, match=f"no array {name}"):
            session.get_job_array(name)
    theirs.wait_terminated(LONG)
    pt.destroy_job_session(other.session_name)
