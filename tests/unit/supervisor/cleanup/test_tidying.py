"""What goes when: environments, old containers and jobs, the supervisor itself."""

from __future__ import annotations

import os
import time
from typing import Any

import pytest

from proctracker.errors import OutOfResourceException
from proctracker.model import JobState
from proctracker.supervisor.cleanup import tidying as module
from supervising import Boxes, Desk, box, context


@pytest.fixture
def left(desk: Desk) -> list[str]:
    """Whether the supervisor wanted to leave."""
    found: list[str] = []
    desk.core.leave = lambda: found.append("left")  # type: ignore[method-assign]
    return found


def test_environments_go_with_the_last_job_that_needs_them(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "DUSK", 0.0)
    secret, needed = context(S="secret")[0], context(S="needed")[0]
    desk.ended(desk.submit("true", env={"S": "secret"}))
    desk.ended(desk.submit("true", env={"S": "needed"}))
    desk.submit("true", env={"S": "needed"}, hold=True)
    desk.until(lambda: desk.core.store.context(secret) is None)
    assert desk.core.store.context(needed) is not None
    assert desk.ended(desk.submit("true", env={"S": "secret"})).state == JobState.DONE  # it is asked for once more


def test_environments_stay_where_that_is_wanted(desk: Desk) -> None:
    desk.core.settings["keep_environment"] = True
    desk.ended(desk.submit("true"))
    desk.core.housekeeping._evening()
    assert desk.core.store.context(context()[0]) is not None


def test_old_containers_go(desk: Desk, boxes: Boxes) -> None:
    desk.core.settings["keep_ended"] = 1
    for number in range(3):
        job = desk.submit("x", **box(), hold=True)
        job.row.container = f"box-{number}"
        desk.core.ends.refused(job, "", "terminated")
    foreign = desk.submit("x", **box(), hold=True)
    foreign.row.container = "foreign"
    desk.core.ends.refused(foreign, "", "terminated")
    desk.core.ledger.flush()
    desk.core.store._db.run("UPDATE jobs SET keeper='other', finished=1 WHERE num=4")
    desk.core.housekeeping._evening()
    desk.until(lambda: len(boxes.verbs()) == 2 and not desk.core.removal.busy)
    assert sorted(boxes.asked) == [("remove", "box-0"), ("remove", "box-1")]


def test_old_jobs_go(desk: Desk) -> None:
    desk.core.settings["keep_days"] = 2
    for days in (3, 1):
        job = desk.submit("true", hold=True)
        desk.core.ends.refused(job, "", "terminated")
        job.row.finished = time.time() - days * 86400
    desk.core.ledger.flush()
    desk.core.housekeeping._evening()
    desk.until(lambda: not desk.core.reaping.busy)
    assert [row.id for row in desk.core.store.jobs(["1", "2"])] == ["2"]


def test_a_full_disk_keeps_nobody_from_going_on(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.ended(desk.submit("true"))

    def full() -> None:
        raise OutOfResourceException("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(desk.core.store, "commit", full)
        desk.core.housekeeping._evening()
    assert not desk.core.store.in_transaction
    desk.core.housekeeping._evening()
    assert desk.core.store.context(context()[0]) is None
    assert desk.ended(desk.submit("true")).state == JobState.DONE


def test_what_a_double_death_left_goes_on(desk: Desk) -> None:
    desk.submit("true", hold=True)
    job = desk.submit("true")
    desk.core.paused = True
    assert (desk.core.housekeeping.unpause(), desk.core.housekeeping.unpause()) == (1, 0)
    assert desk.ended(job).state == JobState.DONE


def test_the_supervisor_goes_some_time_after_the_last_job(desk: Desk, left: list[str]) -> None:
    desk.core.settings["idle"] = 0.0
    job = desk.submit("true")
    desk.until(lambda: left)
    assert desk.row(job).state == JobState.DONE


def test_the_time_counts_from_the_last_that_left(desk: Desk) -> None:
    here = desk.core.housekeeping
    here.idle_soon()
    first = here._idle
    here.idle_soon()
    assert first is not None
    assert here._idle is not None
    assert (first.call, here._idle.due >= first.due) == (None, True)


@pytest.mark.parametrize("busy", ["job", "client", "call", "running", "unwritten"])
def test_it_stays_while_there_is_something(
    desk: Desk, left: list[str], busy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    core, here = desk.core, desk.core.housekeeping
    if busy == "job":
        desk.submit("true", hold=True)
    elif busy == "client":
        core.server.connections.add(None)  # type: ignore[arg-type]
    elif busy == "call":
        core.calls._waiting.append(None)  # type: ignore[arg-type]
    elif busy == "running":
        desk.running(desk.submit("sleep", "600"))
        core.paused = True
    else:
        job: Any = desk.submit("true", hold=True)
        core.jobs.remove(job)
        core.ledger.change(job.row)
        monkeypatch.setattr(core.ledger, "flush", lambda: None)
    here._go()
    assert left == []
    core.server.connections.clear()
    core.calls._waiting.clear()


def test_queued_jobs_nobody_let_go_do_not_hold_it(desk: Desk, left: list[str]) -> None:
    desk.submit("true", hold=True)
    desk.core.paused = True
    desk.core.housekeeping._go()
    assert left == ["left"]


def test_a_snapshot_is_published_when_it_is_due(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    published: list[bool] = []
    monkeypatch.setattr(type(desk.core.store), "publish_due", property(lambda self: None if published else 1.0))
    monkeypatch.setattr(desk.core.store, "publish", lambda: published.append(True))
    desk.core.housekeeping.begin()
    assert published == [True]


@pytest.mark.parametrize("again", [False, True])
def test_ends_that_cannot_be_written_are_given_up_where_their_place_is_gone_for_long(
    desk: Desk, left: list[str], monkeypatch: pytest.MonkeyPatch, again: bool
) -> None:
    def refused() -> None:
        raise OutOfResourceException("stale")

    desk.ended(desk.submit("true"))
    desk.core.settings["idle"] = 0.0
    monkeypatch.setattr(module, "AGAIN", 0.0)
    monkeypatch.setattr(desk.core.store, "begin", refused)
    desk.core.ledger.then(lambda: None)
    os.rename(desk.home.here, f"{desk.home.here}.away")
    desk.core.housekeeping._go()
    assert left == []
    monkeypatch.setattr(module, "GONE", 0.0)
    if again:
        os.rename(f"{desk.home.here}.away", desk.home.here)
    desk.core.housekeeping._go()
    assert left == ([] if again else ["left"])
