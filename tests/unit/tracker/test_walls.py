"""How long jobs have run: on this boot's clock, and not beyond what anybody can know."""

from __future__ import annotations

import os
import time
from typing import Any

import pytest

from proctracker.linux import clock
from proctracker.linux.procfs import boot_id
from proctracker.model import JobRow, JobState, Observation
from proctracker.tracker import walls

HERE = os.uname().nodename


def _row(**columns: Any) -> JobRow:
    now = time.time()
    given = {"dispatched": now - 9, "running_since": now - 5, "since": clock.boottime() - 5, "boot": boot_id()}
    return JobRow("1", 1, state=int(JobState.RUNNING), **{**given, "host": HERE, "ran": 2.0, **columns})


@pytest.mark.parametrize("step", [-3600, 0, 7200])
def test_a_step_of_the_clock_changes_nothing(monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    row, now = _row(), time.time()
    monkeypatch.setattr(time, "time", lambda: now + step)
    assert walls.wall(row) == pytest.approx(7.0, abs=1)
    ended = Observation(JobState.DONE, exit_status=0, finished=now + step - 3)
    assert walls.wall(row, ended) == pytest.approx(4.0, abs=1)


@pytest.mark.parametrize(
    "columns",
    [{"dispatched": None}, {"boot": "another"}, {"unseen": 1}, {"unseen": 1, "running_since": None}],
    ids=["never started", "another boot", "unseen", "unseen, suspended"],
)
def test_what_nobody_knows(columns: dict[str, Any]) -> None:
    assert walls.wall(_row(**columns)) is None


def test_one_that_runs_no_more() -> None:
    assert walls.wall(_row(running_since=None, since=None, boot="another")) == 2.0


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (Observation(JobState.UNDETERMINED, "lost"), None),
        (Observation(JobState.UNDETERMINED, "removed"), None),
        (Observation(JobState.FAILED, exit_status=3), None),
        (Observation(JobState.UNDETERMINED, annotation="the engine is down"), 7.0),
        (Observation(JobState.RUNNING, pid=1), 7.0),
    ],
)
def test_what_a_look_tells(seen: Observation, expected: float | None) -> None:
    found = walls.wall(_row(), seen)
    assert found is None if expected is None else found == pytest.approx(expected, abs=1)


def test_another_hosts_and_an_older_releases_go_by_the_wall_clock() -> None:
    now = time.time()
    assert walls.wall(_row(host="other", since=5e9, boot="another"), now=now) == pytest.approx(7.0, abs=1)
    assert walls.wall(_row(since=None), now=now) == pytest.approx(7.0, abs=1)
