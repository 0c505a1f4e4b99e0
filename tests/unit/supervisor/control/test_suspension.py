"""Suspending by signal: all of a job, or nothing."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from proctracker.errors import Drmaa2Exception
from proctracker.model import JobState
from proctracker.supervisor.base.jobs import Job
from proctracker.supervisor.control import suspension
from proctracker.supervisor.processes import signalling
from supervising import Desk, becomes, state_of

_CHILD = "sleep 600 & echo $! > READY; read x < GATE"


def _ready(desk: Desk, tmp_path: Path, script: str = _CHILD) -> tuple[Job, int]:
    """A job that waits at a gate, and the pid of what it has in the background."""
    ready, gate = tmp_path / "ready", tmp_path / "gate"
    os.mkfifo(ready)
    os.mkfifo(gate)
    job = desk.submit("sh", "-c", script.replace("READY", str(ready)).replace("GATE", str(gate)))
    desk.running(job)
    return job, int(ready.read_text())


def _stop(desk: Desk, job: Job) -> Drmaa2Exception | None:
    told: list[Drmaa2Exception | None] = []
    suspension.Stop(desk.here, desk.service.lifecycle, job, None).begin(told.append)
    desk.until(lambda: told)
    return told[0]


def test_everything_has_stopped_when_it_is_said(desk: Desk, tmp_path: Path) -> None:
    job, child = _ready(desk, tmp_path)
    assert _stop(desk, job) is None
    assert (job.row.state, state_of(job.row.pid or 0), state_of(child)) == (JobState.SUSPENDED, "T", "T")


def test_a_job_that_ends_meanwhile_was_not_suspended(desk: Desk, tmp_path: Path) -> None:
    job, child = _ready(desk, tmp_path)
    (tmp_path / "gate").write_text("go\n")
    assert becomes(job.row.pid or 0, "Z")  # and nobody here has seen it yet
    error = _stop(desk, job)
    assert error is not None
    assert error.message == f"job {job.row.id} is DONE: suspend takes RUNNING"
    assert becomes(child, "SR")
    assert desk.ended(job).state == JobState.DONE


def test_what_is_told_to_end_meanwhile_goes_on_to_its_end(desk: Desk, tmp_path: Path) -> None:
    job, child = _ready(desk, tmp_path)
    told: list[Drmaa2Exception | None] = []
    stop = suspension.Stop(desk.here, desk.service.lifecycle, job, None)
    desk.service.actions.end(job, "deadline", signal.SIGTERM, 600, lambda error: None)
    stop.begin(told.append)
    assert told
    assert told[0] is not None
    assert desk.ended(job).sub_state == "deadline"
    assert state_of(child) not in "T"


def test_what_was_forked_meanwhile_is_stopped_too(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    job, child = _ready(desk, tmp_path)
    real, looks = signalling.members, []

    def members(job: Job, mark: str) -> list[signalling.Identity]:
        looks.append(mark)
        return [each for each in real(job, mark) if len(looks) > 2 or each[0] != child]

    monkeypatch.setattr(signalling, "members", members)
    assert _stop(desk, job) is None
    assert state_of(child) == "T"


def test_what_does_not_stop_goes_on(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    job, child = _ready(desk, tmp_path)
    monkeypatch.setattr(suspension, "FIRST", 0.0)
    monkeypatch.setattr(suspension.Stop, "_moves", staticmethod(lambda pid, ticks: pid == child))
    error = _stop(desk, job)
    assert error is not None
    assert error.message == f"job {job.row.id} was not suspended: its processes do not stop"
    assert job.row.state == JobState.RUNNING
    assert becomes(job.row.pid or 0, "SR")


def test_what_a_job_killed_while_suspended_leaves_goes_on(desk: Desk, tmp_path: Path) -> None:
    job, child = _ready(desk, tmp_path)
    assert _stop(desk, job) is None
    os.kill(job.row.pid or 0, signal.SIGKILL)
    assert desk.ended(job).signal == "SIGKILL"
    assert becomes(child, "SR")
