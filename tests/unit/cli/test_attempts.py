"""Attempts whose output is in a log of its own each (the contract tests follow real ones)."""

from __future__ import annotations

import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

from proctracker.cli import attempts, output
from proctracker.model import JobRow, JobState
from proctracker.store import Home


@pytest.fixture
def access(tmp_path: Path) -> SimpleNamespace:
    home = Home(str(tmp_path))
    home.prepare()
    return SimpleNamespace(home=home, spec=lambda row: {"runtime_containers": True, "retries": 3})


def _row(attempt: int, state: JobState, **columns: object) -> JobRow:
    return JobRow("7", 7, runtime="podman", attempt=attempt, state=int(state), **columns)  # type: ignore[arg-type]


def _saved(access: SimpleNamespace, attempt: int) -> Path:
    path = Path(output.kept(access.home, "7", attempt, "stdout", {}))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def test_the_present_one_counts_once_it_has_begun(access: SimpleNamespace) -> None:
    assert [row.attempt for row in attempts.since(access, _row(1, JobState.RUNNING), 0)] == [1]
    _saved(access, 1)
    found = list(attempts.since(access, _row(2, JobState.REQUEUED), 0))
    assert [(row.attempt, row.container, row.saved, row.ended) for row in found] == [
        (1, access.home.container("7", 1), 1, True)
    ]
    ended = _row(2, JobState.FAILED, finished=2.0)
    assert [row.attempt for row in attempts.since(access, ended, 1)] == [2]


def test_what_is_being_saved_is_waited_for(access: SimpleNamespace) -> None:
    saved: list[Path] = []
    saving = threading.Timer(0.1, lambda: saved.append(_saved(access, 1)))
    saving.start()
    first = next(attempts.since(access, _row(2, JobState.RUNNING), 0))
    assert (first.attempt, len(saved)) == (1, 1)
    saving.join()


def test_what_is_never_saved_is_not_waited_for_for_ever(
    access: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts, "_SAVING", 0.05)
    assert [row.attempt for row in attempts.since(access, _row(2, JobState.RUNNING), 0)] == [1, 2]


@pytest.mark.parametrize(
    ("runtime", "columns", "logged"),
    [("podman", {}, True), ("podman", {"output": "/o"}, False), ("ctr", {}, False), ("podman", {"saved": 1}, True)],
)
def test_where_each_attempt_has_a_log(
    access: SimpleNamespace, runtime: str, columns: dict[str, object], logged: bool
) -> None:
    row = _row(2, JobState.REQUEUED, **columns)
    row.runtime = runtime
    assert attempts.logged(access, row) is logged
