"""Sessions: submitting, finding, waiting, the end."""

from __future__ import annotations

import os
import pickle
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import proctracker as pt
from proctracker.store import Home

LONG = 30.0


def sh(code: str, **more: Any) -> dict[str, Any]:
    return {"remote_command": "sh", "args": ["-c", code], **more}


def test_a_closed_session_is_of_no_use(session: pt.JobSession) -> None:
    job = session.run_job(sh("exit 3"))
    name = session.session_name
    session.close()
    uses: list[Any] = [
        session.close,
        lambda: session.session_name,
        lambda: session.contact,
        lambda: session.job_categories,
        session.get_job_categories,
        lambda: session.max_running,
        lambda: setattr(session, "max_running", 1),
        lambda: session.run_job(sh("exit 0")),
        lambda: session.run_bulk_jobs(sh("exit 0"), 1, 2),
        session.get_jobs,
        lambda: session.get_job("1"),
        lambda: session.get_job_array("1"),
        lambda: session.wait_any_started([job]),
        lambda: session.wait_any_terminated([job]),
        lambda: session.wait_all_started([job]),
        lambda: session.wait_all_terminated([job]),
        session.events,
        session.__enter__,
    ]
    for use in uses:
        with pytest.raises(pt.InvalidSessionException, match="was closed"):
            use()
    assert job.wait_terminated(LONG).exit_status == 3
    assert "closed" in repr(session)
    assert pt.open_job_session(name).get_jobs() == [job]


def test_leaving_a_context_closes(session: pt.JobSession) -> None:
    with session as same:
        assert same is session
    with pytest.raises(pt.InvalidSessionException):
        session.get_jobs()


def test_destroying_makes_open_ones_invalid(served: Home) -> None:
    session = pt.create_job_session()
    name = session.session_name
    pt.destroy_job_session(name)
    for use in (session.get_jobs, lambda: session.run_job(sh("exit 0")), lambda: session.contact):
        with pytest.raises(pt.InvalidSessionException, match="was destroyed"):
            use()
    pt.create_job_session(name)
    with pytest.raises(pt.InvalidSessionException):
        session.get_jobs()
    assert pt.open_job_session(name).get_jobs() == []
    pt.destroy_job_session(name)


def test_a_session_destroyed_elsewhere_takes_no_jobs(served: Home) -> None:
    session = pt.create_job_session()
    name = session.session_name
    session._seen_until = float("inf")
    from proctracker.tracker.place import at

    at(served.path).client().call("session_destroy", name=name, live="refuse")
    with pytest.raises(pt.InvalidSessionException):
        session.run_job(sh("exit 0"))
    assert name not in pt.get_job_session_names()


def test_what_is_refused_leaves_nothing(session: pt.JobSession) -> None:
    for template in (
        {},
        {"remote_command": ""},
        {"remote_comand": "x"},
        sh("x", priority="high"),
        sh("x", working_directory="/proc/nope"),
        7,
    ):
        for run in (session.run_job, lambda it: session.run_bulk_jobs(it, 1, 2)):
            with pytest.raises(pt.InvalidArgumentException):
                run(template)  # type: ignore[arg-type]
    with pytest.raises(pt.UnsupportedAttributeException, match="email"):
        session.run_job(sh("x", email=["a@b"]))
    assert session.get_jobs() == []


def test_a_template_may_name_another_contact(session: pt.JobSession) -> None:
    job = session.run_job(sh("exit 0", implementation_specific={"contact": "process"}))
    assert job.wait_terminated(LONG).contact == "process"
    with pytest.raises(pt.InvalidArgumentException, match="podman"):
        session.run_job(sh("x", implementation_specific={"contact": "podmann"}))
    with pytest.raises(pt.InvalidArgumentException, match="contact"):
        session.run_job(sh("x", implementation_specific={"contact": ["podman"]}))


def test_max_running(session: pt.JobSession) -> None:
    session.max_running = 1
    assert session.max_running == 1
    jobs = [session.run_job(sh("sleep 600")) for _ in range(2)]
    jobs[0].wait_started(LONG)
    assert jobs[1].get_state()[0] == pt.JobState.QUEUED
    session.max_running = 0
    jobs[1].wait_started(LONG)
    with pytest.raises(pt.InvalidArgumentException):
        session.max_running = -1


def test_numbers_beyond_the_store(session: pt.JobSession) -> None:
    huge = 10**30
    for wrong in ((1, huge), (huge, huge), (1, 1, 1, huge), (2**31, 2**31)):
        with pytest.raises(pt.InvalidArgumentException):
            session.run_bulk_jobs({"remote_command": "true"}, *wrong)
    with pytest.raises(pt.InvalidArgumentException, match="max_running"):
        session.max_running = huge
    for name in ("9" * 40, "9" * 5000):
        with pytest.raises(pt.InvalidArgumentException, match="no array"):
            session.get_job_array(name)
        with pytest.raises(pt.InvalidArgumentException, match="no job"):
            pt.submit("true", session=session, after=name)
    assert session.get_jobs() == []


def test_finding(session: pt.JobSession) -> None:
    assert session.get_jobs() == session.get_jobs({"exit_status": 0}) == []
    good, bad = session.run_job(sh("exit 0", job_name="good")), session.run_job(sh("exit 1"))
    session.wait_all_terminated([good, bad], LONG)
    for filter, found in (
        (None, [good, bad]),
        ({"exit_status": 0}, [good]),
        (pt.JobInfo(exit_status=1), [bad]),
        ({"job_state": "FAILED"}, [bad]),
        ({"job_name": "good"}, [good]),
        ({"job_id": bad.job_id}, [bad]),
        ({"job_id": "4711000"}, []),
        ({"allocated_machines": ["elsewhere"]}, []),
    ):
        assert session.get_jobs(filter) == found, filter  # type: ignore[arg-type]
    assert good.get_state()[0] == pt.JobState.DONE


def test_jobs_of_other_sessions_are_not_found(session: pt.JobSession) -> None:
    theirs = pt.submit("true", session=f"{session.session_name}-other")
    theirs.wait_terminated(LONG)
    assert session.get_jobs() == session.get_jobs({"job_id": theirs.job_id}) == []


def test_it_travels(session: pt.JobSession) -> None:
    again = pickle.loads(pickle.dumps(session))
    assert (again.session_name, again.contact) == (session.session_name, session.contact)
    session.close()
    with pytest.raises(pt.InvalidSessionException):
        pickle.loads(pickle.dumps(session)).get_jobs()


def test_many_states_cost_little(session: pt.JobSession) -> None:
    array = session.run_bulk_jobs({"remote_command": "true"}, 1, 300)
    array.wait_terminated(LONG)
    jobs = session.get_jobs()
    assert {job.get_state() for job in jobs} == {(pt.JobState.DONE, None)}
    began = time.process_time()
    for job in jobs:
        job.get_state()
    assert (time.process_time() - began) / len(jobs) < 50e-6


def test_a_job_by_its_id(session: pt.JobSession) -> None:
    job, array = session.run_job(sh("exit 3")), session.run_bulk_jobs(sh("exit 0"), 1, 2)
    assert session.get_job(job.job_id) == session.get_job(int(job.job_id)) == job  # type: ignore[arg-type]
    assert session.get_job(array.jobs[1].id).wait_terminated(LONG).task_id == 2
    other = pt.submit("true", session="other")
    for unknown in ("99999", other.job_id, array.id, "x", "", str(2**70)):
        with pytest.raises(pt.InvalidArgumentException, match="has no job"):
            session.get_job(unknown)
    job.wait_terminated(LONG)
    job.reap()
    with pytest.raises(pt.InvalidArgumentException, match="has no job"):
        session.get_job(job.job_id)


BIG = 10**5000
"""More digits than Python writes since 3.11 (and 3.9.14, 3.10.7)."""

OF_A_JOB = ("priority", "min_slots", "start_time", "deadline_time", "job_name", "args", "input_path", "rerunnable")
OF_US = (
    "after after_any retries retry_delay append memory_limit cpus volumes user gpus network restart exposed_ports pull"
)

BIG_CALLS: dict[str, Callable[[pt.JobSession, pt.Job, Any], object]] = {
    "get_job": lambda session, job, big: session.get_job(big),
    "get_jobs": lambda session, job, big: session.get_jobs({"job_id": big}) or session.get_job("0"),
    "get_job_array": lambda session, job, big: session.get_job_array(big),
    "begin": lambda session, job, big: session.run_bulk_jobs({"remote_command": "true"}, big, big),
    "end": lambda session, job, big: session.run_bulk_jobs({"remote_command": "true"}, 1, big),
    "max_parallel": lambda session, job, big: session.run_bulk_jobs({"remote_command": "true"}, 1, 2, 1, big),
    "limit": lambda session, job, big: session.run_job({"remote_command": "x", "resource_limits": {"CPU_TIME": big}}),
    "max_running": lambda session, job, big: setattr(session, "max_running", big),
    "jobs": lambda session, job, big: session.wait_all_terminated(big),
    "signal": lambda session, job, big: job.terminate(signal=big),
    "after": lambda session, job, big: job.resubmit(after=big),
    "attempt": lambda session, job, big: job.read_output("stdout", big),
    "timeout": lambda session, job, big: job.wait_terminated(-abs(big)),
    "grace": lambda session, job, big: job.terminate(grace=-abs(big)),
    "contact": lambda session, job, big: pt.create_job_session("other", big),
    "name": lambda session, job, big: pt.create_job_session(big),
    **{
        name: lambda session, job, big, name=name: session.run_job({"remote_command": "true", name: big})  # type: ignore[misc]
        for name in OF_A_JOB
    },
    **{
        f"{name} on {contact}": lambda session, job, big, name=name, contact=contact: session.run_job(  # type: ignore[misc]
            {"remote_command": "x", "job_category": "x", "implementation_specific": {"contact": contact, name: big}}
        )
        for name in OF_US.split()
        for contact in ("process", "docker")
    },
}


@pytest.mark.parametrize("big", [BIG, -BIG], ids=["", "-"])
def test_numbers_that_python_does_not_write(session: pt.JobSession, tmp_path: Path, monkeypatch: Any, big: int) -> None:
    (tmp_path / "docker").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    job = session.run_job({"remote_command": "true"})
    job.wait_terminated(LONG)
    for name, call in BIG_CALLS.items():
        with pytest.raises(pt.Drmaa2Exception) as caught:
            call(session, job, big)
        assert len(str(caught.value)) < 500, name
