"""What someone does to a job behind our back: removed, killed, paused, started beside."""

from __future__ import annotations

import os
import signal
from contextlib import nullcontext
from pathlib import Path

import pytest

import proctracker as pt
from contract.kit import LONG, Kit, cli, state, unseen, until
from proctracker.store import Home


def _running(kit: Kit, session: pt.JobSession) -> pt.Job:
    job = session.run_job(kit.sleeper())
    job.wait_started(LONG)
    return job


def test_killed_by_hand(kit: Kit, session: pt.JobSession) -> None:
    job = _running(kit, session)
    if kit.containers:
        kit.by_hand("kill", job)
    else:
        os.kill(kit.pid(job), signal.SIGKILL)
    info = job.wait_terminated(LONG)
    assert (info.job_state, info.terminating_signal, info.job_sub_state) == (pt.JobState.FAILED, "SIGKILL", None)


def test_removed_by_hand(kit: Kit, session: pt.JobSession) -> None:
    job = _running(kit, session)
    if not kit.containers:
        # There is nothing to remove: the record is ours alone, and a killed process is a killed process.
        os.kill(kit.pid(job), signal.SIGTERM)
        assert job.wait_terminated(LONG).terminating_signal == "SIGTERM"
        return
    with unseen():
        kit.by_hand("remove", job)
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
    # What the engine kept has gone with it, and its complaint is not the job's output.
    shown = cli("logs", job.job_id)
    gone = f"proctracker: error: job {job.job_id}: its engine does not give the output: "
    assert (shown.returncode, shown.stdout) == (0, "told\n") or (
        (shown.returncode, shown.stdout) == (1, "") and shown.stderr.startswith(gone)
    )
    job.reap()
    assert session.get_jobs() == []


def test_paused_by_hand(kit: Kit, session: pt.JobSession) -> None:
    job = _running(kit, session)
    if kit.name == "podman-rootless":
        with pytest.raises(Exception, match="cgroup"):
            kit.by_hand("pause", job)
        return
    if not kit.containers:
        # The kernel has no word for a job whose processes someone stops one by one: it runs, and can be ended.
        os.kill(kit.pid(job), signal.SIGSTOP)
        assert state(job) == pt.JobState.RUNNING
        return
    kit.by_hand("pause", job)
    until(lambda: state(job) == pt.JobState.SUSPENDED, "the state")
    kit.by_hand("unpause", job)
    until(lambda: state(job) == pt.JobState.RUNNING, "the state")


def test_paused_by_hand_is_resumed_by_us(kit: Kit, session: pt.JobSession) -> None:
    job = _running(kit, session)
    if kit.name == "podman-rootless" or not kit.containers:
        os.kill(kit.pid(job), signal.SIGSTOP)
        job.suspend()
    else:
        kit.by_hand("pause", job)
        until(lambda: state(job) == pt.JobState.SUSPENDED, "the state")
    job.resume()
    assert state(job) == pt.JobState.RUNNING


def test_terminated_although_paused_by_hand(kit: Kit, session: pt.JobSession) -> None:
    job = _running(kit, session)
    if kit.containers and kit.name != "podman-rootless":
        kit.by_hand("pause", job)
    else:
        os.kill(kit.pid(job), signal.SIGSTOP)
    job.terminate()
    assert job.wait_terminated(LONG).job_sub_state == "terminated"


def test_foreign_containers_are_not_ours(kit: Kit, session: pt.JobSession) -> None:
    job = session.run_job(kit.script("exit 0"))
    job.wait_terminated(LONG)
    # Its name looks like one of ours.
    name = f"proctracker-{os.getpid()}-1-1"
    with kit.foreign(name) if kit.containers else nullcontext():
        assert session.get_jobs() == [job]
        assert cli("-s", session.session_name, "reap", "--finished").returncode == 0
        assert session.get_jobs() == []
        assert not kit.containers or name in kit.listed()


def _labels(home: Home, number: int) -> dict[str, str]:
    """What the first attempt of a job is marked with."""
    told = {"home": home.uuid, "session": "s", "job": str(number), "attempt": "1", "owner": str(os.getuid())}
    return {f"proctracker.{name}": value for name, value in told.items()}


@pytest.mark.parametrize("forged", [False, True], ids=["name", "labels"])
@pytest.mark.parametrize("fed", [False, True], ids=["", "fed"])
def test_a_container_that_merely_has_the_jobs_name(
    alone: Kit, home: Home, tmp_path: Path, forged: bool, fed: bool
) -> None:
    kit = alone
    session = pt.create_job_session("s", kit.contact)
    first = int(session.run_job(kit.script("exit 0")).job_id)
    if not kit.containers:
        return  # a process has no name
    given = {}
    if fed:
        (tmp_path / "in").write_text("given")
        given["input_path"] = str(tmp_path / "in")
    name = home.container(str(first + 1), 1)
    with kit.foreign(name, _labels(home, first + 1) if forged else None):
        job = session.run_job(kit.script("exit 0", **given))
        info = job.wait_terminated(LONG)
        assert (info.job_state, info.exit_status, info.job_sub_state) == (pt.JobState.FAILED, 125, "start-failed")
        assert name in (info.annotation or "")
        assert kit.lives(name)
        job.reap()
        session.close()
        pt.destroy_job_session("s", live="terminate")
        assert kit.lives(name)


@pytest.mark.parametrize("forged", [False, True], ids=["name", "labels"])
def test_a_container_that_took_the_place_of_the_jobs(alone: Kit, home: Home, forged: bool) -> None:
    kit = alone
    session = pt.create_job_session("s", kit.contact)
    job = _running(kit, session)
    if not kit.containers:
        job.terminate(grace=0)
        return
    name = home.container(job.job_id, 1)
    with unseen():
        kit.by_hand("remove", job)
        again = kit.foreign(name, _labels(home, int(job.job_id)) if forged else None)
        again.__enter__()
    try:
        info = job.wait_terminated(LONG)
        assert (info.job_state, info.job_sub_state) == (pt.JobState.UNDETERMINED, "removed")
        assert cli("-c", kit.contact, "terminate", job.job_id).returncode == 1
        job.reap()
        assert kit.lives(name)
    finally:
        again.__exit__(None, None, None)


def test_adopt_takes_no_container_for_its_labels_alone(alone: Kit, home: Home) -> None:
    kit = alone
    pt.create_job_session("s", kit.contact)
    with kit.foreign("copied", _labels(home, 7)) if kit.containers else nullcontext():
        assert cli("-c", kit.contact, "adopt").stdout == ""
        assert pt.open_job_session("s").get_jobs() == []
        assert not kit.containers or kit.lives("copied")
