"""States and controls: what a job goes through, and what it refuses."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress

import pytest

import engines
import proctracker as pt
from contract.kit import LONG, Kit, cli, state, until


def test_exit_code_0_is_done(kit: Kit, session: pt.JobSession) -> None:
    info = session.run_job(kit.script("exit 0")).wait_terminated(LONG)
    assert (info.job_state, info.exit_status, info.terminating_signal) == (pt.JobState.DONE, 0, None)


@pytest.mark.parametrize("code", [1, 255])
def test_another_exit_code_is_failed(kit: Kit, session: pt.JobSession, code: int) -> None:
    job = session.run_job(kit.script(f"exit {code}"))
    info = job.wait_terminated(LONG)
    assert (info.job_state, info.exit_status, info.terminating_signal) == (pt.JobState.FAILED, code, None)
    assert job.get_state() == (pt.JobState.FAILED, info.job_sub_state)


def test_a_running_job_is_running(kit: Kit, session: pt.JobSession) -> None:
    job = session.run_job(kit.sleeper())
    job.wait_started(LONG)
    info = job.get_info()
    assert state(job) == info.job_state == pt.JobState.RUNNING
    assert (info.exit_status, info.finish_time) == (None, None)
    assert info.pid and info.pid > 1


def test_a_submitted_job_has_a_state_at_once(kit: Kit, session: pt.JobSession) -> None:
    assert state(session.run_job(kit.sleeper())) in (pt.JobState.QUEUED, pt.JobState.RUNNING)


def test_terminate_makes_failed(kit: Kit, session: pt.JobSession) -> None:
    job = session.run_job(kit.sleeper())
    job.wait_started(LONG)
    job.terminate()
    info = job.wait_terminated(LONG)
    assert (info.job_state, info.job_sub_state) == (pt.JobState.FAILED, "terminated")
    assert info.terminating_signal in ("SIGTERM", "SIGKILL")


def test_a_terminated_job_that_returns_0_is_failed_all_the_same(kit: Kit, session: pt.JobSession) -> None:
    job = session.run_job(kit.script("trap 'exit 0' TERM; echo ready; while :; do sleep 0.1; done"))
    until(lambda: b"ready" in job.read_output(), "the trap")
    job.terminate()
    info = job.wait_terminated(LONG)
    assert (info.job_state, info.job_sub_state, info.exit_status) == (pt.JobState.FAILED, "terminated", 0)


def test_a_job_that_ignores_term_is_killed_after_the_grace(kit: Kit, session: pt.JobSession) -> None:
    job = session.run_job(kit.script("trap 'echo no' TERM; echo ready; while :; do sleep 0.1; done"))
    until(lambda: b"ready" in job.read_output(), "the trap")
    assert cli("terminate", "--grace", "1", job.job_id).returncode == 0
    info = job.wait_terminated(LONG)
    assert (info.job_state, info.job_sub_state, info.terminating_signal) == (
        pt.JobState.FAILED,
        "terminated",
        "SIGKILL",
    )


def test_a_job_that_is_ended_in_the_middle_of_its_start_leaves_no_process(kit: Kit, session: pt.JobSession) -> None:
    for step in range(10):
        job = session.run_job(kit.sleeper())
        with suppress(pt.TimeoutException):
            job.wait_started(step * 0.03)
        job.terminate(grace=0)
        info = job.wait_terminated(LONG)
        assert (info.job_state, info.job_sub_state) == (pt.JobState.FAILED, "terminated")
        mark = f"proctracker-{session._track.place.home.uuid[:8]}-{job.job_id}-1"
        until(lambda mark=mark: not engines.with_words(mark), "the end of its processes")  # type: ignore[misc]
        job.reap()
        assert not kit.containers or mark not in kit.listed()


def test_suspend_and_resume(kit: Kit, session: pt.JobSession) -> None:
    job = session.run_job(kit.sleeper())
    job.wait_started(LONG)
    job.suspend()
    assert (state(job), job.get_info().job_state) == (pt.JobState.SUSPENDED, pt.JobState.SUSPENDED)
    job.resume()
    assert (state(job), job.get_info().job_state) == (pt.JobState.RUNNING, pt.JobState.RUNNING)


def test_a_suspended_job_stands_still(kit: Kit, session: pt.JobSession) -> None:
    job = session.run_job(kit.script("i=0; while :; do i=$((i+1)); echo $i; sleep 0.02; done"))
    until(lambda: job.read_output(), "output")
    job.suspend()
    first = until(lambda: _same_twice(job), "a halt")
    job.resume()
    assert until(lambda: len(job.read_output()) > len(first), "going on")


def _same_twice(job: pt.Job) -> bytes | None:
    """The output if two looks, some rounds of the job apart, found the same."""
    one = job.read_output()
    time.sleep(0.3)
    return one if job.read_output() == one else None


def test_a_suspended_job_is_terminated(kit: Kit, session: pt.JobSession) -> None:
    job = session.run_job(kit.sleeper())
    job.wait_started(LONG)
    job.suspend()
    job.terminate()
    info = job.wait_terminated(LONG)
    assert (info.job_state, info.job_sub_state) == (pt.JobState.FAILED, "terminated")


def test_what_does_not_fit_a_running_job_is_refused(kit: Kit, session: pt.JobSession) -> None:
    job = session.run_job(kit.sleeper())
    job.wait_started(LONG)
    for control in (job.hold, job.release, job.resume, job.reap):
        with pytest.raises(pt.InvalidStateException):
            control()
    assert state(job) == pt.JobState.RUNNING


def test_an_ended_job_takes_no_control(kit: Kit, session: pt.JobSession) -> None:
    job = session.run_job(kit.script("exit 0"))
    job.wait_terminated(LONG)
    for control in (job.suspend, job.resume, job.hold, job.release, job.terminate):
        with pytest.raises(pt.InvalidStateException):
            control()
    assert state(job) == pt.JobState.DONE


def test_hold_and_release_before_the_start(kit: Kit, session: pt.JobSession) -> None:
    job = session.run_job(kit.script("exit 5", submit_as_hold=True))
    assert state(job) == pt.JobState.QUEUED_HELD
    with pytest.raises(pt.TimeoutException):
        job.wait_started(0)
    job.release()
    assert job.wait_terminated(LONG).exit_status == 5


def test_a_queued_job_is_held_and_released(kit: Kit, session: pt.JobSession) -> None:
    session.max_running = 1
    first, second = session.run_job(kit.sleeper()), session.run_job(kit.script("exit 0"))
    first.wait_started(LONG)
    assert state(second) == pt.JobState.QUEUED
    second.hold()
    assert state(second) == pt.JobState.QUEUED_HELD
    second.release()
    assert state(second) == pt.JobState.QUEUED
    first.terminate()
    assert second.wait_terminated(LONG).job_state == pt.JobState.DONE


def test_a_held_job_takes_no_control_of_a_running_one(kit: Kit, session: pt.JobSession) -> None:
    job = session.run_job(kit.sleeper(submit_as_hold=True))
    for control in (job.suspend, job.resume, job.reap):
        with pytest.raises(pt.InvalidStateException):
            control()
    assert job.get_state() == (pt.JobState.QUEUED_HELD, "held")
    info = job.get_info()
    assert (info.job_sub_state, bool(info.annotation)) == ("held", True)
    assert "\njob_sub_state: held\n" in cli("info", job.job_id).stdout


def test_a_held_job_is_terminated_and_never_runs(kit: Kit, session: pt.JobSession) -> None:
    job = session.run_job(kit.sleeper(submit_as_hold=True))
    job.terminate()
    info = job.wait_terminated(LONG)
    assert (info.job_state, info.job_sub_state) == (pt.JobState.FAILED, "terminated")
    assert (info.dispatch_time, info.exit_status, info.wallclock_time, info.annotation) == (None, None, None, None)
    (row,) = [line.split() for line in cli("ps", "-a", "-s", job.session_name or "").stdout.splitlines()[1:]]
    assert row[-3:] == ["-", "-", "terminated"], row
    assert cli("wait", job.job_id).stderr == f"proctracker: job {job.job_id}: terminated\n"


def test_128_and_a_signal_is_a_death_by_it_where_a_container_runtime_says_so(kit: Kit, session: pt.JobSession) -> None:
    info = session.run_job(kit.script("sh -c 'kill -SEGV $$'; exit $?")).wait_terminated(LONG)
    assert info.job_state == pt.JobState.FAILED
    assert (info.terminating_signal, info.exit_status) == (("SIGSEGV", None) if kit.containers else (None, 139))


def test_a_process_that_dies_by_a_signal_itself(kit: Kit, session: pt.JobSession) -> None:
    job = session.run_job(kit.sleeper())
    job.wait_started(LONG)
    _kill(job)
    info = job.wait_terminated(LONG)
    assert (info.job_state, info.terminating_signal, info.exit_status) == (pt.JobState.FAILED, "SIGKILL", None)


def test_an_ended_job_keeps_its_state(kit: Kit, session: pt.JobSession) -> None:
    job = session.run_job(kit.script("exit 3"))
    first = job.wait_terminated(LONG)
    with pytest.raises(pt.InvalidStateException):
        job.terminate()
    assert job.get_info() == first


def test_waiters_for_suspended_wake_up(kit: Kit, session: pt.JobSession) -> None:
    job = session.run_job(kit.sleeper())
    job.wait_started(LONG)
    seen = session.events()
    job.suspend()
    found = next(note for note in seen if note.job_id == job.job_id and note.job_state == pt.JobState.SUSPENDED)
    assert (found.event, found.session_name) == (pt.DrmaaEvent.NEW_STATE, session.session_name)


def _kill(job: pt.Job) -> None:
    """As the OOM killer or an admin would."""
    pid = job.get_info().pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
