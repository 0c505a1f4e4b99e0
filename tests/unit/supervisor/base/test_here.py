"""What all parts of one supervisor share."""

from __future__ import annotations

from proctracker.model import JobRow
from supervising import Desk


def test_a_mark_names_home_job_and_attempt(desk: Desk) -> None:
    assert desk.here.mark(JobRow("7_2", 7, 2, attempt=3)) == f"{desk.home.uuid}/7_2/3"


def test_settings_are_those_told_last(desk: Desk) -> None:
    assert desk.here.settings["idle"] == 5.0
