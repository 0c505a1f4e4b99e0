"""What users touch: a thousand jobs in ``ps``, ``wait`` and ``await``, filters, notifications, the DRMAA 1 binding."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import datetime, timezone

import proctracker as pt
from measure import Row, absolute, median, pairs, ratio, timed
from place import Place, call, command
from proctracker.compat import drmaa1

_SETTLE = 0.5
"""Seconds after which a command that waits surely does nothing else."""


def rows(where: Place) -> Iterator[Row]:
    """All of them."""
    yield from _thousand(where)
    yield from _filter(where)
    yield from _notifications(where)
    yield from _binding(where)


def _thousand(where: Place) -> Iterator[Row]:
    """``ps``, ``wait`` and ``await`` of a thousand jobs."""
    count = where.count(1_000, 20)
    with pt.job_session("thousand") as session:
        held = [session.run_job({"remote_command": "/bin/true", "submit_as_hold": True}) for _ in range(count)]
        words = [*command(), "ps"]
        call(words)
        ours, bare = pairs(where.count(15, 2), lambda: call(words), _bare)
        yield ratio(f"ps with {count:,} jobs", ours, bare, 7.0)
        waiter = subprocess.Popen([*command(), "wait", *(job.job_id for job in held)])
        while not _sockets(waiter.pid):
            time.sleep(0.01)
        time.sleep(_SETTLE)
        threads, sockets = _threads(waiter.pid), _sockets(waiter.pid)
        yield Row(f"threads of wait for {count:,} jobs", str(threads), "1", threads, 1, "threads")
        yield Row(f"connections of wait for {count:,} jobs", str(sockets), "0", sockets, 1, "connections")
        before = threading.active_count()
        began = time.perf_counter()
        most, infos = asyncio.run(_await(held))
        assert len(infos) == count
        assert waiter.wait() == 0
        yield absolute(f"{count:,} await job, from release to the last", time.perf_counter() - began, "-", 10_000)
        yield Row(f"threads more for {count:,} await job", str(most - before), "0", most - before, 0, "threads")
    pt.destroy_job_session("thousand")


async def _await(jobs: list[pt.Job]) -> tuple[int, list[pt.JobInfo]]:
    """Await all in one loop, then let them start; the most threads there were, and what the jobs told."""
    waits = [asyncio.ensure_future(_info(job)) for job in jobs]
    await asyncio.sleep(_SETTLE)
    most = threading.active_count()
    call([*command(), "-s", "thousand", "release", "--all"])
    done = await asyncio.gather(*waits)
    return max(most, threading.active_count()), done


async def _info(job: pt.Job) -> pt.JobInfo:
    return await job


def _filter(where: Place) -> Iterator[Row]:
    """``get_jobs`` with a filter on ten thousand."""
    count = where.count(10_000, 100)
    with pt.job_session("filter") as session:
        array = session.run_bulk_jobs({"remote_command": "/bin/true", "job_name": "many"}, 1, count)
        failed = session.run_job({"remote_command": "/bin/false"})
        array.wait_terminated()
        failed.wait_terminated()
        yield from _filtered(where, session, {"job_state": "FAILED"}, {"job_name": "many", "job_state": "DONE"})
    pt.destroy_job_session("filter")
    with pt.job_session("filter") as session:
        held = {"remote_command": "/bin/true", "job_name": "many", "submit_as_hold": True}
        array = session.run_bulk_jobs(held, 1, count)
        yield from _filtered(where, session, {"job_name": "many", "job_state": "QUEUED_HELD"})
        array.terminate()
    pt.destroy_job_session("filter")


def _filtered(where: Place, session: pt.JobSession, *filters: dict[str, str]) -> Iterator[Row]:
    for given in filters:
        found = median([timed(lambda: session.get_jobs(given)) for _ in range(where.count(11, 3))])  # noqa: B023
        yield absolute(f"get_jobs({given}) of {where.count(10_000, 100):,}", found, "-", 60)


def _notifications(where: Place) -> Iterator[Row]:
    """From a change until a callback is told of it."""
    late: list[float] = []
    with pt.job_session("told") as session:
        ended = threading.Event()

        def tell(note: pt.Notification) -> None:
            assert note.time is not None
            late.append((datetime.now(timezone.utc) - note.time).total_seconds())
            if note.job_state == pt.JobState.DONE:
                ended.set()

        pt.register_event_notification(tell)
        for _ in range(where.count(100, 5)):
            ended.clear()
            session.run_job({"remote_command": "/bin/true"})
            assert ended.wait(30)
        pt.register_event_notification(None)
    pt.destroy_job_session("told")
    yield absolute("a change until a callback is told of it", median(late), "-", 5)


def _binding(where: Place) -> Iterator[Row]:
    """A submit by the DRMAA 1 binding beside one of ours."""
    with pt.job_session("binding") as session:
        os.environ["PROCTRACKER_SESSION"] = "binding"
        with drmaa1.Session() as other:
            template = other.createJobTemplate()
            template.remoteCommand = "/bin/true"

            def theirs() -> None:
                other.runJob(template)

            def ours() -> None:
                session.run_job({"remote_command": "/bin/true"})

            theirs()
            one, bare = pairs(where.count(300, 10), theirs, ours)
            other.synchronize([drmaa1.Session.JOB_IDS_SESSION_ALL], drmaa1.Session.TIMEOUT_WAIT_FOREVER, True)
        del os.environ["PROCTRACKER_SESSION"]
    pt.destroy_job_session("binding", "terminate")
    yield ratio("submit by the DRMAA 1 binding, beside run_job", one, bare, 1.2)


def _threads(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/task"))


def _sockets(pid: int) -> int:
    """How many sockets a process has open."""
    folder = f"/proc/{pid}/fd"
    return sum(os.readlink(os.path.join(folder, fd)).startswith("socket:") for fd in os.listdir(folder))


def _bare() -> None:
    call([sys.executable, "-I", "-c", "pass"])
