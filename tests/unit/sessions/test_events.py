"""State changes as they happen."""

from __future__ import annotations

import asyncio
import threading

import pytest

import proctracker as pt
from proctracker.sessions import events
from proctracker.tracker.place import at

LONG = 30.0
TRUE = {"remote_command": "true"}


def test_a_change_as_a_notification() -> None:
    found = events.notification(
        {"job_id": "1", "session": "s", "attempt": 1, "time": 0.0, "state": 8, "sub_state": "lost"}
    )
    assert (found.event, found.job_id, found.session_name) == (pt.Event.NEW_STATE, "1", "s")
    assert (found.job_state, found.job_sub_state) == (pt.JobState.FAILED, "lost")


def test_changes_of_one_session_in_order(session: pt.JobSession) -> None:
    with session.events() as changes:
        pt.submit("true").wait_terminated(LONG)
        job = session.run_job(TRUE)
        found = [next(changes) for _ in range(3)]
        assert {note.job_id for note in found} == {job.job_id}
        assert [note.job_state for note in found] == [pt.JobState.QUEUED, pt.JobState.RUNNING, pt.JobState.DONE]
    assert [*changes] == []


def test_changes_come_to_a_coroutine(session: pt.JobSession) -> None:
    async def states() -> list[object]:
        changes = session.events()
        session.run_job(TRUE)
        found = []
        async for note in changes:
            found.append(note.job_state)
            if len(found) == 3:
                changes.close()
        return found

    assert asyncio.run(asyncio.wait_for(states(), LONG)) == [pt.JobState.QUEUED, pt.JobState.RUNNING, pt.JobState.DONE]


def test_a_callback_that_fails_is_called_again(session: pt.JobSession, capsys: pytest.CaptureFixture[str]) -> None:
    ended = threading.Event()

    def callback(note: pt.Notification) -> None:
        if note.job_state == pt.JobState.DONE:
            ended.set()
        raise ValueError("no good")

    caller = events.Caller(at(session._place.home.path), callback)
    session.run_job(TRUE)
    assert ended.wait(LONG)
    caller.stop()
    assert "no good" in capsys.readouterr().err


def test_a_callback_may_stop_itself(session: pt.JobSession) -> None:
    done = threading.Event()
    caller: list[events.Caller] = []

    def callback(note: pt.Notification) -> None:
        if not done.is_set():
            caller[0].stop()
            done.set()

    caller.append(events.Caller(at(session._place.home.path), callback))
    session.run_job(TRUE)
    assert done.wait(LONG)
    caller[0]._thread.join(LONG)
    assert not caller[0]._thread.is_alive()
