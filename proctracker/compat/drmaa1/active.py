"""The active session, of which DRMAA 1 has one at a time in a process."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

from proctracker.compat.drmaa1 import errors

if TYPE_CHECKING:
    from proctracker.sessions.job import Job
    from proctracker.sessions.jobsession import JobSession

DEFAULT_SESSION = "default"


class Active:
    """Holds a session between ``initialize`` and ``exit``, and its jobs not waited for."""

    def __init__(self, session: JobSession) -> None:
        self.session = session
        self.contact = session.contact
        self.jobs: dict[str, Job] = {}

    def job(self, name: str) -> Job:
        """Return a job of the session by its id, whoever submitted it.

        Raises InvalidJobException for one that is unknown, or reaped.
        """
        found = self.jobs.get(name)
        if found is None:
            with errors.translated(InvalidArgument=errors.JOB):
                found = self.session.get_job(name)
        return found

    def forget(self, name: str) -> None:
        """A job was reaped."""
        self.jobs.pop(name, None)


_lock = threading.Lock()
_held: list[Active] = []
"""The active session, if there is one."""


def active() -> Active:
    """The active session. NoActiveSessionException where there is none."""
    held = _held[:]
    if not held:
        errors.raise_code(errors.NO_SESSION, "there is no active session: call initialize() first")
    return held[0]


def is_active() -> bool:
    """Whether there is an active session."""
    return bool(_held)


def begin(contact: str | None) -> None:
    """Open the session of PROCTRACKER_SESSION, made if need be, for a contact's jobs.

    Without one, PROCTRACKER_CONTACT's.
    """
    with _lock:
        if _held:
            errors.raise_code(errors.ACTIVE, "there is an active session: call exit() first")
        from proctracker.sessions import functions

        name = os.environ.get("PROCTRACKER_SESSION") or DEFAULT_SESSION
        with errors.translated(InvalidArgument=errors.CONTACT if contact else errors.INIT):
            _held.append(Active(functions.job_session(name, contact or os.environ.get("PROCTRACKER_CONTACT") or None)))


def end() -> None:
    """Leave the session, while its jobs go on, or raise NoActiveSessionException."""
    with _lock:
        active().session.__exit__()
        _held.clear()


def default_contact() -> str:
    """The contact of a session to come."""
    from proctracker.tracker import place

    with errors.translated():
        return os.environ.get("PROCTRACKER_CONTACT") or place.here(os.environ).config().default_contact
