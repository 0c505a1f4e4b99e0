"""The ten verbs of a job tracker, as both seeds list them, on every runtime."""

from __future__ import annotations

import pytest

import proctracker as pt
from contract.kit import LONG, Kit


@pytest.fixture
def tracker(kit: Kit, session: pt.JobSession) -> pt.JobTracker:
    """The tracker of a session's jobs on the runtime under test."""
    return pt.JobTracker(session.session_name, kit.contact)


def test_add_list_state_info_and_delete(kit: Kit, tracker: pt.JobTracker) -> None:
    job = tracker.add_job(kit.script("exit 3"))
    assert tracker.list_jobs() == [job]
    tracker.wait(job, LONG, pt.JobState.FAILED)
    assert tracker.job_state(job)[0] == pt.JobState.FAILED
    assert (tracker.job_info(job).job_id, tracker.job_info(job).exit_status) == (job, 3)
    tracker.delete_job(job)
    assert tracker.list_jobs() == []


def test_arrays_are_added_and_listed(kit: Kit, tracker: pt.JobTracker) -> None:
    array = tracker.add_array_job(kit.sleeper(submit_as_hold=True), 1, 4, 1, 2)
    tasks = [f"{array}_{task}" for task in range(1, 5)]
    assert tracker.list_array_jobs(array) == tasks
    assert sorted(tracker.list_jobs()) == tasks
    for other in (tasks[0], "4711"):
        with pytest.raises(pt.InvalidArgumentException):
            tracker.list_array_jobs(other)


def test_controls_by_name(kit: Kit, tracker: pt.JobTracker) -> None:
    job = tracker.add_job(kit.sleeper())
    tracker.wait(job, LONG, pt.JobState.RUNNING)
    tracker.job_control(job, "suspend")
    tracker.wait(job, LONG, pt.JobState.SUSPENDED)
    tracker.job_control(job, "resume")
    tracker.job_control(job, "terminate")
    tracker.wait(job, LONG, pt.JobState.FAILED)
    assert tracker.job_info(job).job_sub_state == "terminated"


def test_an_action_nobody_knows_is_an_error(kit: Kit, tracker: pt.JobTracker) -> None:
    job = tracker.add_job(kit.sleeper(submit_as_hold=True))
    with pytest.raises(pt.InvalidArgumentException, match="explode"):
        tracker.job_control(job, "explode")
    assert tracker.job_state(job)[0] == pt.JobState.QUEUED_HELD


def test_an_id_nobody_knows_is_undetermined_and_an_error_elsewhere(tracker: pt.JobTracker) -> None:
    assert tracker.job_state("4711")[0] == pt.JobState.UNDETERMINED
    with pytest.raises(pt.InvalidArgumentException):
        tracker.job_info("4711")
    with pytest.raises(pt.InvalidArgumentException):
        tracker.wait("4711", 1, pt.JobState.DONE)
    with pytest.raises(pt.InvalidArgumentException):
        tracker.delete_job("4711")
    with pytest.raises(pt.InvalidArgumentException):
        tracker.job_control("4711", "terminate")


def test_a_wait_for_no_state_is_an_error(kit: Kit, tracker: pt.JobTracker) -> None:
    job = tracker.add_job(kit.sleeper(submit_as_hold=True))
    with pytest.raises(pt.InvalidArgumentException):
        tracker.wait(job, 1)


def test_a_wait_for_what_can_never_be_ends_at_once(kit: Kit, tracker: pt.JobTracker) -> None:
    job = tracker.add_job(kit.script("exit 0"))
    tracker.wait(job, LONG, pt.JobState.DONE)
    for state in (pt.JobState.FAILED, pt.JobState.RUNNING):
        with pytest.raises(pt.InvalidStateException):
            tracker.wait(job, LONG, state)


def test_a_wait_for_done_ends_with_a_failure(kit: Kit, tracker: pt.JobTracker) -> None:
    job = tracker.add_job(kit.script("exit 1"))
    with pytest.raises(pt.InvalidStateException):
        tracker.wait(job, LONG, pt.JobState.DONE)


def test_a_wait_that_times_out_changes_nothing(kit: Kit, tracker: pt.JobTracker) -> None:
    job = tracker.add_job(kit.sleeper())
    tracker.wait(job, LONG, pt.JobState.RUNNING)
    with pytest.raises(pt.TimeoutException):
        tracker.wait(job, 0.1, pt.JobState.DONE)
    assert tracker.job_state(job)[0] == pt.JobState.RUNNING


def test_a_running_job_is_not_deleted(kit: Kit, tracker: pt.JobTracker) -> None:
    job = tracker.add_job(kit.sleeper())
    tracker.wait(job, LONG, pt.JobState.RUNNING)
    with pytest.raises(pt.InvalidStateException):
        tracker.delete_job(job)


def test_categories_are_listed(kit: Kit, tracker: pt.JobTracker) -> None:
    assert bool(tracker.list_job_categories()) is kit.containers
