"""What is done to jobs that a scheduler has."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from mill import Mill
from proctracker.errors import DrmCommunicationException
from proctracker.model import JobState, Observation
from proctracker.model.observation import ended
from proctracker.supervisor.base.jobs import Job
from supervising import Desk

RUNS = Observation(JobState.RUNNING, container_id="7", started=1000.0)


def _job(desk: Desk, mill: Mill, seen: Observation | None = None, **more: Any) -> Job:
    job = desk.submit("x", runtime="mill", contact="mill", runtime_containers=False, **more)
    desk.until(lambda: job.row.container_id, "the submit")
    if seen is not None:
        mill.jobs[job.row.container or ""] = seen
        desk.until(lambda: job.row.state == seen.state)
    return job


def _done(desk: Desk, job: Job, action: str, grace: float = 10.0) -> dict[str, Any]:
    outcome: list[dict[str, Any]] = []
    desk.service.actions.control([job.row.id], action, "SIGTERM", grace, outcome.append)
    desk.until(lambda: outcome, action)
    return outcome[0]


def test_release(desk: Desk, mill: Mill) -> None:
    job = _job(desk, mill, hold=True)
    assert job.row.state == JobState.QUEUED_HELD
    assert _done(desk, job, "release")["errors"] == {}
    assert mill.controls == [("release", ("7",), "SIGTERM")]


def test_a_hold_that_did_nothing_is_told(desk: Desk, mill: Mill) -> None:
    job = _job(desk, mill)
    mill.jobs[job.row.container or ""] = RUNS
    desk.service.batch.looks.pacer.rest()  # it has not been seen to run
    answer = _done(desk, job, "hold")
    assert [*answer["errors"]] == [job.row.id]
    assert job.row.state == JobState.RUNNING


@pytest.mark.parametrize(("denied", "words"), [((), ["suspend"]), (("suspend",), ["suspend", "stop"])])
def test_suspend_by_what_is_allowed(desk: Desk, mill: Mill, denied: tuple[str, ...], words: list[str]) -> None:
    job = _job(desk, mill, RUNS)
    mill.denies = denied
    assert _done(desk, job, "suspend")["errors"] == {}
    assert [action for action, _, _ in mill.controls] == words
    assert job.row.state == JobState.SUSPENDED


def test_what_was_seen_before_it_was_suspended_is_not_told_after(desk: Desk, mill: Mill, tmp_path: Path) -> None:
    job = _job(desk, mill, RUNS)
    for name in ("look", "suspend"):
        os.mkfifo(tmp_path / name)
    mill.slow = {"suspend": str(tmp_path / "suspend")}
    answered: list[Any] = []
    desk.service.actions.control([job.row.id], "suspend", "SIGTERM", 10.0, answered.append)
    desk.until(lambda: mill.controls, "the control")
    mill.slow["look"] = str(tmp_path / "look")
    looked: list[str | None] = []
    desk.service.batch.look_now(looked.append)
    desk.until(lambda: mill.go_on("suspend"), "the control's command")
    desk.until(lambda: answered, "its answer")
    assert (answered[0]["errors"], job.row.state) == ({}, JobState.SUSPENDED)
    desk.until(lambda: mill.go_on("look"), "the look's command")
    del mill.slow["look"]
    desk.until(lambda: looked, "the look")
    assert job.row.state == JobState.SUSPENDED


@pytest.mark.parametrize("action", ["resume", "cont", "release"])
def test_what_let_a_job_go_on_to_its_end_was_done(desk: Desk, mill: Mill, tmp_path: Path, action: str) -> None:
    job = _job(desk, mill, None if action == "release" else RUNS, hold=action == "release")
    if action == "cont":
        mill.denies = ("suspend", "resume")
    if action != "release":
        assert _done(desk, job, "suspend")["errors"] == {}
    os.mkfifo(tmp_path / "answer")
    mill.slow = {action: str(tmp_path / "answer")}
    answered: list[Any] = []
    asked = "release" if action == "release" else "resume"
    desk.service.actions.control([job.row.id], asked, "SIGTERM", 10.0, answered.append)
    desk.until(lambda: mill.controls and mill.controls[-1][0] == action, "the control")
    mill.jobs[job.row.container or ""] = ended(5, started=1000.0, finished=1001.0)
    assert desk.ended(job).exit_status == 5
    desk.until(lambda: mill.go_on(action), "the control's command")
    desk.until(lambda: answered, "its answer")
    assert (answered[0]["errors"], job.row.state) == ({}, JobState.FAILED)


def test_a_resume_of_a_job_that_has_ended_meanwhile_is_refused(desk: Desk, mill: Mill) -> None:
    job = _job(desk, mill, RUNS)
    assert _done(desk, job, "suspend")["errors"] == {}
    mill.jobs[job.row.container or ""] = ended(5, started=1000.0, finished=1001.0)
    assert [*_done(desk, job, "resume")["errors"]] == [job.row.id]
    assert [action for action, _, _ in mill.controls] == ["suspend"]


def test_terminate_one_that_pends(desk: Desk, mill: Mill) -> None:
    job = _job(desk, mill)
    assert _done(desk, job, "terminate")["errors"] == {}
    assert mill.controls == [("cancel", ("7",), "SIGTERM")]
    mill.jobs[job.row.container or ""] = Observation(JobState.FAILED, "cancelled", container_id="7")
    row = desk.ended(job)
    assert (row.state, row.sub_state) == (JobState.FAILED, "terminated")


def test_terminate_one_that_runs_with_our_grace(desk: Desk, mill: Mill) -> None:
    job = _job(desk, mill, RUNS)
    _done(desk, job, "terminate", grace=0.1)
    desk.until(lambda: len(mill.controls) == 3, "the kill")
    assert mill.controls == [
        ("signal", ("7",), "SIGTERM"),
        ("signal", ("7",), "SIGKILL"),
        ("cancel", ("7",), "SIGTERM"),
    ]
    mill.jobs[job.row.container or ""] = Observation(
        JobState.FAILED, "cancelled", terminating_signal="SIGKILL", container_id="7"
    )
    row = desk.ended(job)
    assert (row.sub_state, row.signal) == ("terminated", "SIGKILL")


def test_a_kill_that_the_scheduler_does_not_carry_out_is_tried_again(
    desk: Desk, mill: Mill, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("proctracker.supervisor.control.clocks.LEAST", 0.01)
    job = _job(desk, mill, RUNS)
    _done(desk, job, "terminate", grace=0.05)
    mill.down = "the controller is away"
    desk.until(lambda: job.row.annotation is not None, "the kill that cannot be asked for")
    assert "the controller is away" in (job.row.annotation or "")
    mill.down = ""
    desk.until(lambda: mill.controls[1:], "the kill")
    assert mill.controls[1:] == [("signal", ("7",), "SIGKILL"), ("cancel", ("7",), "SIGTERM")]


@pytest.mark.parametrize(
    ("seen", "calls"),
    [
        (None, [("cancel", ("7",), "SIGTERM")]),
        (RUNS, [("signal", ("7",), "SIGKILL"), ("cancel", ("7",), "SIGTERM")]),
    ],
)
def test_one_that_is_ended_without_grace_is_killed_once(
    desk: Desk, mill: Mill, seen: Observation | None, calls: list[Any]
) -> None:
    job = _job(desk, mill, seen) if seen else _job(desk, mill)
    _done(desk, job, "terminate", grace=0)
    looks = mill.looks
    desk.until(lambda: mill.looks > looks + 1 or desk.again(), "more looks")
    assert mill.controls == calls


@pytest.mark.parametrize("grace", [0.0, 0.05])
def test_a_cancel_of_one_that_waits_that_fails_is_told_and_tried_again(
    desk: Desk, mill: Mill, monkeypatch: pytest.MonkeyPatch, grace: float
) -> None:
    monkeypatch.setattr("proctracker.supervisor.control.clocks.LEAST", 0.01)
    job = _job(desk, mill)
    mill.down = "the controller is away"
    ((_, text),) = _done(desk, job, "terminate", grace=grace)["errors"].values()
    assert "the controller is away" in text
    desk.until(lambda: job.row.annotation is not None, "a try that is noted")
    assert (job.row.sub_state, mill.controls) == ("terminating", [])
    mill.down = ""
    desk.until(lambda: mill.controls, "the cancel")
    assert {words[0] for words in mill.controls} == {"cancel"}


def test_an_id_that_is_another_jobs_by_now_is_not_touched(desk: Desk, mill: Mill) -> None:
    """A controller that was rolled back forgets a job and gives its id to the next one."""
    job = _job(desk, mill, RUNS)
    mill.jobs = {"proctracker-another-2-1": RUNS}
    _done(desk, job, "terminate")
    assert mill.controls == []


def test_what_cannot_be_asked_is_told(desk: Desk, mill: Mill) -> None:
    job = _job(desk, mill, hold=True)
    mill.down = "the controller is away"
    ((kind, text),) = _done(desk, job, "release")["errors"].values()
    assert kind == DrmCommunicationException.__name__
    assert "the controller is away" in text
    assert job.row.state == JobState.QUEUED_HELD


def test_many_in_one_call(desk: Desk, mill: Mill) -> None:
    jobs = [_job(desk, mill, hold=True) for _ in range(3)]
    looks, outcome = mill.looks, []  # type: ignore[var-annotated]
    desk.service.actions.control([job.row.id for job in jobs], "release", "SIGTERM", 10, outcome.append)
    desk.until(lambda: outcome, "release")
    assert [len(ids) for _, ids, _ in mill.controls] == [3]
    assert mill.looks <= looks + 2


def test_one_told_to_end_during_a_look_for_another_that_began_before_it_was_handed_over(
    desk: Desk, mill: Mill, tmp_path: Path
) -> None:
    """Such a look knows nothing of it, and its end was passed over as that of a job which is no more."""
    first = _job(desk, mill)
    desk.until(lambda: desk.service.batch.looks.pacer.fresh, "the look after the submit")
    os.mkfifo(tmp_path / "look")
    mill.slow["look"] = str(tmp_path / "look")
    looks = mill.looks
    desk.service.actions.control([first.row.id], "terminate", "SIGTERM", 10, lambda outcome: None)
    desk.until(lambda: mill.looks > looks, "the look for the first one")
    second, outcome = _job(desk, mill), [{}][:0]
    desk.service.actions.control([second.row.id], "terminate", "SIGTERM", 10, outcome.append)
    desk.until(lambda: mill.go_on("look"), "the look's command")
    del mill.slow["look"]
    desk.until(lambda: outcome, "the answer")
    assert [ids for action, ids, _ in mill.controls if action == "cancel"] == [("7",), ("8",)]


def test_one_that_pends_and_cannot_be_cancelled_is_cancelled_later(
    desk: Desk, mill: Mill, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("proctracker.supervisor.control.clocks.LEAST", 0.01)
    job = _job(desk, mill)
    mill.down = "the controller is away"
    assert [*_done(desk, job, "terminate", grace=0.05)["errors"]] == [job.row.id]
    mill.down = ""
    desk.until(lambda: ("cancel", ("7",), "SIGTERM") in mill.controls, "the cancel")


def test_one_told_to_end_while_it_is_handed_over(desk: Desk, mill: Mill) -> None:
    mill.says = "sleep 0.3; echo 7"
    job = desk.submit("x", runtime="mill", contact="mill", runtime_containers=False)
    desk.until(lambda: job.starting, "the start")
    _done(desk, job, "terminate")
    desk.until(lambda: mill.controls, "the cancel")
    assert mill.controls[0][0] == "cancel"


def test_its_limits_are_its_schedulers(desk: Desk, mill: Mill) -> None:
    mill.hands_over = (*mill.hands_over, "deadline")
    job = _job(desk, mill, RUNS)
    desk.service.actions.end(job, "deadline", signal.SIGTERM, 10, lambda error: None)
    assert job.ending is None
    mill.jobs[job.row.container or ""] = ended(0, container_id="7")
    assert desk.ended(job).state == JobState.DONE


def test_the_deadline_of_one_that_waits_is_ours_too(desk: Desk, mill: Mill) -> None:
    mill.hands_over = (*mill.hands_over, "deadline")
    job = _job(desk, mill)
    assert JobState(job.row.state).queued
    desk.service.actions.end(job, "deadline", signal.SIGTERM, 10, lambda error: None)
    desk.until(lambda: mill.controls, "the cancel")
    assert (mill.controls[0][0], job.ending) == ("cancel", "deadline")


@pytest.mark.parametrize("says", ["sleep 0.3; echo 7", "sleep 0.3; exit 1"])
def test_a_release_waits_for_the_handing_over(desk: Desk, mill: Mill, says: str) -> None:
    mill.says = says
    job = desk.submit("x", runtime="mill", contact="mill", runtime_containers=False, hold=True)
    desk.until(lambda: job.starting, "the start")
    answer = _done(desk, job, "release")
    assert [*answer["errors"]] == ([] if "echo" in says else [job.row.id])
    assert [action for action, _, _ in mill.controls] == (["release"] if "echo" in says else [])
