"""Jobs that start when others have ended: those of another supervisor (the queue's tests have those of our own)."""

from __future__ import annotations

from collections.abc import Iterator

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
    desk.core.loop.soon(lambda: turned.append("yes"))
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
