"""Whether a job that ended is tried again."""

from __future__ import annotations

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
