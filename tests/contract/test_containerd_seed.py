"""The rows of the containerd tracker's tables, each a test named after it, on every container runtime."""

from __future__ import annotations

import pytest

import proctracker as pt
from contract.kit import LONG, Kit, cli, state, unseen, until


@pytest.fixture(autouse=True)
def _containers(kit: Kit, session: pt.JobSession) -> None:
    """The process tracker has no images: it refuses them, and then there are no rows to look at."""
    if kit.image and not kit.containers:
        pytest.skip(f"{kit.name} keeps no containers")
    if not kit.containers:
        with pytest.raises(pt.UnsupportedAttributeException, match="job_category"):
            session.run_job({"args": ["true"], "job_category": "localhost/busybox:test"})
        pytest.skip("the process tracker refuses job_category, as asserted")


def _running(kit: Kit, session: pt.JobSession) -> pt.Job:
    job = session.run_job(kit.sleeper())
    job.wait_started(LONG)
    return job


def test_containerd_seed_job_category_and_args_alone(kit: Kit, session: pt.JobSession) -> None:
    job = session.run_job({"job_category": kit.image, "args": ["echo", "args", "alone"]})
    assert job.wait_terminated(LONG).job_state == pt.JobState.DONE
    assert job.read_output() == b"args alone\n"


def test_containerd_seed_remote_command_and_args_both_count(kit: Kit, session: pt.JobSession) -> None:
    job = session.run_job({"job_category": kit.image, "remote_command": "echo", "args": ["both"]})
    job.wait_terminated(LONG)
    assert job.read_output() == b"both\n"


def test_containerd_seed_neither_is_the_images_own(kit: Kit, session: pt.JobSession) -> None:
    # The image's own command is a shell, which ends with its input.
    info = session.run_job({"job_category": kit.image}).wait_terminated(LONG)
    assert info.job_state == pt.JobState.DONE


def test_containerd_seed_job_category_is_needed(kit: Kit, session: pt.JobSession) -> None:
    with pytest.raises(pt.InvalidArgumentException):
        session.run_job({"args": ["true"]})


def test_containerd_seed_lists_containers_and_their_ids(kit: Kit, session: pt.JobSession) -> None:
    job = _running(kit, session)
    words = ("task", "ls", "-q") if kit.runtime == "ctr" else ("ps", "-q", "--no-trunc")
    assert str(job.get_info().container_id) in kit.bare(*words)
    assert session.get_jobs() == [job]


def test_containerd_seed_suspend_is_pause(kit: Kit, session: pt.JobSession) -> None:
    job = _running(kit, session)
    job.suspend()
    if kit.runtime == "ctr":
        assert "PAUSED" in kit.bare("task", "ls")
    assert state(job) == pt.JobState.SUSPENDED


def test_containerd_seed_resume(kit: Kit, session: pt.JobSession) -> None:
    job = _running(kit, session)
    job.suspend()
    job.resume()
    if kit.runtime == "ctr":
        assert "PAUSED" not in kit.bare("task", "ls")
    assert state(job) == pt.JobState.RUNNING


def test_containerd_seed_terminate_is_sigterm(kit: Kit, session: pt.JobSession) -> None:
    job = session.run_job(kit.script("trap 'echo got TERM; exit 3' TERM; echo ready; while :; do sleep 0.1; done"))
    until(lambda: b"ready" in job.read_output(), "the trap")
    job.terminate()
    info = job.wait_terminated(LONG)
    assert (info.job_state, info.exit_status) == (pt.JobState.FAILED, 3)
    assert b"got TERM" in job.read_output()


def test_containerd_seed_state_queued(kit: Kit, session: pt.JobSession) -> None:
    session.max_running = 1
    _running(kit, session)
    assert state(session.run_job(kit.sleeper())) == pt.JobState.QUEUED


def test_containerd_seed_state_running(kit: Kit, session: pt.JobSession) -> None:
    assert state(_running(kit, session)) == pt.JobState.RUNNING


def test_containerd_seed_state_suspended(kit: Kit, session: pt.JobSession) -> None:
    job = _running(kit, session)
    job.suspend()
    assert job.get_info().job_state == pt.JobState.SUSPENDED


def test_containerd_seed_state_done(kit: Kit, session: pt.JobSession) -> None:
    assert session.run_job(kit.script("exit 0")).wait_terminated(LONG).job_state == pt.JobState.DONE


def test_containerd_seed_state_failed(kit: Kit, session: pt.JobSession) -> None:
    assert session.run_job(kit.script("exit 5")).wait_terminated(LONG).exit_status == 5


def test_containerd_seed_state_undetermined(kit: Kit, session: pt.JobSession) -> None:
    job = _running(kit, session)
    with unseen():
        kit.by_hand("remove", job)
    assert job.wait_terminated(LONG).job_state == pt.JobState.UNDETERMINED


def test_containerd_seed_job_info(kit: Kit, session: pt.JobSession) -> None:
    job = _running(kit, session)
    info = job.get_info()
    assert (info.job_id, info.job_state, info.slots) == (job.job_id, pt.JobState.RUNNING, 1)
    assert info.dispatch_time is not None and info.pid


def test_containerd_seed_hold_and_release_before_the_start(kit: Kit, session: pt.JobSession) -> None:
    job = session.run_job(kit.script("exit 0", submit_as_hold=True))
    assert state(job) == pt.JobState.QUEUED_HELD
    job.release()
    assert job.wait_terminated(LONG).job_state == pt.JobState.DONE


def test_containerd_seed_job_arrays(kit: Kit, session: pt.JobSession) -> None:
    array = session.run_bulk_jobs(kit.script("exit 0"), 1, 3, 1, 2)
    array.wait_terminated(LONG)
    assert [state(job) for job in array.jobs] == [pt.JobState.DONE] * 3


def test_containerd_seed_delete_job_leaves_nothing(kit: Kit, session: pt.JobSession) -> None:
    job = session.run_job(kit.script("exit 0"))
    container = str(job.wait_terminated(LONG).container_id)
    if kit.runtime == "ctr":
        # The task, which holds a shim, goes as soon as its end is known; the rest with the record.
        assert container not in kit.bare("task", "ls", "-q")
    job.reap()
    assert container not in kit.listed()
    assert kit.runtime != "ctr" or container not in kit.bare("snapshot", "ls")


def test_containerd_seed_ends_are_waited_for_by_the_command(kit: Kit, session: pt.JobSession) -> None:
    assert cli("wait", session.run_job(kit.script("exit 8")).job_id).returncode == 8
