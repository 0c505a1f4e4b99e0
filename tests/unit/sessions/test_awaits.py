"""``await job``: one connection for many, nothing left behind."""

from __future__ import annotations

import asyncio
import os
import threading
from typing import Any

import pytest

import proctracker as pt
from proctracker.client.supervisor import SPARE
from proctracker.sessions import awaits

LONG = 30.0


def sh(code: str, **more: Any) -> dict[str, Any]:
    return {"remote_command": "sh", "args": ["-c", code], **more}


async def told(job: pt.Job) -> pt.JobInfo:
    return await asyncio.wait_for(_await(job), LONG)


async def _await(job: pt.Job) -> pt.JobInfo:
    return await job


def hub() -> awaits.Hub:
    [found] = awaits._hubs[asyncio.get_running_loop()].values()
    return found


def test_many_share_a_connection(session: pt.JobSession) -> None:
    async def many() -> list[int | None]:
        jobs = [session.run_job(sh(f"sleep 0.0{code}; exit {code}")) for code in range(8)]
        waiting = asyncio.gather(*(told(job) for job in jobs), told(jobs[0]))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert len(hub()._open) <= 1
        infos = await waiting
        assert not hub()._open
        assert not hub()._futures
        return [info.exit_status for info in infos]

    threads, files = threading.active_count(), len(os.listdir("/proc/self/fd"))
    assert asyncio.run(many()) == [*range(8), 0]
    assert threading.active_count() == threads
    assert len(os.listdir("/proc/self/fd")) <= files + SPARE


def test_what_has_ended_is_told_at_once(session: pt.JobSession) -> None:
    job = session.run_job(sh("exit 3"))
    job.wait_terminated(LONG)
    assert asyncio.run(told(job)) == job.get_info()


def test_an_array_is_awaited(session: pt.JobSession) -> None:
    array = session.run_bulk_jobs(sh("exit $TASK_ID"), 1, 3)

    async def all_of_it() -> list[pt.JobInfo]:
        return await array

    assert [info.exit_status for info in asyncio.run(all_of_it())] == [1, 2, 3]


def test_cancelling_leaves_the_job_and_no_connection(session: pt.JobSession) -> None:
    job = session.run_job(sh("sleep 600"))

    async def given_up() -> None:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(_await(job), 0.1)
        assert not hub()._open

    asyncio.run(given_up())
    assert job.get_state()[0] == pt.JobState.RUNNING


def test_an_unknown_job_fails_alone(session: pt.JobSession) -> None:
    gone, job = session.run_job(sh("exit 0")), session.run_job(sh("sleep 0.1"))
    gone.wait_terminated(LONG)
    gone.reap()

    async def both() -> list[Any]:
        return await asyncio.gather(told(gone), told(job), return_exceptions=True)

    error, info = asyncio.run(both())
    assert isinstance(error, pt.InvalidArgumentException)
    assert info.job_state == pt.JobState.DONE


def test_a_job_reaped_while_awaited_fails_alone(session: pt.JobSession) -> None:
    job, other = session.run_job(sh("exit 0")), session.run_job(sh("sleep 0.3"))

    async def both() -> list[Any]:
        waiting = asyncio.gather(told(job), told(other), return_exceptions=True)
        await asyncio.sleep(0)
        await asyncio.to_thread(lambda: (job.wait_terminated(LONG), job.reap()))
        return await waiting

    first, second = asyncio.run(both())
    assert isinstance(first, (pt.JobInfo, pt.InvalidArgumentException))
    assert second.job_state == pt.JobState.DONE


def test_many_questions_become_one(session: pt.JobSession, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(awaits, "_MOST", 2)

    async def staggered() -> None:
        jobs = [session.run_job(sh("sleep 0.2")) for _ in range(6)]
        waiting = []
        for job in jobs:
            waiting.append(asyncio.ensure_future(told(job)))
            for _ in range(3):
                await asyncio.sleep(0)
            assert len(hub()._open) <= 2
        assert len(await asyncio.gather(*waiting)) == 6

    asyncio.run(staggered())


def test_two_loops_one_after_the_other(session: pt.JobSession) -> None:
    for code in (1, 2):
        assert asyncio.run(told(session.run_job(sh(f"exit {code}")))).exit_status == code
