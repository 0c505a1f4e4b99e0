"""Partial timestamps and durations."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from proctracker.compat.drmaa1 import times

NOON = datetime(2026, 2, 28, 12, 0, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("13:30 +00:00", "2026-02-28T13:30:00"),
        ("11:30:05 +00:00", "2026-03-01T11:30:05"),
        ("27 10:00 +00:00", "2026-03-27T10:00:00"),
        ("01/15 10:00 +00:00", "2027-01-15T10:00:00"),
        ("02/29 10:00 +00:00", "2028-02-29T10:00:00"),
        ("25/12/31 23:59 +00:00", "2025-12-31T23:59:00"),
        ("2030/01/02 03:04 -02:00", "2030-01-02T05:04:00"),
        ("2030-01-02T03:04:00Z", "2030-01-02T03:04:00"),
    ],
)
def test_the_soonest_to_come(text: str, expected: str) -> None:
    found = times.stamp(text, NOON).astimezone(timezone.utc)
    assert found.strftime("%Y-%m-%dT%H:%M:%S") == expected


def test_the_present_minute_is_now() -> None:
    assert times.stamp("12:00 +00:00", NOON + timedelta(seconds=30)) == NOON


@pytest.mark.parametrize("text", ["tomorrow", "25:00", "13/45 10:00 +00:00", "02/30 10:00 +00:00", ""])
def test_no_times(text: str) -> None:
    with pytest.raises(ValueError):
        times.stamp(text, NOON)


@pytest.mark.parametrize(("given", "expected"), [(90, 90), ("90", 90), ("2:05", 125), ("1:00:00", 3600)])
def test_seconds(given: object, expected: int) -> None:
    assert times.seconds(given) == expected


@pytest.mark.parametrize("given", ["", "x", "-1", True, "1:2:3:4", 1.5])
def test_no_seconds(given: object) -> None:
    with pytest.raises(ValueError):
        times.seconds(given)
