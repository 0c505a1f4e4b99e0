"""Whose record it is, and of which run."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mill import Mill
from proctracker.model import JobRow
from proctracker.supervisor.base.jobs import Job
from proctracker.supervisor.running.jobrecords import JobRecords
from supervising import Desk


@pytest.fixture
def job(mill: Mill) -> Job:
    return Job(JobRow("1", 1, runtime="mill", container="proctracker-x-1-1"), {}, "")


@pytest.fixture
def came() -> list[Job]:
    return []


@pytest.fixture
def records(desk: Desk, tmp_path: Path, came: list[Job]) -> JobRecords:
    os.mkdir(tmp_path / "records")
    return JobRecords(desk.here.loop, str(tmp_path / "records"), came.append)


def test_the_newest_run_counts_from_its_record_on(records: JobRecords, mill: Mill, job: Job, came: list[Job]) -> None:
    records.expect(job)
    assert (records.last(job), records.newest(job)) == (None, None)
    mill.record(records.files.folder, "proctracker-x-1-1", "ended 3")
    records.look()
    first = records.newest(job)
    assert first is not None
    assert (first.exit_status, records.last(job), came) == (3, first, [job])
    mill.record(records.files.folder, "proctracker-x-1-1", "running", restart=1)
    newest = records.newest(job)
    assert newest is not None
    assert not newest.state.ended
    mill.record(records.files.folder, "proctracker-x-1-1", "ended 4", restart=0)
    assert records.last(job) == newest  # another end of the run before says nothing of this one
    assert records.forget(job) == [f"proctracker-x-1-1.{number}" for number in (0, 1, 2)]


def test_others_and_what_is_over_are_passed_over(records: JobRecords, mill: Mill, job: Job, came: list[Job]) -> None:
    records.expect(job)
    mill.record(records.files.folder, "proctracker-x-2-1", "ended 3")
    records.look()
    records.forget(job)
    mill.record(records.files.folder, "proctracker-x-1-1", "ended 3")
    records.look()
    assert came == []
