"""Notifications of the Grid Engine DRMAA2 binding."""

from __future__ import annotations

from typing import Any, Callable

from proctracker.compat.gridengine.drmaa2_constants import Event, JobState
from proctracker.compat.gridengine.drmaa2_exceptions import translated
from proctracker.compat.gridengine.drmaa2_object import Drmaa2Object, Named, Pairs, Text
from proctracker.sessions import functions


class Notification(Drmaa2Object):
    """A change of a job's state."""

    event, job_state = Named(Event), Named(JobState)
    session_name, job_id = Text(), Text()
    implementation_specific = Pairs()

    @classmethod
    def register_event_notification(cls, callback: Callable[[Notification], Any]) -> None:
        """Have a function called with every change."""

        def told(found: Any) -> None:
            values = {name: getattr(found, name) for name in ("event", "job_state", "session_name", "job_id")}
            callback(cls({name: value for name, value in values.items() if value is not None}))

        with translated():
            functions.register_event_notification(told)

    @classmethod
    def unregister_event_notification(cls) -> None:
        """Have it called no longer."""
        with translated():
            functions.register_event_notification(None)
