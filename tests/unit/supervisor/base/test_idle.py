"""When the supervisor leaves, and when it stays."""

from __future__ import annotations

import os
from typing import Any

import pytest

from proctracker.errors import OutOfResourceException
from proctracker.model import JobState
from proctracker.supervisor.base import idle as module
from proctracker.supervisor.base.idle import Idle
from supervising import Desk


@pytest.fixture
def left(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Whether the supervisor wanted to leave."""
    found: list[str] = []
    monkeypatch.setattr(desk.service.departure, "leave", lambda: found.append("left"))
    return found


def due(desk: Desk) -> None:
    """Let the time be over after which it leaves."""
    desk.here.settings["idle"] = 0.0
    desk.service.idle.soon()
    desk.here.loop.after(0.0, lambda: None)
    desk.here.loop.round()


def test_the_supervisor_goes_some_time_after_the_last_job(desk: Desk, left: list[str]) -> None:
    desk.here.settings["idle"] = 0.0
    job = desk.submit("true")
    desk.until(lambda: left)
    assert desk.row(job).state == JobState.DONE


def test_the_time_counts_from_the_last_that_left(desk: Desk) -> None:
    left: list[str] = []
    idle = Idle(desk.here, lambda: left.append("left"))
    desk.here.settings["idle"] = 0.0
    idle.soon()
    desk.here.settings["idle"] = 600.0
    idle.soon()
    desk.here.loop.after(0.0, lambda: None)
    desk.here.loop.round()
    assert not left


def test_it_asks_whether_it_may_leave_before_and_after_what_is_to_be_done_first(desk: Desk) -> None:
    did: list[str] = []
    busy = [False, False, True]
    idle = Idle(desk.here, lambda: did.append("left"))
    idle.keep_awake.append(lambda: busy.pop(0) if busy else False)
    idle.before_leaving.append(lambda: did.append("before"))
    desk.here.settings["idle"] = 0.0
    idle.soon()
    desk.until(lambda: not busy)
    assert did == ["before"]
    desk.until(lambda: "left" in did)
    assert did == ["before", "before", "left"]


@pytest.mark.parametrize("busy", ["job", "client", "call", "running", "unwritten"])
def test_it_stays_while_there_is_something(
    desk: Desk, left: list[str], busy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    service, here = desk.service, desk.here
    if busy == "job":
        desk.submit("true", hold=True)
    elif busy == "client":
        service.server.connections.add(None)  # type: ignore[arg-type]
    elif busy == "call":
        monkeypatch.setattr(type(service.calls), "__len__", lambda calls: 1)
    elif busy == "running":
        desk.running(desk.submit("sleep", "600"))
        service.queue.paused = True
    else:
        job: Any = desk.submit("true", hold=True)
        here.jobs.remove(job)
        here.ledger.change(job.row)
        monkeypatch.setattr(here.ledger, "flush", lambda: None)
    due(desk)
    assert left == []
    service.server.connections.clear()


def test_queued_jobs_nobody_let_go_do_not_hold_it(desk: Desk, left: list[str]) -> None:
    desk.submit("true", hold=True)
    desk.service.queue.paused = True
    due(desk)
    assert left == ["left"]


@pytest.mark.parametrize("again", [False, True])
def test_ends_that_cannot_be_written_are_given_up_where_their_place_is_gone_for_long(
    desk: Desk, left: list[str], monkeypatch: pytest.MonkeyPatch, again: bool
) -> None:
    def refused() -> None:
        raise OutOfResourceException("stale")

    desk.ended(desk.submit("true"))
    desk.here.settings["idle"] = 0.0
    monkeypatch.setattr(module, "AGAIN", 0.0)
    monkeypatch.setattr(desk.here.store, "begin", refused)
    desk.here.ledger.then(lambda: None)
    os.rename(desk.home.here, f"{desk.home.here}.away")
    due(desk)
    assert left == []
    monkeypatch.setattr(module, "GONE", 0.0)
    if again:
        os.rename(f"{desk.home.here}.away", desk.home.here)
    due(desk)
    assert left == ([] if again else ["left"])
