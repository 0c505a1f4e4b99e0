"""What someone does to a job behind our back: removed, killed, paused, started beside."""

from __future__ import annotations

import os
import signal

import pytest

import proctracker as pt
from contract.kit import LONG, Kit, cli, state, until

REMOVE = {"ctr": ("task", "rm", "-f"), "": ("rm", "-f")}
PAUSE = {"ctr": ("task", "pause"), "": ("pause",)}
UNPAUSE = {"ctr": ("task", "resume"), "": ("unpause",)}
KILL = {"ctr": ("task", "kill", "-s", "SIGKILL"), "": ("kill",)}
"""What the bare CLIs call it, where ctr calls it otherwise."""


def _by_hand(kit: Kit, words: dict[str, tuple[str, ...]], job: pt.Job) -> None:
    container = job.get_info().container_id
    assert container is not None
    kit.bare(*words.get(kit.runtime, words[""]), container)
    if words is REMOVE and kit.runtime == "ctr":
        kit.bare("container", "rm", container)


def _running(kit: Kit, session: pt.JobSession) -> pt.Job:
    job = session.run_job(kit.sleeper())
    job.wait_started(LONG)
    return job


def test_killed_by_hand(kit: Kit, session: pt.JobSession) -> None:
    job = _running(kit, session)
    if kit.containers:
        _by_hand(kit, KILL, job)
    else:
        os.kill(job.get_info().pid or 0, signal.SIGKILL)
    info = job.wait_terminated(LONG)
    assert (info.job_state, info.terminating_signal, info.job_sub_state) == (pt.JobState.FAILED, "SIGKILL", None)


def test_removed_by_hand(kit: Kit, session: pt.JobSession) -> None:
    job = _running(kit, session)
    if not kit.containers:
        # There is nothing to remove: the record is ours alone, and a killed process is a killed process.
        os.kill(job.get_info().pid or 0, signal.SIGTERM)
        assert job.wait_terminated(LONG).terminating_signal == "SIGTERM"
        return
    _by_hand(kit, REMOVE, job)
    info = job.wait_terminated(LONG)
    assert (info.job_state, info.job_sub_state, info.exit_status) == (pt.JobState.UNDETERMINED, "removed", None)
    assert cli("wait", job.job_id).returncode == 125
    job.reap()
    assert session.get_jobs() == []


def test_a_container_removed_after_its_end_costs_nothing(kit: Kit, session: pt.JobSession) -> None:
    job = session.run_job(kit.script("echo told; exit 3"))
    job.wait_terminated(LONG)
    if kit.containers:
        container = str(job.get_info().container_id)
        kit.bare(*(("container", "rm") if kit.runtime == "ctr" else ("rm", "-f")), container)
    assert (state(job), job.get_info().exit_status) == (pt.JobState.FAILED, 3)
    job.reap()
    assert session.get_jobs() == []


def test_paused_by_hand(kit: Kit, session: pt.JobSession) -> None:
    job = _running(kit, session)
    if kit.name == "podman-rootless":
        with pytest.raises(AssertionError, match="cgroup"):
            _by_hand(kit, PAUSE, job)
        return
    if kit.containers:
        _by_hand(kit, PAUSE, job)
    else:
        os.kill(job.get_info().pid or 0, signal.SIGSTOP)
    until(lambda: state(job) == pt.JobState.SUSPENDED, "the state")
    if kit.containers:
        _by_hand(kit, UNPAUSE, job)
    else:
        os.kill(job.get_info().pid or 0, signal.SIGCONT)
    until(lambda: state(job) == pt.JobState.RUNNING, "the state")


def test_paused_by_hand_is_resumed_by_us(kit: Kit, session: pt.JobSession) -> None:
    job = _running(kit, session)
    if kit.containers and kit.name != "podman-rootless":
        _by_hand(kit, PAUSE, job)
    else:
        os.kill(job.get_info().pid or 0, signal.SIGSTOP)
    until(lambda: state(job) == pt.JobState.SUSPENDED, "the state")
    job.resume()
    assert state(job) == pt.JobState.RUNNING


def test_terminated_although_paused_by_hand(kit: Kit, session: pt.JobSession) -> None:
    job = _running(kit, session)
    if kit.containers and kit.name != "podman-rootless":
        _by_hand(kit, PAUSE, job)
    else:
        os.kill(job.get_info().pid or 0, signal.SIGSTOP)
    job.terminate()
    assert job.wait_terminated(LONG).job_sub_state == "terminated"


def test_foreign_containers_are_not_ours(kit: Kit, session: pt.JobSession) -> None:
    job = session.run_job(kit.script("exit 0"))
    name = f"foreign-{os.getpid()}"
    if kit.containers:
        # Its name looks like one of ours.
        name = str(job.wait_terminated(LONG).container_id)[:12] + name if kit.runtime == "ctr" else f"proctracker-{name}-1-1"
        image = str(kit.image)
        kit.bare("run", "-d", *([image, name] if kit.runtime == "ctr" else ["--name", name, image]), "sleep", "600")
    try:
        job.wait_terminated(LONG)
        assert session.get_jobs() == [job]
        assert cli("-s", session.session_name, "reap", "--finished").returncode == 0
        if kit.containers:
            assert name in kit.bare(*(("task", "ls") if kit.runtime == "ctr" else ("ps",)))
        assert session.get_jobs() == []
    finally:
        if kit.runtime == "ctr":
            kit.bare("task", "rm", "-f", name)
            kit.bare("container", "rm", name)
        elif kit.containers:
            kit.bare("rm", "-f", name)
