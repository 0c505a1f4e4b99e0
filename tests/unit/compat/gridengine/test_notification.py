"""Notifications of the binding."""

from __future__ import annotations

import queue

from proctracker.compat.gridengine import JobSession, Notification


def test_changes_are_told(js: JobSession) -> None:
    told: queue.Queue[Notification] = queue.Queue()
    Notification.register_event_notification(told.put)
    try:
        job = js.run_job({"remote_command": "true"})
        found = told.get(timeout=30)
        while found.job_id != job.id or found.job_state != "DONE":
            found = told.get(timeout=30)
        assert (found.event, found.session_name) == ("NEW_STATE", js.name)
    finally:
        Notification.unregister_event_notification()
