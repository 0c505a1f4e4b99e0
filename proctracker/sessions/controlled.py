"""Gives jobs and arrays their session, their controls and their identity."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from proctracker.errors import InvalidArgumentException
from proctracker.model import JobTemplate, signal_name, signal_number
from proctracker.model.structs import shown
from proctracker.tracker.track import Track

_FOREVER = 2.0**40
"""Seconds: as good as never."""


class Controlled:
    """Has an id in a home, and controls.

    What each control does, and to which tasks, the class itself tells.

    InvalidStateException where the state does not fit, DrmCommunicationException for a job of another host.
    """

    __slots__ = ()
    _track: Track

    @property
    def id(self) -> str:
        """Return the id: ``42``, ``43_1``, of an array ``43``."""
        raise NotImplementedError

    @property
    def job_template(self) -> JobTemplate:
        """A template equal to the one submitted."""
        raise NotImplementedError

    def _act(self, action: str, **options: Any) -> None:
        raise NotImplementedError

    @property
    def session_name(self) -> str:
        """The session it belongs to."""
        return self._track.session

    def get_template(self) -> JobTemplate:
        """The same as ``job_template``."""
        return self.job_template

    def suspend(self) -> None:
        """Stop what runs, all its processes. Fits RUNNING."""
        self._act("suspend")

    def resume(self) -> None:
        """Let what is suspended go on. Fits SUSPENDED."""
        self._act("resume")

    def hold(self) -> None:
        """Keep what is queued from starting. Fits QUEUED and REQUEUED."""
        self._act("hold")

    def release(self) -> None:
        """Let what is held start. Fits QUEUED_HELD and REQUEUED_HELD."""
        self._act("release")

    def terminate(self, signal: str | int = "SIGTERM", grace: float | timedelta = 10.0) -> None:
        """End the job and what it left running, by the signal, and KILL after the grace (seconds).

        Returns when that has begun; it ends FAILED with sub-state ``terminated``.
        """
        self._act("terminate", signal=signal_name(signal_number(signal)), grace=_seconds(grace))

    def reap(self) -> None:
        """Remove all there is of what has ended, containers too."""
        self._act("reap")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Controlled) or not (isinstance(self, type(other)) or isinstance(other, type(self))):
            return NotImplemented
        return (self.id, self._home()) == (other.id, other._home())

    def __hash__(self) -> int:
        return hash((self._home(), self.id))

    def _home(self) -> str:
        return self._track.place.home.path

    def __str__(self) -> str:
        return self.id

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.id} of session {self.session_name}>"


def _seconds(grace: Any) -> float:
    if isinstance(grace, timedelta):
        grace = grace.total_seconds()
    if isinstance(grace, bool) or not isinstance(grace, (int, float)) or not grace >= 0:
        raise InvalidArgumentException(f"grace: seconds from 0 are expected, not {shown(grace)}")
    return float(min(grace, _FOREVER))
