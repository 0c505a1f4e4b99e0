"""Attempts that are over, whose output is in a log of its own each (the contract tests follow real ones)."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from proctracker.model import JobRow, JobState
from proctracker.store import Home
from proctracker.tracker import attempts

SPEC = {"runtime_containers": True, "retries": 3}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(str(tmp_path))
    made.prepare()
    return made


def _row(attempt: int, state: JobState, **columns: Any) -> JobRow:
    return JobRow("7", 7, runtime="podman", attempt=attempt, state=int(state), **columns)


def _saved(home: Home, attempt: int) -> Path:
    path = Path(home.kept("7", attempt, "out"))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


@pytest.mark.parametrize(
    ("columns", "number"),
    [
        ({}, 1),
        ({"dispatched": 1.0}, 2),
        ({"dispatched": 1.0, "finished": 2.0, "exit_status": 3}, 2),
        ({"dispatched": 1.0, "finished": 2.0, "exit_status": 127, "annotation": "not found"}, 1),
    ],
)
def test_how_many_have_run(columns: dict[str, Any], number: int) -> None:
    assert attempts.had(_row(2, JobState.REQUEUED, **columns)) == number


def test_what_is_being_saved_is_waited_for(home: Home) -> None:
    saved: list[Path] = []
    (Path(home.kept("7", 1, "out")).parent).mkdir(parents=True, exist_ok=True)
    saving = threading.Timer(0.1, lambda: saved.append(_saved(home, 1)))
    saving.start()
    found = attempts.past(_row(2, JobState.RUNNING, exit_status=3), 1, SPEC, home)
    assert (found.attempt, found.saved, found.ended, found.exit_status, len(saved)) == (1, 1, True, None, 1)
    saving.join()


def test_what_is_never_saved_is_not_waited_for_for_ever(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "_SAVING", 0.05)
    assert attempts.past(_row(2, JobState.RUNNING), 1, SPEC, home).attempt == 1
    monkeypatch.setattr(attempts, "_SAVING", 60)
    assert attempts.past(_row(2, JobState.RUNNING, output="/o"), 1, SPEC, home).saved == 0


@pytest.mark.parametrize(
    ("runtime", "columns", "logged"),
    [("podman", {}, True), ("podman", {"output": "/o"}, False), ("ctr", {}, False), ("podman", {"saved": 1}, True)],
)
def test_where_each_attempt_has_a_log(home: Home, runtime: str, columns: dict[str, Any], logged: bool) -> None:
    row = _row(2, JobState.REQUEUED, **columns)
    row.runtime = runtime
    assert attempts.logged(row, SPEC, home) is logged
