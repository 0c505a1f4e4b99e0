"""TERM and HUP."""

from __future__ import annotations

import pytest

from proctracker.model import JobState
from proctracker.supervisor.control import stopping
from supervising import Desk


def test_nothing_begins_until_it_was_no_logout(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    held = desk.submit("true", hold=True)
    desk.service.stopping.stop()
    assert (desk.service.queue.paused, desk.service.idle.hurried) == (True, True)
    monkeypatch.setattr(stopping, "PATIENCE", 0.0)
    desk.service.stopping.stop()
    desk.until(lambda: not desk.service.queue.paused)
    assert not desk.service.idle.hurried
    desk.service.actions.control([held.row.id], "release", "SIGTERM", 0.0, lambda outcome: None)
    assert desk.ended(held).state == JobState.DONE


def test_who_submits_lets_jobs_go_on(desk: Desk) -> None:
    desk.service.stopping.stop()
    assert desk.ended(desk.submit("true")).state == JobState.DONE
