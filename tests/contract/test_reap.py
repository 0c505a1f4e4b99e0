"""Reap: what an ended job leaves behind, and that nothing of it stays."""

from __future__ import annotations

import os

import pytest

import proctracker as pt
from contract.kit import LONG, Kit, cli, state, until


def test_a_running_job_is_not_reaped(kit: Kit, session: pt.JobSession) -> None:
    job = session.run_job(kit.sleeper())
    job.wait_started(LONG)
    with pytest.raises(pt.InvalidStateException):
        job.reap()
    assert state(job) == pt.JobState.RUNNING


def test_a_reaped_job_is_gone(kit: Kit, session: pt.JobSession) -> None:
    job = session.run_job(kit.script("exit 0"))
    job.wait_terminated(LONG)
    job.reap()
    assert session.get_jobs() == []
    for use in (job.reap, job.get_info, job.terminate, job.wait_terminated, job.read_output):
        with pytest.raises(pt.InvalidArgumentException):
            use()


def test_the_command_knows_a_reaped_job_no_more(kit: Kit, session: pt.JobSession) -> None:
    job = session.run_job(kit.script("exit 0"))
    job.wait_terminated(LONG)
    assert cli("reap", job.job_id).returncode == 0
    for command in ("info", "logs", "reap"):
        done = cli(command, job.job_id)
        assert done.returncode == 1 and job.job_id in done.stderr, command


def test_reap_removes_the_kept_output(kit: Kit, session: pt.JobSession) -> None:
    job = session.run_job(kit.script("echo kept"))
    job.wait_terminated(LONG)
    assert job.read_output() == b"kept\n"
    job.reap()
    kept = [
        name
        for _, _, names in os.walk(os.environ["PROCTRACKER_HOME"])
        for name in names
        if name.startswith(job.job_id + ".")
    ]
    assert kept == []


def test_reap_leaves_the_output_that_was_given_a_path(
    kit: Kit, session: pt.JobSession, tmp_path: os.PathLike[str]
) -> None:
    path = os.path.join(tmp_path, "out.txt")
    job = session.run_job(kit.script("echo mine", output_path=path))
    job.wait_terminated(LONG)
    job.reap()
    assert os.path.exists(path)


def test_reap_removes_the_container(kit: Kit, session: pt.JobSession) -> None:
    job = session.run_job(kit.script("exit 0"))
    info = job.wait_terminated(LONG)
    if not kit.containers:
        assert info.container_id is None
        return
    assert str(info.container_id) in kit.listed()
    job.reap()
    assert str(info.container_id) not in kit.listed()


def test_the_extension_rm_removes_at_once_and_keeps_code_and_output(kit: Kit, session: pt.JobSession) -> None:
    template = kit.extended(kit.script("echo still here; exit 3"), rm="TRUE")
    if not kit.image:
        with pytest.raises(pt.UnsupportedAttributeException, match="rm"):
            session.run_job(template)
        return
    job = session.run_job(template)
    info = job.wait_terminated(LONG)
    assert info.exit_status == 3
    if kit.containers:
        until(lambda: str(info.container_id) not in kit.listed(), "the removal")
    assert job.read_output() == b"still here\n"
    assert (state(job), job.get_info().exit_status) == (pt.JobState.FAILED, 3)


def test_finished_jobs_are_reaped_and_running_ones_left(kit: Kit, session: pt.JobSession) -> None:
    runs, ends = session.run_job(kit.sleeper()), [session.run_job(kit.script("exit 0")) for _ in range(3)]
    session.wait_all_terminated(ends, LONG)
    runs.wait_started(LONG)
    assert cli("-s", session.session_name, "reap", "--finished", "--dry-run").returncode == 0
    assert len(session.get_jobs()) == 4
    done = cli("-s", session.session_name, "reap", "--finished")
    assert done.returncode == 0, done.stderr
    assert session.get_jobs() == [runs]


def test_a_destroyed_session_leaves_no_job_and_no_container(kit: Kit, session: pt.JobSession) -> None:
    job = session.run_job(kit.sleeper())
    job.wait_started(LONG)
    info, name = job.get_info(), session.session_name
    assert cli("session", "destroy", name).returncode == 1
    assert state(job) == pt.JobState.RUNNING
    done = cli("session", "destroy", name, "--terminate")
    assert done.returncode == 0, done.stderr
    assert cli("info", job.job_id).returncode == 1
    assert info.pid is not None
    until(lambda: not os.path.exists(f"/proc/{info.pid}"), "the end of the process")
    assert not kit.containers or str(info.container_id) not in kit.listed()


def test_an_array_is_reaped_as_one(kit: Kit, session: pt.JobSession) -> None:
    array = session.run_bulk_jobs(kit.script("exit 0"), 1, 3)
    array.wait_terminated(LONG)
    array.reap()
    assert session.get_jobs() == []
    with pytest.raises(pt.InvalidArgumentException):
        session.get_job_array(array.job_array_id)
