"""Filters."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from proctracker.errors import InvalidArgumentException
from proctracker.model import JobInfo, JobState
from proctracker.sessions import filters

WHEN = datetime(2026, 1, 2, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({}, {}),
        ({"job_state": "running"}, {"job_state": JobState.RUNNING}),
        ({"job_state": 7}, {"job_state": JobState.DONE}),
        ({"job_id": 42}, {"job_id": "42"}),
        ({"wallclock_time": timedelta(minutes=1)}, {"wallclock_time": 60.0}),
        ({"submission_time": WHEN}, {"submission_time": WHEN}),
        ({"submission_time": WHEN.timestamp()}, {"submission_time": WHEN}),
        ({"submission_time": "2026-01-02T00:00:00Z"}, {"submission_time": WHEN}),
        ({"finish_time": WHEN.astimezone().replace(tzinfo=None)}, {"finish_time": WHEN}),
        ({"allocated_machines": "h"}, {"allocated_machines": ["h"]}),
        (JobInfo(slots=1), {"slots": 1}),
    ],
)
def test_what_is_asked_for(given: Any, wanted: dict[str, Any]) -> None:
    assert filters.wanted(given) == wanted


@pytest.mark.parametrize(
    "given", [{"jobid": 1}, {"job_state": "X"}, {"job_state": 99}, {"finish_time": "soon"}, 5, "x"]
)
def test_filters_that_are_none(given: Any) -> None:
    with pytest.raises(InvalidArgumentException):
        filters.wanted(given)
