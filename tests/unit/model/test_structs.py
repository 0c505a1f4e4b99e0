"""What the structures share."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proctracker.errors import InvalidArgumentException
from proctracker.model import JobState, JobTemplate, QueueInfo, moment, nearest, plain


@pytest.mark.parametrize(
    ("word", "expected"),
    [("job_nam", " (did you mean job_name?)"), ("zzz", ""), ("job_name", " (did you mean job_name?)")],
)
def test_nearest(word: str, expected: str) -> None:
    assert nearest(word, ["job_name", "args"]) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (JobState.DONE, "DONE"),
        (timedelta(minutes=1.5), 90.0),
        (datetime(2026, 1, 1, 1, tzinfo=timezone(timedelta(hours=1))), "2026-01-01T00:00:00.000000Z"),
        ({1: (JobState.DONE, None)}, {"1": ["DONE", None]}),
        (QueueInfo("a"), {"name": "a"}),
        ("text", "text"),
    ],
)
def test_plain(value: Any, expected: Any) -> None:
    assert plain(value) == expected


@given(st.floats(0, 2**33))
def test_a_moment_is_aware_and_the_same_second(epoch: float) -> None:
    found = moment(epoch)
    assert found is not None
    assert found.tzinfo is timezone.utc
    assert found.timestamp() == pytest.approx(epoch, abs=1e-5)


def test_no_moment() -> None:
    assert moment(None) is None


def test_a_value_that_is_within_itself_or_too_deep() -> None:
    circle: list[object] = []
    circle.append(circle)
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    for value in (circle, deep):
        for name, told in (("implementation_specific", {"options": value}), ("resource_limits", {"A": value})):
            with pytest.raises(InvalidArgumentException, match=f"^{name}: "):
                JobTemplate({name: told})
