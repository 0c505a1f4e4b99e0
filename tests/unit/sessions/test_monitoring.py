"""Looking at everything there is."""

from __future__ import annotations

import asyncio
import os
import pickle
import subprocess
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

import proctracker as pt
from proctracker import runtimes
from proctracker.model import Observation
from proctracker.runtimes.base import Dialog
from proctracker.store import Home

LONG = 30.0
CONTROLS = ("suspend", "resume", "hold", "release", "terminate", "reap", "resubmit")


@pytest.fixture
def monitor(served: Home) -> Iterator[pt.MonitoringSession]:
    with pt.open_monitoring_session() as opened:
        yield opened


def test_our_jobs_are_shown_read_only(monitor: pt.MonitoringSession, session: pt.JobSession) -> None:
    job = session.run_job({"remote_command": "sleep", "args": ["600"]})
    job.wait_started(LONG)
    [found] = monitor.get_all_jobs({"job_id": job.job_id})
    assert (found, found.get_state()[0], found.session_name) == (job, pt.JobState.RUNNING, session.session_name)
    assert found.job_template == job.job_template
    for control in CONTROLS:
        with pytest.raises(pt.UnsupportedOperationException, match=control):
            getattr(found, control)()
    assert job.get_state()[0] == pt.JobState.RUNNING
    assert found.read_output() == b""
    found.wait_started(0)
    job.terminate()
    assert found.wait_terminated(LONG).job_state == pt.JobState.FAILED


def test_other_processes_are_shown_read_only(monitor: pt.MonitoringSession) -> None:
    with subprocess.Popen(["sleep", "600"]) as process:
        [found] = monitor.get_all_jobs({"job_id": f"pid-{process.pid}"})
        assert (found.get_state()[0], found.session_name, found.get_info().pid) == (
            pt.JobState.RUNNING,
            None,
            process.pid,
        )
        assert found.job_template == pt.JobTemplate(remote_command="sleep", args=["600"])
        for use in (*CONTROLS, "wait_started", "wait_terminated", "read_output"):
            with pytest.raises(pt.UnsupportedOperationException):
                getattr(found, use)()
        again = pickle.loads(pickle.dumps(found))
        assert (again, again.get_info(), repr(again)) == (
            found,
            found.get_info(),
            f"<WatchedJob {found.id}, none of ours>",
        )
        for wait in (lambda: list(pt.as_completed([found])), lambda: asyncio.run(_awaited(found))):
            with pytest.raises(pt.UnsupportedOperationException, match=f"{found.id} is none of ours"):
                wait()
        process.kill()


async def _awaited(job: pt.Job) -> pt.JobInfo:
    return await job


def test_the_processes_of_our_jobs_are_not_shown_twice(monitor: pt.MonitoringSession, session: pt.JobSession) -> None:
    job = session.run_job({"remote_command": "sleep", "args": ["600"]})
    job.wait_started(LONG)
    assert monitor.get_all_jobs({"job_id": f"pid-{job.get_info().pid}"}) == []


def test_machines(monitor: pt.MonitoringSession) -> None:
    name = os.uname().nodename
    [machine] = monitor.get_all_machines()
    assert machine.name == name
    assert [each.name for each in monitor.get_all_machines([name, "x"])] == [name]
    assert monitor.get_all_machines(["x"]) == monitor.get_all_machines([]) == []
    with pytest.raises(pt.InvalidArgumentException):
        monitor.get_all_machines(name)


def test_queues_and_reservations(monitor: pt.MonitoringSession) -> None:
    assert monitor.get_all_queues() == monitor.get_all_queues(["x"]) == []
    with pytest.raises(pt.UnsupportedOperationException):
        monitor.get_all_reservations()


def test_a_closed_one_is_of_no_use(served: Home) -> None:
    monitor = pt.open_monitoring_session()
    assert monitor.contact == "process"
    monitor.close()
    for use in (
        monitor.close,
        monitor.get_all_jobs,
        monitor.get_all_machines,
        monitor.get_all_queues,
        lambda: monitor.contact,
    ):
        with pytest.raises(pt.InvalidSessionException):
            use()


def test_other_containers_are_shown(served: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def ours(engine: Any, labels: Any) -> Dialog[Mapping[str, Observation]]:
        yield []
        return {"web": Observation(pt.JobState.SUSPENDED, pid=7, image="nginx", command=("nginx",), started=1.0)}

    monkeypatch.setattr(runtimes.get("podman"), "ours", ours)
    monitor = pt.open_monitoring_session("podman")
    [found] = monitor.get_all_jobs({"job_id": "web"})
    info = found.get_info()
    assert (info.job_state, info.job_category, info.command, info.contact) == (
        pt.JobState.SUSPENDED,
        "nginx",
        ["nginx"],
        "podman",
    )
    with pytest.raises(pt.UnsupportedOperationException):
        found.terminate()
