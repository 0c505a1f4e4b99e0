"""The ten verbs."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from proctracker import JobTemplate, JobTracker
from proctracker.errors import InvalidArgumentException, InvalidStateException, TimeoutException
from proctracker.model import JobState
from proctracker.store import Home
from proctracker.tracker import jobtracker

LONG = 30.0


@pytest.fixture
def tracker(served: Home) -> JobTracker:
    return JobTracker(f"t{uuid4().hex[:8]}")


def sh(code: str, **more: Any) -> dict[str, Any]:
    return {"remote_command": "sh", "args": ["-c", code], **more}


def test_add_list_state_info_delete(tracker: JobTracker) -> None:
    job = tracker.add_job(sh("exit 3"))
    tracker.wait(job, LONG, JobState.FAILED, JobState.DONE)
    assert tracker.list_jobs() == [job]
    assert tracker.job_state(job) == (JobState.FAILED, None)
    info = tracker.job_info(job)
    assert (info.job_id, info.exit_status, info.slots) == (job, 3, 1)
    tracker.delete_job(job)
    assert tracker.list_jobs() == []
    assert tracker.job_state(job) == (JobState.UNDETERMINED, None)
    for verb in (tracker.job_info, tracker.delete_job, lambda name: tracker.wait(name, 1, JobState.DONE)):
        with pytest.raises(InvalidArgumentException, match=f"no job {job}"):
            verb(job)


def test_arrays(tracker: JobTracker) -> None:
    array = tracker.add_array_job(sh("exit 0"), 1, 10, 3, 2)
    tasks = tracker.list_array_jobs(array)
    assert tasks == [f"{array}_{index}" for index in (1, 4, 7, 10)] == tracker.list_jobs()
    for task in tasks:
        tracker.wait(task, LONG, JobState.DONE)
    tracker.delete_job(array)
    for name in (array, "4711", tracker.add_job(sh("exit 0")), "x"):
        with pytest.raises(InvalidArgumentException):
            tracker.list_array_jobs(name)


@pytest.mark.parametrize(
    "indices", [(0, 1, 1), (2, 1, 1), (1, 2, 0), (1, 2, -1), (1.5, 2, 1), (True, 2, 1), (1, 10**7, 1)]
)
def test_arrays_that_are_none(indices: Any) -> None:
    with pytest.raises(InvalidArgumentException):
        jobtracker.indices(*indices)


@pytest.mark.parametrize("parallel", [-1, "2", True, 1.5])
def test_a_parallel_limit_that_is_none(tracker: JobTracker, parallel: Any) -> None:
    with pytest.raises(InvalidArgumentException, match="max_parallel"):
        tracker.add_array_job(sh("exit 0"), 1, 2, 1, parallel)
    assert tracker.list_jobs() == []


def test_controls(tracker: JobTracker) -> None:
    job = tracker.add_job(sh("sleep 600", submit_as_hold=True))
    for action, state in (
        ("release", JobState.RUNNING),
        ("suspend", JobState.SUSPENDED),
        ("resume", JobState.RUNNING),
        ("terminate", JobState.FAILED),
    ):
        tracker.job_control(job, action)
        tracker.wait(job, LONG, state)
        assert tracker.job_state(job)[0] == state
    for action in jobtracker.CONTROLS:
        with pytest.raises(InvalidStateException):
            tracker.job_control(job, action)
    with pytest.raises(InvalidArgumentException, match="no action"):
        tracker.job_control(job, "explode")
    with pytest.raises(InvalidArgumentException, match="no job"):
        tracker.job_control("4711000", "suspend")


def test_controls_of_an_array(tracker: JobTracker) -> None:
    array = tracker.add_array_job(sh("sleep 600", submit_as_hold=True), 1, 3)
    tracker.job_control(f"{array}_2", "release")
    tracker.wait(f"{array}_2", LONG, JobState.RUNNING)
    tracker.job_control(array, "release")
    tracker.job_control(array, "terminate")
    for task in tracker.list_array_jobs(array):
        tracker.wait(task, LONG, JobState.FAILED)
    with pytest.raises(InvalidStateException, match=f"array {array}"):
        tracker.job_control(array, "terminate")


def test_waits(tracker: JobTracker) -> None:
    job = tracker.add_job(sh("exit 0", submit_as_hold=True))
    tracker.wait(job, LONG, JobState.QUEUED_HELD)
    with pytest.raises(TimeoutException):
        tracker.wait(job, 0.05, JobState.DONE)
    with pytest.raises(InvalidArgumentException, match="states"):
        tracker.wait(job, LONG)
    for wrong in ("NIX", 77):
        with pytest.raises(InvalidArgumentException, match="QUEUED_HELD RUNNING"):
            tracker.wait(job, LONG, wrong)  # type: ignore[arg-type]
    tracker.wait(job, LONG, "queued_held")  # type: ignore[arg-type]
    tracker.job_control(job, "release")
    with pytest.raises(InvalidStateException, match="has ended DONE"):
        tracker.wait(job, LONG, JobState.FAILED)
    with pytest.raises(InvalidStateException):
        tracker.wait(job, -1, JobState.RUNNING, JobState.SUSPENDED)


def test_a_running_job_is_not_deleted(tracker: JobTracker) -> None:
    job = tracker.add_job(sh("sleep 600"))
    tracker.wait(job, LONG, JobState.RUNNING)
    with pytest.raises(InvalidStateException):
        tracker.delete_job(job)
    tracker.job_control(job, "terminate")


def test_processes_have_no_categories(tracker: JobTracker) -> None:
    assert tracker.list_job_categories() == []


def test_only_the_contacts_jobs_are_listed(tracker: JobTracker) -> None:
    tracker.add_job(sh("exit 0"))
    assert JobTracker(tracker.session, "podman").list_jobs() == []


def test_templates_are_templates_or_mappings(tracker: JobTracker) -> None:
    template = JobTemplate(sh("exit 0"))
    assert jobtracker.as_template(template) is template
    with pytest.raises(InvalidArgumentException):
        tracker.add_job(["sh"])  # type: ignore[arg-type]


def test_an_unknown_contact_is_told_at_once(served: Home) -> None:
    with pytest.raises(InvalidArgumentException, match="podman"):
        JobTracker("s", "podmann")


def test_ids_may_be_numbers(tracker: JobTracker) -> None:
    job, array = int(tracker.add_job(sh("exit 0"))), int(tracker.add_array_job(sh("exit 0"), 1, 1))
    tracker.wait(job, LONG, JobState.DONE)  # type: ignore[arg-type]
    assert tracker.job_state(job)[0] == tracker.job_info(job).job_state == JobState.DONE  # type: ignore[arg-type]
    assert tracker.list_array_jobs(array) == [f"{array}_1"]  # type: ignore[arg-type]
    tracker.delete_job(job)  # type: ignore[arg-type]
    with pytest.raises(InvalidArgumentException, match=f"no job {job}"):
        tracker.job_control(job, "suspend")  # type: ignore[arg-type]
