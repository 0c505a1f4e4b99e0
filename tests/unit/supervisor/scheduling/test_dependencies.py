"""Jobs that start when others have ended: those of another supervisor (the queue's tests have those of our own)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from proctracker.model import JobState
from proctracker.store import Store
from stores import end, submit
from supervising import Desk


@pytest.fixture
def other(desk: Desk) -> Iterator[Store]:
    """What another supervisor writes."""
    made = Store(desk.home)
    yield made
    made.close()


@pytest.mark.parametrize("tasks", [0, 2])
@pytest.mark.parametrize(
    ("kind", "state", "wanted"),
    [
        ("after", JobState.DONE, (JobState.DONE, None)),
        ("after", JobState.FAILED, (JobState.FAILED, "dependency")),
        ("after_any", JobState.FAILED, (JobState.DONE, None)),
    ],
)
def test_a_job_of_another_supervisor(
    desk: Desk, other: Store, tasks: int, kind: str, state: JobState, wanted: tuple[JobState, str | None]
) -> None:
    rows = submit(other, tasks, keeper="slurm-7", state=int(JobState.RUNNING), dispatched=1.0)
    job = desk.submit("true", **{kind: [str(rows[0].num)]})
    turned: list[str] = []
    desk.here.loop.soon(lambda: turned.append("yes"))
    desk.until(lambda: turned)
    assert (job.row.state, job.waits_for) == (JobState.QUEUED, {str(rows[0].num)})
    for row in rows[:-1]:
        end(other, row, 2.0)
    end(other, rows[-1], 2.0, state=int(state))
    row = desk.ended(job)
    assert (row.state, row.sub_state) == wanted


def test_an_array_of_another_supervisor_that_is_half_done(desk: Desk, other: Store) -> None:
    first, second = submit(other, 2, keeper="slurm-7", state=int(JobState.RUNNING), dispatched=1.0)
    end(other, first, 2.0)
    job = desk.submit("true", after=[str(first.num)])
    assert not job.row.ended
    end(other, second, 3.0)
    assert desk.ended(job).state == JobState.DONE


@pytest.mark.parametrize("tasks", [0, 2])
@pytest.mark.parametrize("waits", ["held", "for its time", "for its next attempt", "for a slot, over a restart"])
@pytest.mark.parametrize("met", [True, False])
def test_what_was_removed_stays_as_it_ended(
    old: Desk, follow: Callable[..., Desk], tmp_path: Path, tasks: int, waits: str, met: bool
) -> None:
    rows = submit(old.here.store, tasks, session="other")
    for row in rows:
        end(old.here.store, row, 2.0)
    if not met:
        end(old.here.store, rows[0], 2.0, state=int(JobState.FAILED))
    after = [str(rows[0].num)]
    more: dict[str, Any] = {
        "held": {"hold": True},
        "for its time": {"start_time": time.time() + 3600},
        "for its next attempt": {"hold": True, "retries": 1, "retry_delay": 3600.0},
    }.get(waits, {})
    job = old.submit("true", after=after, **more)
    old.service.queue.paused = waits == "for a slot, over a restart"
    if not met and waits in ("for its time", "for a slot, over a restart"):
        assert old.ended(job).sub_state == "dependency"
        return
    old.service.forgetting.destroy("other", "refuse", lambda found: None, lambda error: None)
    old.until(lambda: not old.here.store.jobs([row.id for row in rows]))
    old.here.ledger.flush()
    desk = follow() if waits == "for a slot, over a restart" else old
    taken = desk.taken(job)
    if waits == "for its time":
        taken.spec["start_time"] = None
    taken.row.state = int(JobState.QUEUED)
    desk.service.queue.add(taken)
    row = desk.ended(taken)
    assert (row.state, row.sub_state) == ((JobState.DONE, None) if met else (JobState.FAILED, "dependency"))


def test_an_array_of_which_a_part_was_removed(desk: Desk) -> None:
    first, second = submit(desk.here.store, 2)
    end(desk.here.store, first, 2.0, state=int(JobState.FAILED))
    end(desk.here.store, second, 2.0)
    job = desk.submit("true", after=[str(first.num)], hold=True)
    other = desk.submit("true", after_any=[str(first.num)], hold=True)
    desk.here.store.delete([first.id])
    for each in (job, other):
        each.row.state = int(JobState.QUEUED)
        desk.service.queue.add(each)
    assert desk.ended(job).sub_state == "dependency"
    assert desk.ended(other).state == JobState.DONE


def test_what_is_kept_of_removed_jobs_goes_with_those_that_waited(desk: Desk) -> None:
    (before,) = submit(desk.here.store)
    end(desk.here.store, before, 2.0)
    job = desk.submit("true", after=[before.id], hold=True)
    desk.here.store.delete([before.id])
    assert desk.here.store.outcome(job.row.spec, before.id) is True
    assert desk.here.store.outcome(job.row.spec, "99") is None
    desk.service.actions.control([job.row.id], "terminate", "SIGTERM", 0.0, lambda outcome: None)
    desk.ended(job)
    desk.here.store.delete([job.row.id])
    assert desk.here.store._db.rows("SELECT * FROM outcomes") == []
