"""What goes when: environments, old containers and jobs."""

from __future__ import annotations

import time

import pytest

from mill import Mill
from proctracker.errors import OutOfResourceException
from proctracker.model import JobState
from proctracker.model.observation import ended
from proctracker.supervisor.cleanup import tidying as module
from supervising import Boxes, Desk, box, context


def test_environments_go_with_the_last_job_that_needs_them(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "DELAY", 0.0)
    secret, needed = context(S="secret")[0], context(S="needed")[0]
    desk.ended(desk.submit("true", env={"S": "secret"}))
    desk.ended(desk.submit("true", env={"S": "needed"}))
    desk.submit("true", env={"S": "needed"}, hold=True)
    desk.until(lambda: desk.here.store.context(secret) is None)
    assert desk.here.store.context(needed) is not None
    assert desk.ended(desk.submit("true", env={"S": "secret"})).state == JobState.DONE  # it is asked for once more


def test_environments_stay_where_that_is_wanted(desk: Desk) -> None:
    desk.here.settings["keep_environment"] = True
    desk.ended(desk.submit("true"))
    desk.service.tidying.tidy()
    assert desk.here.store.context(context()[0]) is not None


def test_old_containers_go(desk: Desk, boxes: Boxes) -> None:
    desk.here.settings["keep_ended"] = 1
    for number in range(3):
        job = desk.submit("x", **box(), hold=True)
        job.row.container = f"box-{number}"
        desk.service.lifecycle.refused(job, "", "terminated")
    foreign = desk.submit("x", **box(), hold=True)
    foreign.row.container = "foreign"
    desk.service.lifecycle.refused(foreign, "", "terminated")
    desk.here.ledger.flush()
    desk.here.store._db.run("UPDATE jobs SET keeper='other', finished=1 WHERE num=4")
    desk.service.tidying.tidy()
    desk.until(lambda: len(boxes.verbs()) == 2 and not desk.service.removal.busy)
    assert sorted(boxes.asked) == [("remove", "box-0"), ("remove", "box-1")]


def test_nothing_is_removed_of_what_no_engine_keeps(desk: Desk, mill: Mill, monkeypatch: pytest.MonkeyPatch) -> None:
    """An array of a scheduler's has thousands of tasks, whose rows would all be read and written."""
    desk.here.settings["keep_ended"] = 0
    job = desk.submit("x", runtime="mill", contact="mill", runtime_containers=False)
    desk.until(lambda: job.row.container_id, "the submit")
    mill.jobs[job.row.container or ""] = ended(0, container_id="7")
    desk.service.batch.look()
    desk.ended(job)
    monkeypatch.setattr(desk.service.removal, "discard", lambda job: pytest.fail("it is removed"))
    desk.service.tidying.tidy()
    assert not desk.service.removal.busy


def test_old_jobs_go(desk: Desk) -> None:
    desk.here.settings["keep_days"] = 2
    for days in (3, 1):
        job = desk.submit("true", hold=True)
        desk.service.lifecycle.refused(job, "", "terminated")
        job.row.finished = time.time() - days * 86400
    desk.here.ledger.flush()
    desk.service.tidying.tidy()
    desk.until(lambda: not desk.service.forgetting.busy)
    assert [row.id for row in desk.here.store.jobs(["1", "2"])] == ["2"]


def test_a_full_disk_keeps_nobody_from_going_on(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.ended(desk.submit("true"))

    def full() -> None:
        raise OutOfResourceException("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(desk.here.store, "commit", full)
        desk.service.tidying.tidy()
    assert not desk.here.store.in_transaction
    desk.service.tidying.tidy()
    assert desk.here.store.context(context()[0]) is None
    assert desk.ended(desk.submit("true")).state == JobState.DONE


def test_a_snapshot_is_published_when_it_is_due(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    published: list[bool] = []
    monkeypatch.setattr(type(desk.here.store), "publish_due", property(lambda self: None if published else 1.0))
    monkeypatch.setattr(desk.here.store, "publish", lambda: published.append(True))
    desk.service.tidying.begin()
    assert published == [True]
