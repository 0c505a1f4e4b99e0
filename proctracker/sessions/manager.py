"""Makes, opens and destroys sessions, in a state directory or the environment's."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Callable, NoReturn

from proctracker.errors import InvalidArgumentException
from proctracker.linux.trusted import expanded
from proctracker.model import DrmaaCapability, JobInfo, Notification, Version
from proctracker.sessions import attributes, calls, capabilities
from proctracker.sessions.events import Caller
from proctracker.sessions.job import Job
from proctracker.sessions.jobsession import JobSession, limit, name_of
from proctracker.sessions.monitoring import MonitoringSession
from proctracker.sessions.reservations import refuse
from proctracker.tracker import place, waits
from proctracker.tracker.place import Place
from proctracker.tracker.track import track_of

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from proctracker.sessions.keywords import Command, TemplateKeywords, Timeout

_LIVE = ("refuse", "terminate", "leave")


class SessionManager:
    """Leads to everything (GFD.194 7).

    ``home`` is a state directory, or None for that of the environment at each call.
    """

    drms_name = "proctracker"
    """The name of what runs the jobs."""
    drmaa_name = "proctracker"
    """The name of this implementation."""
    drmaa_version = Version("2", "2")
    """The version of DRMAA implemented."""

    def __init__(self, home: str | os.PathLike[str] | None = None) -> None:
        self._home = None if home is None else os.path.abspath(expanded(os.fspath(home), os.environ, "home"))
        self._caller: Caller | None = None

    @property
    def drms_version(self) -> Version:
        """The version of what runs the jobs: this package's."""
        from proctracker.version import __version__

        major, _, minor = __version__.partition(".")
        return Version(major, minor)

    # sessions

    def create_job_session(
        self, session_name: str | None = None, contact: str | None = None, max_running: int | None = None
    ) -> JobSession:
        """Make a session and open it.

        Without a name it gets a new one, without a contact the configuration's default.

        ``max_running``: how many slots its jobs may hold at once, 0 for no limit; None: what the configuration says at the time. Raises
        InvalidArgumentException if there is one of that name, or nobody knows the contact.
        """
        where = self._place()
        name = f"session-{os.urandom(6).hex()}" if session_name is None else name_of(session_name)
        config = where.config()
        target = where.target(contact, config)
        running = None if max_running is None else limit(max_running)
        where.client().create_session(name, target.contact, running)
        return self._opened(where, name, None)

    def open_job_session(self, session_name: str) -> JobSession:
        """Open a session. InvalidArgumentException if there is none of that name."""
        return self._opened(self._place(), name_of(session_name), None)

    def job_session(self, session_name: str = "default", contact: str | None = None) -> JobSession:
        """Open a session, made first if there is none, with a ``contact`` for the jobs submitted by it."""
        where = self._place()
        name = name_of(session_name)
        config = where.config()
        target = where.target(contact, config)
        if where.reader.session(name) is None:
            where.client().call("session_ensure", name=name, contact=target.contact)
        return self._opened(where, name, contact)

    def _opened(self, where: Place, name: str, contact: str | None) -> JobSession:
        found = where.reader.session(name)
        if found is None:
            raise InvalidArgumentException(f"no session {name!r}: create_job_session makes one")
        return JobSession(where, name, contact or found.contact, found.created)

    def destroy_job_session(self, session_name: str, live: str = "refuse") -> None:
        """Remove a session with its jobs, and make open ones of that name invalid.

        ``live``: what becomes of jobs that have not ended: ``refuse`` raises InvalidStateException, ``terminate`` ends
        them, ``leave`` lets those that run go on, unseen, and the queued ones never start. InvalidArgumentException if
        there is no such session.
        """
        if live not in _LIVE:
            raise InvalidArgumentException(f"live: one of {' '.join(_LIVE)} is expected, not {live!r}")
        where, name = self._place(), name_of(session_name)
        if where.reader.session(name) is None:
            raise InvalidArgumentException(f"no session {name!r}")
        where.destroy(name, live)
        where.destroyed += 1
        track_of(where, name).forget_all()

    destroy_session = destroy_job_session

    def get_job_session_names(self) -> list[str]:
        """The names of all sessions."""
        return [session.name for session in self._place().reader.sessions()]

    def open_monitoring_session(self, contact: str | None = None) -> MonitoringSession:
        """Open a view of all there is, jobs that are not ours being those of ``contact``."""
        where = self._place()
        config = where.config()
        return MonitoringSession(where, config, where.target(contact, config))

    def create_reservation_session(self, session_name: str | None = None, contact: str | None = None) -> NoReturn:
        """Raises UnsupportedOperationException."""
        refuse()

    def open_reservation_session(self, session_name: str) -> NoReturn:
        """Raises UnsupportedOperationException."""
        refuse()

    def destroy_reservation_session(self, session_name: str) -> NoReturn:
        """Raises UnsupportedOperationException."""
        refuse()

    def get_reservation_session_names(self) -> list[str]:
        """None: there are no reservations."""
        return []

    # what is supported, what is told

    def supports(self, capability: DrmaaCapability | str | int, contact: str | None = None) -> bool:
        """Whether an optional feature works, on a contact (None: the default one)."""
        where = self._place()
        return capabilities.supports(capability, where.target(contact, where.config()).runtime)

    def register_event_notification(self, callback: Callable[[Notification], object] | None) -> None:
        """Have a function called with every state change of every session, from a thread.

        None ends that.

        One function at a time: another takes its place. It may use this API.
        """
        caller = None if callback is None else Caller(self._place(), callback)
        self._caller, old = caller, self._caller
        if old is not None:
            old.stop()

    describe_attribute = staticmethod(attributes.describe_attribute)
    get_instance_value = staticmethod(attributes.get_instance_value)
    set_instance_value = staticmethod(attributes.set_instance_value)

    # ours

    def submit(
        self,
        args: Command = None,
        *,
        contact: str | None = None,
        session: str | JobSession | None = None,
        **template: Unpack[TemplateKeywords],
    ) -> Job:
        """Start a command as a job and return: ``submit(["sleep", "9"], output_path="out")``.

        ``session``: a name (made if missing; None: ``default``) or an open JobSession. ``template``: JobTemplate's
        attributes, and extensions by their names (``volumes=[…]``, ``after=[job]``). Raises as ``run_job``.
        """
        return calls.submit(self._place(), args, contact, session, template)

    def run(
        self,
        args: Command = None,
        *,
        timeout: Timeout = None,
        check: bool = False,
        capture_output: bool = False,
        contact: str | None = None,
        session: str | JobSession | None = None,
        **template: Unpack[TemplateKeywords],
    ) -> JobInfo:
        """Run a command as a job, and return how it ended.

        The rest as ``submit``.

        ``check``: JobFailedException, with the JobInfo as ``info``, unless it is DONE. ``capture_output``: the JobInfo
        has its ``stdout`` and ``stderr`` (bytes). After ``timeout`` seconds, or on KeyboardInterrupt, the job is
        terminated, and TimeoutException (KeyboardInterrupt) raised.
        """
        seconds = waits.seconds(timeout)  # before there is a job
        job = calls.submit(self._place(), args, contact, session, template)
        return calls.finish(job, seconds, check, capture_output)

    def _place(self) -> Place:
        return place.here(os.environ) if self._home is None else place.at(self._home)
