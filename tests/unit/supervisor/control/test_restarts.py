"""Ending a container that its engine starts again and again."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from proctracker.errors import InvalidStateException
from proctracker.linux import cgroups
from proctracker.model import JobState, Observation
from proctracker.supervisor.base.jobs import Job
from proctracker.supervisor.control import restarts
from supervising import Boxes, Desk, box

_BETWEEN = Observation(JobState.RUNNING, "restarting")
_RUNNING = Observation(JobState.RUNNING)


@pytest.fixture(autouse=True)
def mine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cgroups, "has_name", lambda pid, name: True)


def _terminated(desk: Desk, boxes: Boxes, policy: str, seen: Observation | None) -> tuple[Job, list[Any]]:
    """A job whose container takes no signal, told to end, and what was answered."""
    given = box()
    given["template"]["implementation_specific"] = {"restart": policy}
    job = desk.submit("x", **given)
    desk.running(job)
    boxes.refuses["kill"] = InvalidStateException("not running")
    if seen is not None:
        boxes.says[job.row.container or ""] = seen
    boxes.asked.clear()
    told: list[Any] = []
    desk.service.actions.control([job.row.id], "terminate", "SIGTERM", 60.0, told.append)
    desk.until(lambda: told)
    return job, told


@pytest.mark.parametrize("seen", [_BETWEEN, _RUNNING])
def test_it_goes_by_force_and_success_is_an_end(desk: Desk, boxes: Boxes, seen: Observation) -> None:
    job, told = _terminated(desk, boxes, "always", seen)
    assert (told[0]["done"], told[0]["errors"]) == (["1"], {})
    row = desk.ended(job)
    assert (row.state, row.sub_state, row.saved) == (JobState.FAILED, "terminated", 1)
    assert boxes.verbs().count("kill") == (1 if seen is _BETWEEN else 4)
    assert boxes.verbs()[-1] == "remove"
    assert Path(desk.home.kept("1", 1, "out")).read_text() == f"output of {row.container}\n"


def test_one_that_cannot_be_removed_has_not_ended(desk: Desk, boxes: Boxes) -> None:
    boxes.stays[desk.home.container("1", 1)] = "busy"
    job, told = _terminated(desk, boxes, "always", _BETWEEN)
    assert "busy" in str(told[0]["errors"]["1"])
    assert (job.row.ended, job.row.saved) == (False, 0)
    assert boxes.verbs().count("remove") == restarts.TRIES


@pytest.mark.parametrize(("policy", "seen"), [("no", _BETWEEN), ("always", None)])
def test_its_end_is_on_its_way(desk: Desk, boxes: Boxes, policy: str, seen: Observation | None) -> None:
    job, told = _terminated(desk, boxes, policy, seen)
    assert (told[0]["errors"], "remove" in boxes.verbs()) == ({}, False)
    assert os.path.exists(f"/proc/{job.row.pid or os.getpid()}")
