"""Followers of state changes while supervisors are killed: whatever follows, it is told of each change once, in order."""

from __future__ import annotations

import asyncio
import json
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest

import proctracker as pt
from contract.kit import cli, until
from e2e.day import PROGRAM, kill, seat
from proctracker.store import Home

Told = list[tuple[str, str, str]]
"""Job, state and time of changes, as somebody was told."""

Begin = Callable[[pt.JobSession, Told], "object"]

KILLS = 5


def _change(told: pt.Notification) -> tuple[str, str, str]:
    assert told.job_state is not None
    assert told.time is not None
    return told.job_id, told.job_state.name, told.time.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@contextmanager
def _callback(session: pt.JobSession, told: Told) -> Iterator[None]:
    pt.register_event_notification(lambda change: told.append(_change(change)))
    yield
    pt.register_event_notification(None)


@contextmanager
def _iterator(session: pt.JobSession, told: Told) -> Iterator[None]:
    events = session.events()

    def read() -> None:
        for change in events:
            told.append(_change(change))
            if change.job_sub_state == "terminated":
                return

    thread = threading.Thread(target=read)
    thread.start()
    yield
    thread.join()
    events.close()


@contextmanager
def _async_iterator(session: pt.JobSession, told: Told) -> Iterator[None]:
    events = session.events()

    async def read() -> None:
        async for change in events:
            told.append(_change(change))
            if change.job_sub_state == "terminated":
                return

    thread = threading.Thread(target=lambda: asyncio.run(read()))
    thread.start()
    yield
    thread.join()
    events.close()


@contextmanager
def _command(session: pt.JobSession, told: Told) -> Iterator[None]:
    process = subprocess.Popen([*PROGRAM, "events", "-f", "--json"], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None

    def read(lines: Iterator[str]) -> None:
        for line in lines:
            change = json.loads(line)
            told.append((change["job_id"], change["job_state"], change["time"]))

    thread = threading.Thread(target=read, args=(process.stdout,))
    thread.start()
    yield
    process.kill()
    process.wait()
    thread.join()
    process.stdout.close()


def test_who_follows_is_told_of_each_change_once_whoever_is_killed(home: Home) -> None:
    with pt.job_session("s") as session, ExitStack() as stack:
        heard: dict[str, Told] = {}
        for name, begin in {"callback": _callback, "iterator": _iterator, "async": _async_iterator}.items():
            stack.enter_context(begin(session, heard.setdefault(name, [])))
        stack.enter_context(_command(session, heard.setdefault("command", [])))
        keep = session.run_job({"remote_command": "sleep", "args": ["600"]})
        keep.wait_started()
        for _ in range(KILLS):
            before = session.run_bulk_jobs({"remote_command": "true"}, 1, 3)
            kill(seat(home).supervisor)
            after = session.run_job({"remote_command": "sh", "args": ["-c", "exit 3"]})
            assert after.wait_terminated().exit_status == 3
            before.wait_terminated()
        keep.terminate(grace=0)
        keep.wait_terminated()
        stored = _stored()
        for name, told in heard.items():
            until(lambda told=told: len(told) >= len(stored), f"all that {name} is to be told")
            assert told == stored, name


def _stored() -> Told:
    changes = [json.loads(line) for line in cli("events", "--json").stdout.splitlines()]
    return [(each["job_id"], each["job_state"], each["time"]) for each in changes]


def test_each_job_begins_queued_and_its_times_never_go_back(home: Home) -> None:
    keep = pt.submit(["sleep", "600"])
    jobs = []
    for _ in range(KILLS):
        jobs += [pt.submit(["true"]) for _ in range(4)]
        kill(seat(home).supervisor)
        jobs.append(pt.submit(["true"]))
    for job in jobs:
        job.wait_terminated()
    for job in (keep, *jobs):
        mine = [change for change in _stored() if change[0] == job.id]
        assert mine[0][1] == "QUEUED"
        assert [change[2] for change in mine] == sorted(change[2] for change in mine)
    keep.terminate(grace=0)


@pytest.mark.parametrize("how", ["await", "wait --all", "as_completed"])
def test_who_waits_is_told_whoever_is_killed(home: Home, how: str) -> None:
    keep = pt.submit(["sleep", "600"])
    jobs = [pt.submit(["sleep", f"0.{number}"]) for number in range(1, 10, 2)]
    found: list[str] = []

    def wait() -> None:
        if how == "await":

            async def every() -> None:
                found.extend(info.job_id for info in await asyncio.gather(*jobs))

            asyncio.run(every())
        elif how == "as_completed":
            found.extend(job.id for job in pt.as_completed(jobs))
        else:
            assert cli("wait", *[job.id for job in jobs]).returncode == 0
            found.extend(job.id for job in jobs)

    thread = threading.Thread(target=wait)
    thread.start()
    while thread.is_alive():
        kill(seat(home).supervisor)
        thread.join(0.2)
    assert sorted(found) == sorted(job.id for job in jobs)
    keep.terminate(grace=0)
