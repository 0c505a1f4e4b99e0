"""Handing jobs over: once or not at all."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest

from mill import Mill
from proctracker.model import JobState
from supervising import Desk


def _spec(**more: Any) -> dict[str, Any]:
    return {"runtime": "mill", "contact": "mill", "runtime_containers": False, **more}


def test_the_row_says_so_before_the_command_is_made(desk: Desk, mill: Mill) -> None:
    database = desk.home.database
    query = "import sqlite3,sys; print(sqlite3.connect(sys.argv[1]).execute('select container from jobs').fetchall())"
    mill.says = f'/usr/bin/env python3 -c "{query}" {database} >{desk.home.path}/seen; echo 7'
    job = desk.submit("x", **_spec())
    desk.until(lambda: job.row.container_id, "the submit")
    with open(f"{desk.home.path}/seen") as file:
        assert job.row.container is not None
        assert job.row.container in file.read()


def test_what_is_private_goes_with_the_command(desk: Desk, mill: Mill) -> None:
    job = desk.submit("x", **_spec())
    desk.until(lambda: job.row.container_id, "the submit")
    assert os.listdir(desk.home.starts) == []
    assert os.stat(desk.home.records).st_mode & 0o777 == 0o700


def test_an_array_is_one_submission(desk: Desk, mill: Mill) -> None:
    first = desk.submit("x", **_spec(max_parallel=2, over=True), indices=[1, 2, 5], items=["a", "b", "c"])
    jobs = [*desk.here.jobs.task_jobs(first.row.num)]
    desk.until(lambda: all(job.row.container_id for job in jobs), "the submit")
    (submission,) = mill.submitted_ones
    assert [(task.job_id, task.index, task.item) for task in submission.tasks] == [
        (f"{first.row.num}_{index}", index, item) for index, item in ((1, "a"), (2, "b"), (5, "c"))
    ]
    assert submission.throttle == 2
    assert [job.row.container_id for job in jobs] == ["7_1", "7_2", "7_5"]
    assert len({job.row.container for job in jobs}) == 3


def test_where_nothing_is_bounded_nobody_else_is_looked_for_a_task(
    desk: Desk, mill: Mill, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[None] = []
    real = desk.service.queue.others
    monkeypatch.setattr(desk.service.queue, "others", lambda: (looks.append(None), real())[1])
    first = desk.submit("x", **_spec(), indices=list(range(1, 101)))
    jobs = [*desk.here.jobs.task_jobs(first.row.num)]
    desk.until(lambda: all(job.row.container_id for job in jobs), "the submit")
    assert len(looks) < 5


def test_where_slots_are_counted_no_more_are_handed_over(desk: Desk, mill: Mill) -> None:
    first = desk.submit("x", **_spec(max_parallel=2), indices=[1, 2, 3, 4, 5], max_running=3)
    jobs = [*desk.here.jobs.task_jobs(first.row.num)]
    desk.until(lambda: sum(1 for job in jobs if job.row.container_id) == 2, "the submit")
    assert mill.submitted_ones[0].throttle is None
    assert [len(each.tasks) for each in mill.submitted_ones] == [2]


@pytest.mark.parametrize("held", [True, False])
def test_hold_and_start_time_are_the_schedulers(desk: Desk, mill: Mill, held: bool) -> None:
    job = desk.submit("x", **_spec(hold=held, start_time=4e9, deadline=5e9, time_limit=60.0))
    desk.until(lambda: job.row.container_id, "the submit")
    (submission,) = mill.submitted_ones
    assert (submission.held, submission.begin) == (held, 4e9)
    assert (submission.deadline, submission.time_limit) == (5e9, 60.0)


def test_one_that_is_refused_never_started(desk: Desk, mill: Mill) -> None:
    mill.says, mill.forgets = "echo invalid partition >&2; exit 1", True
    row = desk.ended(desk.submit("x", **_spec(retries=3)))
    assert (row.state, row.exit_status, row.sub_state) == (JobState.FAILED, 125, "start-failed")
    assert (row.annotation, row.attempt, len(mill.submitted_ones)) == ("invalid partition", 1, 1)


def test_one_that_is_put_off_says_why_and_is_tried_again(desk: Desk, mill: Mill) -> None:
    mill.says, mill.forgets = "echo too many jobs >&2; exit 2", True
    job = desk.submit("x", **_spec())
    desk.until(lambda: job.row.annotation == "too many jobs")
    assert job.row.state == JobState.QUEUED
    mill.says, mill.forgets = "echo 7", False
    desk.until(lambda: job.row.container_id, "another try")
    assert len(mill.jobs) == 1


def test_one_that_was_cut_off_and_made_all_the_same_is_found(desk: Desk, mill: Mill) -> None:
    mill.says = "echo timed out >&2; exit 3"
    job = desk.submit("x", **_spec())
    desk.until(lambda: job.row.container_id, "the look")
    assert len(mill.submitted_ones) == 1


def test_standard_input_that_is_no_file_cannot_travel(desk: Desk, mill: Mill) -> None:
    read, write = os.pipe()
    os.close(write)
    row = desk.ended(desk.submit("x", **_spec(stdin="passed"), stdin_fd=read))
    assert row.exit_status == 125
    assert mill.submitted_ones == []


def test_nothing_of_a_users_is_in_the_row_twice(desk: Desk, mill: Mill) -> None:
    job = desk.submit("x", "it's", **_spec(output="/tmp/o", join=True))
    desk.until(lambda: job.row.container_id, "the submit")
    (task,) = mill.submitted_ones[0].tasks
    assert (list(task.command), task.output, task.error) == (json.loads(job.row.command), "/tmp/o", None)
