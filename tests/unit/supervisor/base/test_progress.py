"""What happens to a job between its start and its end."""

from __future__ import annotations

import pytest

from proctracker.model import JobState, Observation
from proctracker.model.marks import STOPPED
from proctracker.supervisor.base.jobs import Job
from supervising import Boxes, Desk, box


@pytest.fixture
def job(desk: Desk) -> Job:
    """One that runs."""
    made = desk.submit("sleep", "600")
    desk.running(made)
    return made


@pytest.mark.parametrize(("sub_state", "state"), [(STOPPED, JobState.SUSPENDED), (None, JobState.RUNNING)])
def test_what_was_stopped_by_signal_stays_suspended(
    desk: Desk, job: Job, sub_state: str | None, state: JobState
) -> None:
    desk.service.lifecycle.suspended(job, sub_state)
    desk.service.lifecycle.settled(job, Observation(JobState.RUNNING))
    assert job.row.state == state


def test_why_a_suspended_job_is_being_ended_is_known_to_the_next_supervisor(desk: Desk, job: Job) -> None:
    job.ending = "time-limit"
    desk.service.lifecycle.ending(job, 50.0)
    desk.service.lifecycle.suspended(job)
    assert (job.row.state, Job(job.row, {}, "").ending) == (JobState.SUSPENDED, "time-limit")
    desk.service.lifecycle.settled(job, Observation(JobState.SUSPENDED))
    assert Job(job.row, {}, "").ending == "time-limit"


@pytest.mark.parametrize("state", [JobState.FAILED, JobState.RUNNING])
def test_a_container_that_is_found_late_has_run_since_it_began(desk: Desk, boxes: Boxes, state: JobState) -> None:
    """A deadline was over before anybody asked its engine; transitions are told in order all the same."""
    job = desk.submit("x", **box(), hold=True)
    desk.service.lifecycle.replayed(job, (0, 0), job.row.submitted, "box")
    desk.here.ledger.change(job.row, JobState.QUEUED, "deadline", at=job.row.submitted + 9)
    seen = Observation(state, started=job.row.submitted + 1)
    if state == JobState.RUNNING:
        desk.service.lifecycle.settled(job, seen, seen.started)
    else:
        desk.service.lifecycle.ran(job, seen)
    assert (job.row.state, job.row.dispatched) == (JobState.RUNNING, job.row.submitted + 1)
    desk.here.ledger.flush()
    times = [moment for *_, moment in desk.here.store._db.rows("SELECT state, time FROM transitions ORDER BY seq")]
    assert times == sorted(times)


def test_the_earlier_of_two_graces_counts(desk: Desk, job: Job) -> None:
    for kill_at in (50.0, 30.0, 40.0):
        desk.service.lifecycle.ending(job, kill_at)
    assert job.row.kill_at == 30.0


@pytest.mark.parametrize(("ending", "expected"), [("deadline", True), (None, False)])
def test_a_grace_is_inherited(desk: Desk, job: Job, ending: str | None, expected: bool) -> None:
    job.ending = ending
    desk.service.lifecycle.inherited(job)
    assert (job.row.kill_at is not None) == expected


def test_what_a_scheduler_says_is_recorded(desk: Desk, job: Job) -> None:
    seen = Observation(JobState.SUSPENDED, "suspended", container_id="7", nodes=("n1", "n2"), queue="long")
    desk.service.lifecycle.observed(job, seen)
    row = job.row
    assert (row.state, row.sub_state, row.container_id) == (JobState.SUSPENDED, "suspended", "7")
    assert (row.nodes, row.queue) == ("n1,n2", "long")
