"""Jobs of another host that shares the home."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mill import Mill
from proctracker.model import JobState, Observation
from proctracker.model.observation import ended
from proctracker.store import Home
from proctracker.supervisor.base.jobs import Job
from supervising import Desk

RUNS = Observation(JobState.RUNNING, container_id="7", started=1000.0)


@pytest.fixture
def other(desk: Desk, tmp_path: Path) -> Iterator[Desk]:
    """Another host's supervisor."""
    made = Desk(Home(str(tmp_path / "state"), "other"))
    yield made
    made.close(kill=False)


def _handed(desk: Desk, mill: Mill, **more: Any) -> Job:
    job = desk.submit("x", runtime="mill", contact="mill", runtime_containers=False, **more)
    desk.until(lambda: job.row.container_id and desk.here.ledger.clean, "the submit")
    return job


def _guest(other: Desk, job: Job) -> Job:
    other.service.guests.take([job.row.id])
    found = other.service.guests.find(job.row.id)
    assert found is not None
    return found


def test_it_is_followed_and_its_row_is_left_to_its_own_host(desk: Desk, other: Desk, mill: Mill) -> None:
    job = _handed(desk, mill)
    guest = _guest(other, job)
    mill.jobs[job.row.container or ""] = RUNS
    other.until(lambda: guest.row.state == JobState.RUNNING)
    mill.jobs[job.row.container or ""] = ended(3, started=1000.0, finished=1004.0)
    other.until(lambda: guest.row.ended)
    assert (guest.row.state, guest.row.exit_status, guest.row.ran) == (JobState.FAILED, 3, 4.0)
    assert desk.row(job).finished is None
    assert other.here.store.jobs([job.row.id]) == []


def test_an_end_that_only_another_host_has_seen_is_known(desk: Desk, other: Desk, mill: Mill) -> None:
    """It left no record, and the scheduler forgets within seconds."""
    job = _handed(desk, mill)
    guest = _guest(other, job)
    mill.jobs[job.row.container or ""] = ended(5, started=1000.0, finished=1001.0)
    other.until(lambda: guest.row.ended)
    mill.jobs.clear()
    assert desk.ended(job).exit_status == 5


def test_told_to_end_from_there_it_was_terminated(desk: Desk, other: Desk, mill: Mill) -> None:
    job = _handed(desk, mill)
    guest = _guest(other, job)
    outcome: list[dict[str, Any]] = []
    other.service.actions.control([job.row.id], "terminate", "SIGTERM", 10, outcome.append)
    other.until(lambda: outcome, "terminate")
    assert outcome[0]["done"] == [job.row.id]
    assert mill.controls == [("cancel", ("7",), "SIGTERM")]
    mill.jobs[job.row.container or ""] = Observation(JobState.FAILED, "cancelled", container_id="7")
    other.until(lambda: guest.row.ended)
    assert guest.row.sub_state == "terminated" == desk.ended(job).sub_state


def test_records_are_left_for_its_own_host(desk: Desk, other: Desk, mill: Mill) -> None:
    job = _handed(desk, mill)
    guest = _guest(other, job)
    mill.record(desk.home.records, job.row.container or "", "ended 4")
    other.until(lambda: guest.row.ended)
    assert guest.row.exit_status == 4
    assert desk.ended(job).exit_status == 4


def test_another_attempt_is_its_own_hosts(desk: Desk, other: Desk, mill: Mill, monkeypatch: pytest.MonkeyPatch) -> None:
    from proctracker.supervisor.control import guests

    monkeypatch.setattr(guests, "AGAIN", 0.05)
    job = _handed(desk, mill, retries=1)
    guest = _guest(other, job)
    mill.jobs[job.row.container or ""] = ended(5, started=1000.0, finished=1001.0)
    desk.until(lambda: job.row.attempt == 2 and job.row.container_id and desk.here.ledger.clean, "another attempt")
    mill.jobs[job.row.container or ""] = ended(0, started=1000.0, finished=1001.0)
    desk.ended(job)
    other.until(lambda: guest.row.ended or other.again())
    assert (guest.row.state, guest.row.attempt) == (JobState.DONE, 2)


def test_what_no_scheduler_has_is_no_guest(desks: Callable[..., Desk], desk: Desk, other: Desk, mill: Mill) -> None:
    job = desk.submit("sleep", "100")
    desk.running(job)
    other.service.guests.take([job.row.id, "999"])
    assert other.service.guests.find(job.row.id) is None
