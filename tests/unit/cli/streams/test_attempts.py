"""Attempts whose output is in a log of its own each (the contract tests follow real ones)."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from proctracker.cli.streams import attempts, output
from proctracker.errors import InvalidArgumentException
from proctracker.model import JobRow, JobState
from proctracker.store import Home


@pytest.fixture
def access(tmp_path: Path) -> SimpleNamespace:
    home = Home(str(tmp_path))
    home.prepare()
    spec = {"runtime_containers": True, "retries": 3}
    return SimpleNamespace(home=home, home_of=lambda row: home, spec=lambda row: spec)


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


@pytest.mark.parametrize(
    ("columns", "which", "shown"),
    [
        ({"attempt": 1}, None, [1]),
        ({"attempt": 1}, "all", [1]),
        ({"attempt": 3}, None, [2]),
        ({"attempt": 3}, "all", [1, 2]),
        ({"attempt": 3, "dispatched": 1.0}, None, [3]),
        ({"attempt": 3, "dispatched": 1.0}, "all", [1, 2, 3]),
        ({"attempt": 3, "dispatched": 1.0}, "2", [2]),
        ({"attempt": 3, "dispatched": 1.0}, "3", [3]),
        ({"attempt": 2, "finished": 5.0}, None, [1]),
        ({"attempt": 2, "finished": 5.0, "annotation": "not found", "exit_status": 127}, None, [1, 2]),
        ({"attempt": 2, "finished": 5.0, "annotation": "not found", "exit_status": 127}, "2", [2]),
        ({"attempt": 1, "finished": 5.0, "annotation": "not found", "exit_status": 127}, None, [1]),
    ],
)
def test_the_newest_that_has_run_is_wanted_or_another(
    access: SimpleNamespace, columns: dict[str, object], which: str | None, shown: list[int]
) -> None:
    row = JobRow("7", 7, state=int(JobState.REQUEUED), **columns)  # type: ignore[arg-type]
    access.spec = lambda row: {}
    assert [each.attempt for each in attempts.wanted(access, row, which)] == shown


@pytest.mark.parametrize(("dispatched", "which", "words"), [(None, "1", "not run yet"), (1.0, "2", "it has had 1")])
def test_an_attempt_that_was_none(access: SimpleNamespace, dispatched: float | None, which: str, words: str) -> None:
    row = JobRow("7", 7, dispatched=dispatched)
    with pytest.raises(InvalidArgumentException, match=rf"^job 7 has no attempt {which}: .*{words}"):
        attempts.wanted(access, row, which)
