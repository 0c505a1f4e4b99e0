"""Jobs that a scheduler has, from their submit to their end."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mill import Mill
from proctracker.linux import clock
from proctracker.model import JobState, Observation
from proctracker.model.observation import ended
from proctracker.store import Reader
from proctracker.supervisor.base.jobs import Job
from supervising import Desk


def _submitted(desk: Desk, **more: Any) -> Job:
    job = desk.submit("x", runtime="mill", contact="mill", runtime_containers=False, **more)
    desk.until(lambda: job.row.container_id, "the submit")
    return job


def _seen(desk: Desk, mill: Mill, job: Job, seen: Observation) -> None:
    mill.jobs[job.row.container or ""] = seen


def test_it_pends_runs_and_ends_as_the_scheduler_says(desk: Desk, mill: Mill) -> None:
    job = _submitted(desk)
    desk.until(lambda: job.row.sub_state == "pending:Priority")
    assert job.row.state == JobState.QUEUED
    _seen(desk, mill, job, Observation(JobState.RUNNING, container_id="7", started=1000.0))
    desk.until(lambda: job.row.state == JobState.RUNNING)
    _seen(desk, mill, job, ended(3, started=1000.0, finished=1060.0))
    row = desk.ended(job)
    assert (row.state, row.exit_status, row.ran, row.finished) == (JobState.FAILED, 3, 60.0, row.finished)


def test_a_record_tells_without_a_look(desk: Desk, mill: Mill) -> None:
    job = _submitted(desk)
    mill.down = "no answer"
    mill.record(desk.home.records, job.row.container or "", "running")
    desk.until(lambda: job.row.state == JobState.RUNNING)
    mill.record(desk.home.records, job.row.container or "", "ended 5")
    row = desk.ended(job)
    assert (row.exit_status, row.ran) == (5, 2.5)
    desk.until(lambda: desk.service.batch._records.files.all() == [] or desk.again(), "the record's removal")


def test_of_one_that_may_run_again_the_scheduler_has_to_say_that_too(desk: Desk, mill: Mill) -> None:
    job = _submitted(desk, rerunnable=True)
    _seen(desk, mill, job, Observation(JobState.REQUEUED, "requeued", container_id="7", restart=1))
    mill.record(desk.home.records, job.row.container or "", "ended 5")
    desk.until(lambda: job.row.state == JobState.REQUEUED)
    assert not job.row.ended
    mill.record(desk.home.records, job.row.container or "", "ended 6", restart=1)
    assert desk.ended(job).exit_status == 6


def test_unknown_to_all_for_some_time_is_lost(desk: Desk, mill: Mill) -> None:
    job = _submitted(desk)
    mill.jobs.clear()
    row = desk.ended(job)
    assert (row.state, row.sub_state, row.exit_status) == (JobState.UNDETERMINED, "lost", None)


def test_what_was_told_to_end_and_is_forgotten_at_once_has_been_ended(desk: Desk, mill: Mill) -> None:
    job = _submitted(desk)
    job.ending = "terminating"
    mill.jobs.clear()
    row = desk.ended(job)
    assert (row.state, row.sub_state, row.exit_status) == (JobState.FAILED, "terminated", None)


def test_what_the_scheduler_has_forgotten_the_accounting_tells(desk: Desk, mill: Mill) -> None:
    job = _submitted(desk)
    mill.accounts[job.row.container or ""] = ended(9, started=1000.0, finished=1001.0)
    mill.jobs.clear()
    assert desk.ended(job).exit_status == 9


def test_an_id_of_another_name_is_not_it(desk: Desk, mill: Mill) -> None:
    job = _submitted(desk)
    mill.jobs = {"proctracker-another-1-1": ended(0, container_id=job.row.container_id)}
    assert desk.ended(job).sub_state == "lost"


def test_while_it_cannot_be_asked_nothing_is_lost_and_it_is_said(desk: Desk, mill: Mill) -> None:
    mill.down = "the controller is away"
    job = _submitted(desk)
    told: list[str | None] = []
    desk.service.batch.look(told.append)
    desk.until(lambda: told)
    assert told == ["the controller is away"]
    assert job.row.state == JobState.QUEUED
    mill.down = ""
    _seen(desk, mill, job, ended(0, container_id="7"))
    assert desk.ended(job).state == JobState.DONE


def test_of_what_was_handed_over_just_now_nobody_is_asked(desk: Desk, mill: Mill) -> None:
    job = _submitted(desk)
    told, looks, watch = [""][:0], mill.looks, desk.service.batch
    watch.sightings.had(job, clock.boottime())
    watch.look(told.append, [job])  # type: ignore[arg-type]
    assert (told, mill.looks) == ([None], looks)
    watch.sightings.had(job, clock.boottime() - 100)
    watch.look(told.append, [job])  # type: ignore[arg-type]
    desk.until(lambda: told == [None, None])


def test_who_asks_during_a_look_is_told_of_the_next_one(desk: Desk, mill: Mill, tmp_path: Path) -> None:
    job = _submitted(desk)
    os.mkfifo(tmp_path / "gate")
    told: list[JobState] = []
    desk.until(lambda: desk.service.batch.looks.pacer.fresh, "the look after the submit")
    mill.slow["look"] = str(tmp_path / "gate")
    for _ in range(2):
        desk.service.batch.look_now(lambda wrong: told.append(JobState(job.row.state)))
    looks = mill.looks
    desk.until(lambda: mill.go_on("look"), "the first look")
    desk.until(lambda: mill.looks > looks, "the second look")
    _seen(desk, mill, job, Observation(JobState.RUNNING, container_id="7", started=1000.0))
    desk.until(lambda: mill.go_on("look"), "the second look's command")
    del mill.slow["look"]
    desk.until(lambda: len(told) == 2, "both")
    assert told == [JobState.QUEUED, JobState.RUNNING]


def test_an_end_that_another_host_has_brought_about_needs_no_look(desk: Desk, mill: Mill) -> None:
    job = _submitted(desk)
    desk.until(lambda: desk.here.ledger.clean)
    mill.down = "no answer"
    desk.service.batch._notes.tell_to_end(job.row)
    mill.record(desk.home.records, job.row.container or "", "killed")
    row = desk.ended(job)
    assert (row.state, row.sub_state, row.signal) == (JobState.FAILED, "terminated", "SIGTERM")


def test_an_ended_row_never_opens_again(desk: Desk, mill: Mill) -> None:
    job = _submitted(desk)
    _seen(desk, mill, job, ended(1, container_id="7"))
    desk.ended(job)
    _seen(desk, mill, job, Observation(JobState.REQUEUED, "requeued", restart=1))
    desk.service.batch._apply(job, Observation(JobState.RUNNING))
    assert desk.row(job).state == JobState.FAILED


def test_why_it_pends_is_no_event(desk: Desk, mill: Mill) -> None:
    job = _submitted(desk)
    for why in ("pending:Resources", "never:PartitionTimeLimit"):
        _seen(desk, mill, job, Observation(JobState.QUEUED, why, container_id="7"))
        desk.until(lambda why=why: job.row.sub_state == why)  # type: ignore[misc]
    desk.until(lambda: desk.here.ledger.clean)
    assert len(Reader(desk.home).transitions()) == 1


def test_what_nobody_needs_here_is_left_alone(desk: Desk, mill: Mill) -> None:
    job, again = _submitted(desk), _submitted(desk, retries=1)
    assert desk.service.batch.left_alone(job)
    assert not desk.service.batch.left_alone(again)
    job.ending = "terminating"
    assert not desk.service.batch.left_alone(job)


def test_a_later_supervisor_goes_on(desks: Callable[..., Desk], mill: Mill) -> None:
    first = desks()
    job = _submitted(first)
    first.until(lambda: first.here.ledger.clean)
    first.close(kill=False)
    second = desks(seat=first.seat).recover()
    taken = second.taken(job)
    assert not second.service.queue.paused
    _seen(second, mill, taken, ended(4, container_id="7"))
    assert second.ended(taken).exit_status == 4


@pytest.mark.parametrize("taken_by_it", [True, False])
def test_a_submit_that_was_killed_is_looked_for_first(
    desks: Callable[..., Desk], mill: Mill, taken_by_it: bool
) -> None:
    first = desks()
    mill.says = "exec sleep 100"
    mill.forgets = not taken_by_it
    job = first.submit("x", runtime="mill", contact="mill", runtime_containers=False)
    first.until(lambda: len(first.service.calls) == 1)
    command = next(iter(first.service.calls._running))
    first.close(kill=False)
    os.kill(command, signal.SIGKILL)
    mill.says, mill.forgets = "echo 7", False
    second = desks(seat=first.seat).recover()
    again = second.taken(job)
    second.until(lambda: again.row.container_id, "the submit")
    assert len(mill.submitted_ones) == (1 if taken_by_it else 2)
    assert len(mill.jobs) == 1
