"""JobSession: submitting jobs, finding them, waiting for one or all of them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Mapping, NoReturn, Sequence

from proctracker.errors import InvalidArgumentException, InvalidSessionException
from proctracker.model import INFINITE_TIME, JobInfo, JobTemplate, extension
from proctracker.model.structs import shown, written
from proctracker.sessions import filters, groups
from proctracker.sessions.events import Events
from proctracker.sessions.job import Job, facts_of, given_of
from proctracker.sessions.jobarray import JobArray
from proctracker.tracker import jobtracker, place
from proctracker.tracker.jobtracker import JobTracker, Submitted
from proctracker.tracker.place import Place
from proctracker.tracker.track import track_of

if TYPE_CHECKING:
    from proctracker.sessions.keywords import Timeout
    from proctracker.tracker.jobtracker import Template

_TRUSTED = 0.05
"""Seconds for which a session is believed to exist without a question."""


_MOST = 2**31 - 1
"""Slots that a session can be bounded to."""


class JobSession:
    """A job session (GFD.194 8.3). Leaving its context, or ``close``, never touches its jobs.

    Once closed, or destroyed by anybody, every use raises InvalidSessionException. Pickles, survives a fork.
    """

    def __init__(self, place: Place, name: str, contact: str, created: float) -> None:
        """Made by SessionManager only."""
        self._place, self._name, self._contact, self._created = place, name, contact, created
        self._config = place.config()
        self._track = track_of(place, name)
        self._trackers: dict[str, JobTracker] = {}
        self._closed = False
        self._seen_until, self._destroyed = 0.0, place.destroyed

    # attributes

    @property
    def session_name(self) -> str:
        """The session's name."""
        self._check()
        return self._name

    @property
    def name(self) -> str:
        """The same as ``session_name``."""
        return self.session_name

    @property
    def contact(self) -> str:
        """The contact of jobs whose template names none."""
        self._check()
        return self._contact

    @property
    def job_categories(self) -> list[str]:
        """Return the configuration's categories and the engine's images, others being valid too."""
        self._check()
        return self._tracker(self._contact).list_job_categories()

    @property
    def max_running(self) -> int:
        """Return how many slots the session's jobs may hold at once, 0 being no limit.

        Can be set. The configuration's as long as the session has none of its own.
        """
        self._check()
        found = self._place.reader.session(self._name)
        if found is None:
            self._gone()
        return found.max_running if found.max_running >= 0 else self._place.config().max_running

    @max_running.setter
    def max_running(self, value: int) -> None:
        self._check()
        self._place.tell_all("session_set", name=self._name, max_running=limit(value))

    # submitting

    def run_job(self, job_template: Template) -> Job:
        """Submit a job, which has a state when this returns and outlives this process.

        Raises InvalidArgument, UnsupportedAttribute or another exception that names what is wrong; then there is no job.
        """
        template = jobtracker.as_template(job_template)
        done = self._submit(template)
        return Job(self._track, done.id, given_of(template), facts_of(done.spec))

    def run_bulk_jobs(
        self, job_template: Template, begin_index: int, end_index: int, step: int = 1, max_parallel: int | None = None
    ) -> JobArray:
        """Submit an array with the indices ``begin_index``, ``begin_index + step``, … ``end_index``.

        ``max_parallel``: how many may run at once; None or 0: no limit. Raises as ``run_job``.
        """
        template = jobtracker.as_template(job_template)
        indices = jobtracker.indices(begin_index, end_index, step)
        done = self._submit(template, indices=indices, max_parallel=max_parallel)
        return JobArray(self._track, done.id, given_of(template), indices, facts_of(done.spec))

    def _submit(self, template: JobTemplate, **more: Any) -> Submitted:
        self._check()
        tracker = self._tracker(extension(template, "contact") or self._contact)
        try:
            return tracker.submit(template, create=False, **more)
        except InvalidArgumentException:
            if self._place.reader.session(self._name) is None:
                self._gone()
            raise

    def _tracker(self, contact: Any) -> JobTracker:
        """The tracker of a contact, made when first needed."""
        if not isinstance(contact, str):
            raise InvalidArgumentException(f"contact: text is expected, not {contact!r}")
        found = self._trackers.get(contact)
        if found is None:
            found = self._trackers[contact] = JobTracker(self._name, contact, at=self._place, config=self._config)
        return found

    # finding

    def get_jobs(self, filter: JobInfo | Mapping[str, Any] | None = None) -> list[Job]:
        """Return the session's jobs and tasks by id, with a filter those that match it."""
        self._check()
        track = self._track
        if filter is None:
            return [Job(track, name) for name in self._place.reader.ids(session=self._name)]
        return [Job(track, name) for name in filters.ids(self._place, filter, self._name)]

    def get_job(self, job_id: str) -> Job:
        """Return a job or task of the session, or raise InvalidArgumentException."""
        self._check()
        name = written(job_id)
        rows = self._place.reader.jobs([name], session=self._name)
        if not rows:
            raise InvalidArgumentException(f"session {self._name!r} has no job {name}")
        return Job(self._track, name)

    def get_job_array(self, job_array_id: str) -> JobArray:
        """Return an array of the session, or raise InvalidArgumentException."""
        self._check()
        name = written(job_array_id)
        found = self._place.hosts.array(name)
        if found is None or found[0].session != self._name:
            raise InvalidArgumentException(f"session {self._name!r} has no array {name}")
        return JobArray(self._track, name, None, found[0].indices)

    def get_job_categories(self) -> list[str]:
        """The same as ``job_categories``."""
        return self.job_categories

    # waiting

    def wait_any_started(self, jobs: Sequence[Job], timeout: Timeout = INFINITE_TIME) -> Job:
        """Block until one of the jobs has started or ended, and return it, or raise TimeoutException."""
        self._check()
        return groups.wait_any(jobs, "started", timeout)

    def wait_any_terminated(self, jobs: Sequence[Job], timeout: Timeout = INFINITE_TIME) -> Job:
        """Block until one of the jobs has ended, and return it, or raise TimeoutException."""
        self._check()
        return groups.wait_any(jobs, "ended", timeout)

    def wait_all_started(self, jobs: Sequence[Job], timeout: Timeout = INFINITE_TIME) -> list[Job]:
        """Block until every job has started or ended, and return them, or raise TimeoutException."""
        self._check()
        return groups.wait_all(jobs, "started", timeout)

    def wait_all_terminated(self, jobs: Sequence[Job], timeout: Timeout = INFINITE_TIME) -> list[Job]:
        """Block until every job has ended, and return them, or raise TimeoutException."""
        self._check()
        return groups.wait_all(jobs, "ended", timeout)

    def events(self) -> Events:
        """The state changes of the session's jobs from now on, for ``for`` and ``async for``."""
        self._check()
        return Events(self._place.client().follow(self._name))

    # the end

    def close(self) -> None:
        """Disengage, while jobs go on, or raise InvalidSessionException if it was closed before."""
        self._check()
        self._closed = True

    def __enter__(self) -> JobSession:
        self._check()
        return self

    def __exit__(self, *exc: object) -> None:
        self._closed = True

    def _check(self) -> None:
        """Raise InvalidSessionException if the session was closed or destroyed."""
        if self._closed:
            raise InvalidSessionException(f"session {self._name!r} was closed")
        now = time.monotonic()
        if now >= self._seen_until or self._destroyed != self._place.destroyed:
            found = self._place.reader.session(self._name)
            if found is None or found.created != self._created:
                self._gone()
            self._seen_until, self._destroyed = now + _TRUSTED, self._place.destroyed

    def _gone(self) -> NoReturn:
        raise InvalidSessionException(f"session {self._name!r} was destroyed")

    def __repr__(self) -> str:
        return f"<JobSession {self._name!r} on {self._contact}{', closed' if self._closed else ''}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return restore, (self._place.home.path, self._name, self._contact, self._created, self._closed)


def restore(home: str, name: str, contact: str, created: float, closed: bool) -> JobSession:
    """A session from what was pickled of it."""
    found = JobSession(place.at(home), name, contact, created)
    found._closed = closed
    return found


def limit(value: Any) -> int:
    """A session's ``max_running``. Raises InvalidArgumentException for what is none."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MOST:
        raise InvalidArgumentException(
            f"max_running: a whole number from 0 (no limit) to {_MOST} is expected, not {shown(value)}"
        )
    return value


def name_of(given: Any, what: str = "session_name: a name") -> str:
    """A session's name. Raises InvalidArgumentException for what cannot be one."""
    if not isinstance(given, str) or not given or not given.isprintable():
        raise InvalidArgumentException(f"{what} is expected, not {shown(given)}")
    return given
