"""Follows state changes by a callback and by a session's iterator, and records what each is told."""

from __future__ import annotations

import os
import threading
from typing import Any

import proctracker as pt
from model.history import Log

FOLLOWED = "a"
"""The session whose events are iterated over."""


def main(place: dict[str, Any]) -> None:
    """Follow until standard input ends; says ``ready`` once it follows."""
    log = Log(os.path.join(place["folder"], "follower.jsonl"))

    def put(kind: str, told: pt.Notification) -> None:
        state = told.job_state.name
        log.put(kind=kind, job=told.job_id, state=state, sub_state=told.job_sub_state, time=told.time.timestamp())

    pt.register_event_notification(lambda told: put("callback", told))
    session = pt.job_session(FOLLOWED, contact=place["contact"])
    events = session.events()

    def follow() -> None:
        try:
            for told in events:
                put("events", told)
        except Exception as problem:
            log.put(kind="failed", reason=repr(problem))
        else:
            log.put(kind="failed", reason="the iteration ended")

    threading.Thread(target=follow, daemon=True).start()
    print("ready", flush=True)
    while os.read(0, 1):
        pass
    os._exit(0)
