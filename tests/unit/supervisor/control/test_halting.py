"""Arrays that end once so many of their tasks have failed."""

from __future__ import annotations

from signal import SIGTERM
from typing import Any

import pytest

from proctracker.model import JobRow, JobState
from proctracker.supervisor.base.jobs import Job
from proctracker.supervisor.control import halting
from proctracker.supervisor.control.halting import Halting
from supervising import Desk


def task(number: int, state: JobState = JobState.RUNNING, num: int = 7, most: int | None = 2) -> Job:
    return Job(JobRow(f"{num}_{number}", num, number, state=int(state)), {"halt": most} if most else {}, "")


class Array:
    """An array's live jobs, what the store knows of it, and what is ended."""

    def __init__(self, *stored: int) -> None:
        self.stored, self.live, self.ended = stored, [task(8), task(9, JobState.QUEUED)], []  # type: ignore[var-annotated]
        self.halting = Halting(lambda num: self.stored, lambda num: self.live, self.note, self.end)

    def note(self, job: Job, text: str) -> None:
        job.row.annotation = text

    def end(self, job: Job, why: str, number: int, grace: float, done: Any) -> None:
        self.ended.append((job.row.id, why, number, grace))
        done(None)


def test_the_rest_ends_at_the_last_failure_there_may_be() -> None:
    array = Array()
    for each in (task(1, JobState.FAILED), task(1, JobState.FAILED), task(2, JobState.DONE)):
        array.halting.ended(each)
    assert array.ended == []
    array.halting.ended(task(3, JobState.UNDETERMINED))
    assert array.ended == [(name, "terminating", SIGTERM, halting.GRACE) for name in ("7_8", "7_9")]
    assert array.live[0].row.annotation == "array 7 was halted: 2 of its tasks have failed"
    array.halting.ended(task(8, JobState.FAILED))
    assert len(array.ended) == 2


@pytest.mark.parametrize("job", [task(1, JobState.FAILED, most=None), Job(JobRow("7", 7, state=8), {"halt": 1}, "")])
def test_others_do_not(job: Job) -> None:
    array = Array(3, 4)
    array.halting.ended(job)
    assert array.ended == []


def test_failures_before_this_supervisor_count() -> None:
    array = Array(3)
    array.halting.ended(task(1, JobState.FAILED))
    assert len(array.ended) == 2


@pytest.mark.parametrize(("stored", "ended"), [((3,), 0), ((3, 4), 2)])
def test_a_supervisor_killed_before_it_could_halt(stored: tuple[int, ...], ended: int) -> None:
    array = Array(*stored)
    array.halting.begin([*array.live, task(1, num=5, most=None)])
    assert len(array.ended) == ended


def test_what_the_store_knows(desk: Desk) -> None:
    desk.submit("sh", "-c", "test $TASK_ID = 2", indices=[1, 2, 3])
    desk.until(lambda: not len(desk.here.jobs) and desk.here.ledger.clean)
    assert desk.here.store.failed(1) == [1, 3]
    assert desk.here.store.failed(2) == []


def test_a_supervisor_halts_an_array(desk: Desk) -> None:
    desk.submit("sh", "-c", "test $TASK_ID != 1 || exit 1; exec sleep 600", indices=[1, 2, 3], halt=1)
    desk.until(lambda: not len(desk.here.jobs) and desk.here.ledger.clean)
    rows = desk.here.store.jobs(["1_1", "1_2", "1_3"])
    assert [row.state for row in rows] == [JobState.FAILED] * 3
    assert [row.sub_state for row in rows[1:]] == ["terminated"] * 2
