"""Whether a job that ended is tried again."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from proctracker.model import JobRow
from proctracker.supervisor.base import attempts
from proctracker.supervisor.base.jobs import Job


def _job(attempt: int, retries: int) -> Job:
    return Job(JobRow("1", 1, attempt=attempt), {"retries": retries}, "")


@pytest.mark.parametrize(("attempt", "retries", "code", "why", "reran", "expected"), [
    (1, 2, 1, None, False, "retry 2/3"),
    (3, 2, 1, None, False, None),
    (3, 2, 1, None, True, "retry 3/3"),
    (1, 2, 126, None, False, None),
    (1, 2, 127, None, False, None),
    (1, 2, 0, "time-limit", False, "retry 2/3"),
    (1, 2, 1, "terminated", False, None),
    (1, 2, 1, "deadline", False, None),
])  # fmt: skip
def test_following(attempt: int, retries: int, code: int, why: str | None, reran: bool, expected: str | None) -> None:
    assert attempts.following(_job(attempt, retries), code, why, reran) == expected


@pytest.mark.parametrize(("attempt", "expected"), [(1, "retry 2/2"), (2, "rerun")])
def test_an_attempt_that_was_begun_already(attempt: int, expected: str) -> None:
    assert attempts.begun(_job(attempt, 1)) == expected


@pytest.mark.parametrize(("attempt", "sub_state", "due", "expected"), [
    (1, "retry 1/3", 130.0, None),
    (2, "rerun", 130.0, None),
    (2, "retry 2/3", 130.0, 130.0),
    (2, "retry 2/3", 99.0, None),
    (2, "retry 2/3", 900.0, 160.0),  # another boot's seconds
    (2, "retry 2/3", None, 140.0),  # queued 20 seconds ago
])  # fmt: skip
def test_a_delay_between_attempts(
    monkeypatch: pytest.MonkeyPatch, attempt: int, sub_state: str, due: float | None, expected: float | None
) -> None:
    monkeypatch.setattr(attempts.clock, "boottime", lambda: 100.0)
    monkeypatch.setattr(attempts.time, "time", lambda: 5020.0)
    store: Any = SimpleNamespace(began=lambda name, number: 5000.0)
    job = Job(JobRow("1", 1, attempt=attempt, sub_state=sub_state, due=due), {"retry_delay": 60.0}, "")
    assert attempts.due(job, store) == expected
    none = Job(JobRow("1", 1, attempt=2, sub_state="retry 2/3"), {}, "")
    assert attempts.due(none, store) is None
