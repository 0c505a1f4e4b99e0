"""Waits: any, all, time-outs, what they return and what they leave alone."""

from __future__ import annotations

import asyncio
import os
import signal
import threading

import pytest

import proctracker as pt
from contract.kit import LONG, Kit, cli, state


def test_a_wait_for_what_is_so_returns_at_once(kit: Kit, session: pt.JobSession) -> None:
    job = session.run_job(kit.script("exit 0"))
    first = job.wait_terminated(LONG)
    assert job.wait_terminated(0) == first
    assert job.wait_started(0) is None  # type: ignore[func-returns-value]


def test_a_time_out_raises_and_changes_nothing(kit: Kit, session: pt.JobSession) -> None:
    job = session.run_job(kit.sleeper(submit_as_hold=True))
    for seconds in (0, 0.05):
        with pytest.raises(pt.TimeoutException):
            job.wait_started(seconds)
        with pytest.raises(pt.TimeoutException):
            job.wait_terminated(seconds)
    assert state(job) == pt.JobState.QUEUED_HELD


def test_a_running_job_times_out_and_runs_on(kit: Kit, session: pt.JobSession) -> None:
    job = session.run_job(kit.sleeper())
    job.wait_started(LONG)
    with pytest.raises(pt.TimeoutException):
        job.wait_terminated(0.2)
    assert state(job) == pt.JobState.RUNNING


def test_an_empty_list_has_nothing_to_wait_for(session: pt.JobSession) -> None:
    with pytest.raises(pt.InvalidArgumentException):
        session.wait_any_started([], 1)
    with pytest.raises(pt.InvalidArgumentException):
        session.wait_any_terminated([], 1)


def test_wait_any_started_returns_the_running_one(kit: Kit, session: pt.JobSession) -> None:
    held, runs = session.run_job(kit.sleeper(submit_as_hold=True)), session.run_job(kit.sleeper())
    assert session.wait_any_started([held, runs], LONG) is runs


def test_wait_any_terminated_returns_the_ended_one(kit: Kit, session: pt.JobSession) -> None:
    jobs = [session.run_job(kit.sleeper()), session.run_job(kit.script("exit 2")), session.run_job(kit.sleeper())]
    assert session.wait_any_terminated(jobs, LONG) is jobs[1]


def test_wait_any_times_out(kit: Kit, session: pt.JobSession) -> None:
    jobs = [session.run_job(kit.sleeper(submit_as_hold=True)) for _ in range(2)]
    for seconds in (0, 0.05):
        with pytest.raises(pt.TimeoutException):
            session.wait_any_started(jobs, seconds)
        with pytest.raises(pt.TimeoutException):
            session.wait_any_terminated(jobs, seconds)


def test_wait_all_terminated_waits_for_the_last(kit: Kit, session: pt.JobSession) -> None:
    jobs = [session.run_job(kit.script(f"exit {code}")) for code in (0, 1, 2)]
    session.wait_all_terminated(jobs, LONG)
    assert [job.get_info().exit_status for job in jobs] == [0, 1, 2]


def test_wait_all_started_times_out_for_one_that_is_held(kit: Kit, session: pt.JobSession) -> None:
    jobs = [session.run_job(kit.sleeper()), session.run_job(kit.sleeper(submit_as_hold=True))]
    with pytest.raises(pt.TimeoutException):
        session.wait_all_started(jobs, 0.5)
    jobs[1].release()
    session.wait_all_started(jobs, LONG)
    assert [state(job) for job in jobs] == [pt.JobState.RUNNING] * 2


def test_a_wait_for_a_start_ends_with_the_job(kit: Kit, session: pt.JobSession) -> None:
    job = session.run_job(kit.sleeper(submit_as_hold=True))
    waiter = threading.Thread(target=job.wait_started, args=(LONG,))
    waiter.start()
    job.terminate()
    waiter.join(LONG)
    assert not waiter.is_alive()
    assert state(job) == pt.JobState.FAILED


def test_an_ended_wait_does_not_disturb_another(kit: Kit, session: pt.JobSession) -> None:
    job, other = session.run_job(kit.sleeper()), session.run_job(kit.sleeper())
    for _ in range(3):
        with pytest.raises(pt.TimeoutException):
            job.wait_terminated(0.02)
    other.wait_started(LONG)
    other.terminate()
    assert other.wait_terminated(LONG).job_state == pt.JobState.FAILED
    job.wait_started(LONG)
    job.terminate()
    assert job.wait_terminated(LONG).job_state == pt.JobState.FAILED


def test_many_threads_wait_for_one_job(kit: Kit, session: pt.JobSession) -> None:
    job = session.run_job(kit.sleeper())
    found: list[pt.JobInfo] = []
    waiters = [threading.Thread(target=lambda: found.append(job.wait_terminated(LONG))) for _ in range(5)]
    for waiter in waiters:
        waiter.start()
    job.wait_started(LONG)
    job.terminate()
    for waiter in waiters:
        waiter.join(LONG)
    assert [info.job_state for info in found] == [pt.JobState.FAILED] * 5


def test_a_job_is_awaited(kit: Kit, session: pt.JobSession) -> None:
    async def both() -> list[pt.JobInfo]:
        jobs = [session.run_job(kit.script(f"exit {code}")) for code in (0, 7)]
        return list(await asyncio.gather(*(_await(job) for job in jobs)))

    assert [info.exit_status for info in asyncio.run(both())] == [0, 7]


def test_a_cancelled_await_leaves_the_job(kit: Kit, session: pt.JobSession) -> None:
    job = session.run_job(kit.sleeper())

    async def given_up() -> None:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(_await(job), 0.2)

    asyncio.run(given_up())
    job.wait_started(LONG)
    assert state(job) == pt.JobState.RUNNING


async def _await(job: pt.Job) -> pt.JobInfo:
    return await job


def test_as_completed_gives_jobs_as_they_end(kit: Kit, session: pt.JobSession) -> None:
    last, first = session.run_job(kit.sleeper()), session.run_job(kit.script("exit 0"))
    ended = iter(pt.as_completed([last, first]))
    assert next(ended) is first
    last.wait_started(LONG)
    last.terminate()
    assert [*ended] == [last]


def test_the_command_waits_and_tells_the_code(kit: Kit, session: pt.JobSession) -> None:
    job = session.run_job(kit.script("exit 9"))
    assert cli("wait", job.job_id).returncode == 9


def test_the_command_tells_a_signal_as_a_shell_would(kit: Kit, session: pt.JobSession) -> None:
    job = session.run_job(kit.sleeper())
    job.wait_started(LONG)
    job.terminate()
    info = job.wait_terminated(LONG)
    assert cli("wait", job.job_id).returncode == 128 + {"SIGTERM": 15, "SIGKILL": 9}[info.terminating_signal or ""]


def test_the_command_tells_of_its_own_time_out(kit: Kit, session: pt.JobSession) -> None:
    job = session.run_job(kit.sleeper(submit_as_hold=True))
    assert cli("wait", "--timeout", "0.1", job.job_id).returncode == 124


def test_the_command_prints_the_id_of_the_one_that_ended(kit: Kit, session: pt.JobSession) -> None:
    held, ends = session.run_job(kit.sleeper(submit_as_hold=True)), session.run_job(kit.script("exit 6"))
    done = cli("wait", "--any", held.job_id, ends.job_id)
    assert (done.returncode, done.stdout) == (6, f"{ends.job_id}\n")


def test_a_wait_for_an_unknown_job_is_an_error(kit: Kit, session: pt.JobSession) -> None:
    done = cli("wait", "4711")
    assert done.returncode == 125 and "4711" in done.stderr


def test_an_interrupted_wait_in_python_leaves_the_job(kit: Kit, session: pt.JobSession) -> None:
    job = session.run_job(kit.sleeper())
    job.wait_started(LONG)
    # A shell has what it runs in the background ignore SIGINT, tests too.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
    try:
        with pytest.raises(KeyboardInterrupt):
            job.wait_terminated(LONG)
    finally:
        signal.signal(signal.SIGINT, before)
    assert state(job) == pt.JobState.RUNNING
