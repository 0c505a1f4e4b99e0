"""Engines with a daemon: killed and restarted under running jobs, down, not there, not ours to ask."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

import proctracker as pt
from contract.kit import LONG, Kit, state, until
from engines import Engine


@pytest.fixture
def daemon(engine: Engine) -> Iterator[Engine]:
    """A runtime whose daemon is killed; it runs again in the end."""
    if not engine.daemon:
        pytest.skip(f"{engine.name} has no daemon")
    yield engine
    try:
        engine.cli("version")
    except Exception:
        engine.start()


def test_a_daemon_that_is_killed_and_started_again_costs_nothing(
    kit: Kit, session: pt.JobSession, daemon: Engine
) -> None:
    job = session.run_job(kit.script("trap 'exit 7' USR1; echo ready; while :; do sleep 0.05; done"))
    sleeper = session.run_job(kit.sleeper())
    session.wait_all_started([job, sleeper], LONG)
    daemon.kill()
    daemon.start()
    assert state(job) == pt.JobState.RUNNING
    sleeper.terminate()
    assert sleeper.wait_terminated(LONG).job_sub_state == "terminated"


def test_a_job_that_ends_while_the_daemon_is_down_is_told_later(
    kit: Kit, session: pt.JobSession, daemon: Engine
) -> None:
    job = session.run_job(kit.script("sleep 1; exit 7"))
    job.wait_started(LONG)
    pid = job.get_info().pid
    daemon.kill()
    until(lambda: not os.path.exists(f"/proc/{pid}"), "the end of the process")
    daemon.start()
    assert job.wait_terminated(LONG).exit_status == 7


def test_an_orderly_restart_costs_nothing(kit: Kit, session: pt.JobSession, daemon: Engine) -> None:
    job = session.run_job(kit.sleeper())
    job.wait_started(LONG)
    daemon.restart()
    assert state(job) == pt.JobState.RUNNING
    job.terminate()
    assert job.wait_terminated(LONG).job_state == pt.JobState.FAILED


def test_a_daemon_that_is_down(kit: Kit, session: pt.JobSession, daemon: Engine) -> None:
    job = session.run_job(kit.sleeper())
    job.wait_started(LONG)
    daemon.kill()
    until(lambda: state(job) == pt.JobState.UNDETERMINED, "a look: a scheduler is looked at each 5 s at most")
    assert job.get_info().annotation
    with pytest.raises(pt.DrmCommunicationException):
        job.suspend()
    later = session.run_job(kit.job("true"))
    if kit.runtime == "slurm":
        until(lambda: later.get_info().annotation, "why it waits")
        assert state(later) == pt.JobState.QUEUED
    else:
        started = later.wait_terminated(LONG)
        assert (started.job_state, started.exit_status) == (pt.JobState.FAILED, 125)
        assert started.annotation
    daemon.start()
    if kit.runtime == "slurm":
        assert later.wait_terminated(LONG).job_state == pt.JobState.DONE
        until(lambda: state(job) == pt.JobState.RUNNING, "another look")
    assert state(job) == pt.JobState.RUNNING


def test_a_socket_that_is_not_there(kit: Kit, session: pt.JobSession) -> None:
    if kit.runtime != "ctr":
        with pytest.raises(pt.InvalidArgumentException):
            pt.create_job_session("s", f"{kit.runtime}:?nonsense=1")
        return
    template = kit.extended(kit.job("true"), contact="ctr:/nonexistent/containerd.sock")
    info = session.run_job(template).wait_terminated(LONG)
    assert (info.job_state, info.exit_status) == (pt.JobState.FAILED, 125)
    assert "/nonexistent/containerd.sock" in (info.annotation or "")


def test_a_namespace_without_the_image(kit: Kit, session: pt.JobSession) -> None:
    if kit.runtime != "ctr":
        with pytest.raises(pt.InvalidArgumentException):
            session.run_job(kit.extended(kit.job("true"), contact=f"{kit.runtime}:?namespaces=empty"))
        return
    contact = kit.contact.replace("namespace=test", "namespace=empty")
    info = session.run_job(kit.extended(kit.job("true"), contact=contact, pull="never")).wait_terminated(LONG)
    assert (info.job_state, info.exit_status) == (pt.JobState.FAILED, 125)
    assert info.annotation
