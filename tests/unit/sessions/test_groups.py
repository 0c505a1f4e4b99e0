"""Any, all, each as it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import proctracker as pt
from proctracker.tracker.place import Place
from proctracker.tracker.track import Track

LONG = 30.0


def sh(code: str, **more: Any) -> dict[str, Any]:
    return {"remote_command": "sh", "args": ["-c", code], **more}


def test_any_is_an_element_of_the_list(session: pt.JobSession) -> None:
    held, ends = session.run_job(sh("exit 0", submit_as_hold=True)), session.run_job(sh("exit 0"))
    same = session.get_jobs()
    assert session.wait_any_terminated([held, ends], LONG) is ends
    assert session.wait_any_started(same, LONG) is same[1]


def test_all_is_the_list(session: pt.JobSession) -> None:
    jobs = [session.run_job(sh("exit 0")) for _ in range(3)]
    assert session.wait_all_started(iter(jobs), LONG) == jobs  # type: ignore[arg-type]
    assert session.wait_all_started(jobs, LONG) == session.wait_all_terminated(jobs, LONG) == jobs


@pytest.mark.parametrize("wrong", [[], "12", 5, ["12"], [None]])
def test_lists_that_are_none(session: pt.JobSession, wrong: Any) -> None:
    for wait in (
        session.wait_any_started,
        session.wait_any_terminated,
        session.wait_all_started,
        session.wait_all_terminated,
    ):
        with pytest.raises(pt.InvalidArgumentException, match="jobs"):
            wait(wrong, 1)


def test_jobs_of_two_homes(session: pt.JobSession, tmp_path: Path) -> None:
    other = pt.Job(Track(Place(str(tmp_path)), "s"), "1")
    with pytest.raises(pt.InvalidArgumentException, match="two state directories"):
        session.wait_any_started([session.run_job(sh("exit 0")), other], 1)


def test_time_outs(session: pt.JobSession) -> None:
    jobs = [session.run_job(sh("exit 0", submit_as_hold=True)) for _ in range(2)]
    for wait in (
        session.wait_any_started,
        session.wait_any_terminated,
        session.wait_all_started,
        session.wait_all_terminated,
    ):
        for timeout in (0, 0.02):
            with pytest.raises(pt.TimeoutException):
                wait(jobs, timeout)


def test_waits_that_cannot_succeed_fail_at_once(session: pt.JobSession) -> None:
    job, live = session.run_job(sh("exit 0")), session.run_job(sh("exit 0", submit_as_hold=True))
    job.wait_terminated(LONG)
    job.reap()
    for wait in (session.wait_any_terminated, session.wait_all_terminated):
        with pytest.raises(pt.InvalidArgumentException, match=job.job_id):
            wait([job, live])


def test_each_as_it_ends(session: pt.JobSession) -> None:
    slow, fast = session.run_job(sh("sleep 600")), session.run_bulk_jobs(sh("exit 0"), 1, 2)
    ended = iter(pt.as_completed([slow, fast]))
    assert {next(ended).job_id, next(ended).job_id} == {job.job_id for job in fast.jobs}
    slow.terminate()
    assert [*ended] == [slow]
    assert [*pt.as_completed([])] == []


def test_each_as_it_ends_in_a_loop(session: pt.JobSession) -> None:
    async def order() -> list[pt.Job]:
        return [job async for job in pt.as_completed(jobs)]

    jobs = [session.run_job(sh(f"sleep {seconds}")) for seconds in (0.3, 0.05)]
    assert asyncio.run(order()) == jobs[::-1]

    async def none() -> list[pt.Job]:
        return [job async for job in pt.as_completed([])]

    assert asyncio.run(none()) == []


def test_each_as_it_ends_for_a_time(session: pt.JobSession) -> None:
    live, done = session.run_job(sh("exit 0", submit_as_hold=True)), session.run_job(sh("exit 0"))
    done.wait_terminated(LONG)

    async def some() -> None:
        async for job in pt.as_completed([live, done], timeout=timedelta(seconds=0.2)):
            found.append(job)

    for timeout in (0, 0.2, timedelta(seconds=0.2)):
        found: list[pt.Job] = []
        with pytest.raises(pt.TimeoutException, match="1 of 2 jobs have not ended"):
            found.extend(iter(pt.as_completed([live, done], timeout=timeout)))
        ended = iter(pt.as_completed([live, done], timeout=timeout))
        assert next(ended) == done
    found = []
    with pytest.raises(pt.TimeoutException, match="1 of 2 jobs have not ended"):
        asyncio.run(some())
    assert found == [done]
    assert [*pt.as_completed([done], timeout=None)] == [done]
    with pytest.raises(pt.InvalidArgumentException, match="timeout"):
        pt.as_completed([done], timeout=-5)


async def _await_all(jobs: Iterable[pt.Job | pt.JobArray]) -> None:
    await asyncio.gather(*jobs)


async def _iterate(jobs: list[pt.Job | pt.JobArray]) -> None:
    async for _ in pt.as_completed(jobs):
        pass


TELLING: dict[str, Callable[[pt.JobSession, pt.Job, pt.JobArray], object]] = {
    "wait_terminated": lambda session, job, array: (job.wait_terminated(LONG), array.wait_terminated(LONG)),
    "await": lambda session, job, array: asyncio.run(_await_all([job, array])),
    "as_completed": lambda session, job, array: list(pt.as_completed([job, array])),
    "async as_completed": lambda session, job, array: asyncio.run(_iterate([job, array])),
    "wait_all": lambda session, job, array: session.wait_all_terminated([job, *array.jobs], LONG),
    "wait_any": lambda session, job, array: [session.wait_any_terminated([each], LONG) for each in [job, *array.jobs]],
}


@pytest.mark.parametrize("ended", [False, True])
@pytest.mark.parametrize("how", TELLING)
def test_what_was_told_is_not_told_by_wait_all_once_more(session: pt.JobSession, how: str, ended: bool) -> None:
    pause = "" if ended else "sleep 0.2; "
    job, array = session.run_job(sh(f"{pause}exit 3")), session.run_bulk_jobs(sh(f"{pause}exit 4"), 1, 2)
    reader = session._track.place.reader
    if ended:
        for name in (job.job_id, *(task.job_id for task in array.jobs)):
            session._track.place.client().wait([name], "ended", False, LONG)
        assert len(reader.jobs(session=session.session_name, live=False, unreported=True)) == 3
    else:
        assert session.wait_any_started([job], LONG) is job
    TELLING[how](session, job, array)
    assert _untold(session) == []


def test_only_what_was_told_counts(session: pt.JobSession) -> None:
    jobs = [session.run_job(sh("exit 3")) for _ in range(3)]
    for job in jobs:
        session._track.place.client().wait([job.job_id], "ended", False, LONG)
    next(iter(pt.as_completed(jobs)))
    session.wait_any_terminated(jobs[2:], LONG)
    session.wait_all_started(jobs, LONG)
    jobs[1].get_info()
    assert _untold(session) == [jobs[1].job_id]


def _untold(session: pt.JobSession) -> list[str]:
    """Those that `wait --all` would tell of, once the supervisor has read all that it was sent."""
    place = session._track.place
    place.client().call("status")
    return [row.id for row in place.reader.jobs(session=session.session_name, live=False, unreported=True)]
