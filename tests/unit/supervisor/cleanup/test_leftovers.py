"""What jobs that were told to end have left."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from proctracker.errors import OutOfResourceException
from proctracker.linux import clock
from proctracker.model import JobRow, JobState
from proctracker.supervisor.base.jobs import Job
from proctracker.supervisor.cleanup import leftovers
from supervising import Desk, gone, state_of

_DAEMON = "setsid sh -c 'trap \"\" TERM; echo $$ > {fifo}; while :; do sleep 0.01; done' & exec sleep 600"


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leftovers, "AT_LEISURE", 0.0)


def _ended(desk: Desk, tmp_path: Path, grace: float, **more: Any) -> tuple[Job, int]:
    """A job that was terminated and is over, and the pid of its daemon, which does not listen."""
    fifo = tmp_path / "pid"
    os.mkfifo(fifo)
    job = desk.submit("sh", "-c", _DAEMON.format(fifo=fifo), **more)
    fd = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    desk.running(job)
    said = b""
    desk.here.loop.watch(fd, lambda: None)
    while not said:
        desk.here.loop.round()
        said = os.read(fd, 99)
    desk.here.loop.forget(fd)
    os.close(fd)
    if grace:
        desk.service.actions.control([job.row.id], "terminate", "SIGTERM", grace, lambda outcome: None)
        desk.ended(job)
    return job, int(said)


def _swept(desk: Desk, job: Job) -> JobRow:
    return desk.until(lambda: desk.row(job).kill_at is None and desk.row(job), "the sweep")


def test_it_is_made_when_the_grace_is_over(desk: Desk, tmp_path: Path) -> None:
    job, daemon = _ended(desk, tmp_path, 0.3)
    assert (desk.service.leftovers.busy, state_of(daemon) in "SRD") == (True, True)
    assert (desk.row(job).kill_at or 0) > clock.boottime() - 0.3
    assert _swept(desk, job).state == JobState.FAILED
    assert gone(daemon)
    assert not desk.service.leftovers.busy


@pytest.mark.parametrize("turn", [0, 1], ids=["keeper too", "supervisor"])
def test_a_killed_supervisors_next_makes_it(old: Desk, follow: Callable[..., Desk], tmp_path: Path, turn: int) -> None:
    job, daemon = _ended(old, tmp_path, 0.5)
    desk = follow(turn)
    assert (len(desk.here.jobs), desk.service.leftovers.busy) == (0, True)
    _swept(desk, job)
    assert gone(daemon)


def test_one_whose_time_has_passed_is_made_at_once(old: Desk, follow: Callable[..., Desk], tmp_path: Path) -> None:
    job, daemon = _ended(old, tmp_path, 600.0)
    job.row.kill_at = 1.0
    old.here.store.update(job.row, ("kill_at",))
    _swept(follow(), job)
    assert gone(daemon)


def test_nothing_is_killed_of_another_boot(old: Desk, follow: Callable[..., Desk], tmp_path: Path) -> None:
    job, daemon = _ended(old, tmp_path, 600.0)
    desk = follow(boot="another")
    _swept(desk, job)
    assert state_of(daemon) in "SRD"


def test_what_left_nothing_calls_for_none(desk: Desk, tmp_path: Path) -> None:
    job = desk.submit("sleep", "600")
    desk.running(job)
    desk.service.actions.control([job.row.id], "terminate", "SIGTERM", 600.0, lambda outcome: None)
    desk.ended(job)
    _swept(desk, job)
    assert not desk.service.leftovers.busy


def test_an_attempt_that_is_followed_by_another_is_swept_too(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("proctracker.supervisor.control.actions.GRACE", 1.5)
    job, daemon = _ended(desk, tmp_path, 0.0, retries=1, retry_delay=600, time_limit=0.3)
    desk.until(lambda: job.row.attempt == 2, "the second attempt")
    assert (job.row.kill_at, desk.service.leftovers.busy) == (None, True)
    desk.until(lambda: not desk.service.leftovers.busy)
    assert gone(daemon)


def test_a_store_that_cannot_be_written_is_left_to_the_next(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[object] = []

    def full(write: object) -> None:
        tried.append(write)
        raise OutOfResourceException("disk full")

    job, daemon = _ended(desk, tmp_path, 0.1)
    monkeypatch.setattr(desk.here.ledger, "accept", full)
    desk.until(lambda: tried, "the try")
    assert gone(daemon)
    assert desk.row(job).kill_at
