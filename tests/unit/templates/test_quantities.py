"""DURATION, TIME, SIZE and ranges."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta, timezone
from typing import Any, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proctracker.errors import InvalidArgumentException
from proctracker.templates import quantities

_NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (90, 90),
        (1.5, 1.5),
        ("90", 90),
        ("90s", 90),
        (" 10M ", 600),
        ("2h", 7200),
        ("1d", 86400),
        ("1.5h", 5400),
        ("2h30m", 9000),
        ("1d1s", 86401),
        ("1:30:00", 5400),
        ("0:00:01.5", 1.5),
        ("0", 0),
    ],
)
def test_duration(text: Any, seconds: float) -> None:
    assert quantities.duration(text) == seconds


@pytest.mark.parametrize("text", ["1:30", " 01:30 ", "90:00", "1:30.5"])
def test_two_parts_are_refused_for_they_may_mean_minutes_or_hours(text: str) -> None:
    for read in (quantities.duration, lambda given, what: quantities.moment(f"+{given}", _NOW, what)):
        with pytest.raises(InvalidArgumentException, match=r"^--time-limit: .*H:MM:SS.*90s"):
            read(text, "--time-limit")


@given(st.integers(0, 999), st.integers(0, 59), st.integers(0, 59))
def test_a_duration_spelled_with_units_or_colons_is_the_same(h: int, m: int, s: int) -> None:
    assert quantities.duration(f"{h}h{m}m{s}s") == quantities.duration(f"{h}:{m:02}:{s:02}") == h * 3600 + m * 60 + s


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        (5, 5.0),
        (5.5, 5.5),
        (-2, _NOW),
        ("now", _NOW),
        ("+10m", _NOW + 600),
        ("2026-01-31T18:00Z", 1769882400.0),
        ("2026-01-31T18:00:00.5z", 1769882400.5),
        ("2026-01-31T20:00:00+02:00", 1769882400.0),
        (datetime(2026, 1, 31, 18, tzinfo=timezone.utc), 1769882400.0),
        ("2026-01-31T18:00", datetime(2026, 1, 31, 18).timestamp()),
        ("2026-01-31", datetime(2026, 1, 31).timestamp()),
    ],
)
def test_moment(given: Any, seconds: float) -> None:
    assert quantities.moment(given, _NOW) == seconds


@given(st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1), timezones=st.just(timezone.utc)))
def test_a_time_we_write_is_the_time_we_read(when: datetime) -> None:
    text = quantities.iso(when.timestamp())
    assert len(text) == len("2026-01-31T18:00:00.000000Z")
    assert abs(quantities.moment(text, _NOW) - when.timestamp()) < 2e-6


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1048576", 2**20),
        (16, 16),
        ("16M", 16 * 2**20),
        ("2g", 2 * 2**30),
        ("1.5GiB", 3 * 2**29),
        ("512K", 2**19),
        ("1kb", 1024),
        ("7b", 7),
        ("1T", 2**40),
    ],
)
def test_size(text: Any, expected: int) -> None:
    assert quantities.size(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1-3", [1, 2, 3]),
        ("1-10:4", [1, 5, 9]),
        ("3,7,12-14", [3, 7, 12, 13, 14]),
        ("5, 2", [5, 2]),
        ("7", [7]),
        (4, [4]),
    ],
)
def test_indices(text: Any, expected: list[int]) -> None:
    assert quantities.indices(text) == expected


@given(st.integers(1, 5000), st.integers(0, 5000), st.integers(1, 99))
def test_a_range_is_pythons_with_its_end(first: int, more: int, step: int) -> None:
    assert quantities.indices(f"{first}-{first + more}:{step}") == list(range(first, first + more + 1, step))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is no range: give 1-10"),
        ("a-b", "is no range"),
        ("1,,2", "is no range"),
        ("0-3", "tasks count from 1, upwards"),
        ("5-3", "tasks count from 1, upwards"),
        ("1-5:0", "tasks count from 1, upwards"),
        ("1-3,2", "names a task twice"),
        ("1-1000001", "at most 1000000 tasks"),
        ("1-99999999999999", "at most 1000000 tasks"),
        ("1-1000000,2000000-2000001", "at most 1000000 tasks"),
        ("99999999999999", "the last number is 2147483647"),
    ],
)
def test_no_range(text: str, words: str) -> None:
    with pytest.raises(InvalidArgumentException, match=words):
        quantities.indices(text)


@pytest.mark.parametrize("given", ["", "soon", "-5", True, None, "1h30", "1:2:3:4", "h", "5 s", [], "nan", "1e3"])
@pytest.mark.parametrize(
    ("convert", "words"),
    [
        (lambda value: quantities.duration(value, "x"), "x: .* is no duration: give seconds, or 90s"),
        (lambda value: quantities.size(value, "x"), "x: .* is no size: give bytes, or 512K"),
        (lambda value: quantities.moment(f"+{value}", _NOW, "x"), "x: .* is no duration"),
        (
            lambda value: quantities.moment(None if value is True else str(value) + "T", _NOW, "x"),
            "x: .* is no time: give ISO",
        ),
    ],
)
def test_what_means_nothing_is_named(convert: Callable[[Any], Any], words: str, given: Any) -> None:
    with pytest.raises(InvalidArgumentException, match=words):
        convert(given)


@given(st.text())
def test_any_text_is_understood_or_refused(text: str) -> None:
    for convert in (
        quantities.duration,
        quantities.size,
        quantities.indices,
        lambda value: quantities.moment(value, _NOW),
    ):
        with suppress(InvalidArgumentException):
            assert convert(text) is not None


def test_a_timedelta_is_no_moment_but_its_text_is() -> None:
    assert quantities.moment(f"+{timedelta(hours=1).total_seconds():f}", _NOW) == _NOW + 3600


@pytest.mark.parametrize("given", [float("nan"), float("inf"), 1e300, 10**30, -(10**30), datetime.min])
def test_times_nobody_can_tell(given: Any) -> None:
    with pytest.raises(InvalidArgumentException, match="is no time"):
        quantities.moment(given, _NOW)
