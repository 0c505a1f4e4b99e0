"""Monitoring sessions: machines, queues, all jobs, those that are not ours too, and filters."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest

import proctracker as pt
from contract.kit import LONG, Kit, until

CONTROLS = ("suspend", "resume", "hold", "release", "terminate", "reap")


@pytest.fixture
def monitor(kit: Kit) -> Iterator[pt.MonitoringSession]:
    """An open monitoring session on the runtime."""
    opened = pt.open_monitoring_session(kit.contact)
    yield opened
    opened.close()


def test_its_machines_are_told(kit: Kit, monitor: pt.MonitoringSession) -> None:
    machines = monitor.get_all_machines()
    assert [(machine.name, machine.available) for machine in machines] == [(name, True) for name in kit.machines]
    for machine in machines:
        assert machine.sockets and machine.cores_per_socket and machine.threads_per_core and machine.phys_memory
        assert machine.machine_os == pt.OperatingSystem.LINUX


def test_machines_are_found_by_name(kit: Kit, monitor: pt.MonitoringSession) -> None:
    assert [machine.name for machine in monitor.get_all_machines([kit.machines[-1]])] == [kit.machines[-1]]
    assert monitor.get_all_machines(["nowhere"]) == []


def test_queues_and_reservations_are_a_schedulers(kit: Kit, monitor: pt.MonitoringSession) -> None:
    assert [queue.name for queue in monitor.get_all_queues()] == [*kit.queues]
    if kit.queues:
        assert [queue.name for queue in monitor.get_all_queues([kit.queues[-1], "nowhere"])] == [kit.queues[-1]]
        assert monitor.get_all_reservations() == []
    else:
        with pytest.raises(pt.UnsupportedOperationException):
            monitor.get_all_reservations()


def test_our_jobs_are_among_all_jobs(kit: Kit, session: pt.JobSession, monitor: pt.MonitoringSession) -> None:
    job = session.run_job(kit.sleeper())
    job.wait_started(LONG)
    # Slurm gives numbers, too, and may know one of that number from before.
    [found] = [each for each in monitor.get_all_jobs(pt.JobInfo(job_id=job.job_id)) if each.session_name]
    assert (found.job_id, found.session_name) == (job.job_id, session.session_name)
    assert found.get_state()[0] == pt.JobState.RUNNING


def test_jobs_that_are_not_ours_are_read_only(kit: Kit, monitor: pt.MonitoringSession) -> None:
    with _foreign(kit) as name:
        [job] = [each for each in monitor.get_all_jobs() if each.job_id == name]
        assert job.get_state()[0] == pt.JobState.RUNNING
        assert job.get_info().job_id == job.job_id
        assert job.session_name is None
        for control in CONTROLS:
            with pytest.raises(pt.Drmaa2Exception):
                getattr(job, control)()
        assert monitor.get_all_jobs({"job_id": job.job_id}) == [job]
        assert job.get_state()[0] == pt.JobState.RUNNING


@contextmanager
def _foreign(kit: Kit) -> Iterator[str]:
    """Something that runs and is not ours; the id it goes by."""
    if kit.runtime == "slurm":
        number = kit.bare("sbatch", "--parsable", "--output=/dev/null", "--chdir=/", "--wrap=sleep 600").strip()
        until(
            lambda: kit.bare("squeue", "--noheader", f"--jobs={number}", "--format=%T").strip() == "RUNNING",
            "its start",
        )
        yield number
        kit.bare("scancel", number)
        return
    if kit.containers:
        name = f"foreign-{os.getpid()}"
        with kit.foreign(name):
            yield name
        return
    with subprocess.Popen(["sleep", "600"]) as process:
        yield f"pid-{process.pid}"
        process.kill()


def test_jobs_are_found_by_machine(kit: Kit, session: pt.JobSession) -> None:
    job = session.run_job(kit.script("exit 0"))
    (machine,) = job.wait_terminated(LONG).allocated_machines or ()
    assert machine in kit.machines
    assert session.get_jobs({"allocated_machines": [machine]}) == [job]
    assert session.get_jobs({"allocated_machines": ["nowhere"]}) == []


def test_each_attribute_filters_by_its_rule(kit: Kit, session: pt.JobSession) -> None:
    job = session.run_job(kit.script("exit 2", job_name="needle"))
    info = job.wait_terminated(LONG)
    assert info.wallclock_time is not None and info.submission_time is not None and info.finish_time is not None
    second = timedelta(seconds=1)
    table: list[tuple[str, object, object]] = [
        ("job_id", job.job_id, "4711"),
        ("job_name", "needle", "hay"),
        ("exit_status", 2, 3),
        ("job_state", pt.JobState.FAILED, pt.JobState.DONE),
        ("submission_machine", info.submission_machine, "nowhere"),
        ("job_owner", info.job_owner, "nobody-else"),
        ("slots", 1, 2),
        ("wallclock_time", 0, info.wallclock_time + 100),
        ("submission_time", info.submission_time - second, info.submission_time + second),
        ("dispatch_time", info.submission_time - second, info.finish_time + second),
        ("finish_time", info.finish_time - second, info.finish_time + second),
        ("session_name", session.session_name, "another"),
    ]
    for attribute, fits, fits_not in table:
        assert session.get_jobs({attribute: fits}) == [job], attribute
        assert session.get_jobs({attribute: fits_not}) == [], attribute
    # The specification leaves the annotation out of filters.
    assert session.get_jobs({"annotation": "whatever"}) == [job]


def test_a_closed_monitoring_session_tells_nothing(kit: Kit) -> None:
    monitor = pt.open_monitoring_session(kit.contact)
    monitor.close()
    with pytest.raises(pt.InvalidSessionException):
        monitor.get_all_machines()
