"""Marks of what belongs to a job."""

from __future__ import annotations

from proctracker.model import JobRow
from proctracker.model.marks import group_name


def test_a_group_is_named_after_job_and_attempt() -> None:
    assert group_name(JobRow("3", 3, attempt=2)) == "job-3.2"
