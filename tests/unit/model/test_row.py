"""A job's record."""

from __future__ import annotations

from proctracker.model import JobRow, JobState


def test_a_new_row_is_queued() -> None:
    row = JobRow("43_1", 43, 1)
    assert row.state == JobState.QUEUED
    assert not row.ended
    assert (row.session, row.keeper, row.attempt, row.slots, row.command) == ("default", "main", 1, 1, "[]")


def test_what_was_lost_has_ended_too() -> None:
    row = JobRow("1", 1, state=int(JobState.UNDETERMINED), sub_state="lost", finished=5.0)
    assert row.ended
