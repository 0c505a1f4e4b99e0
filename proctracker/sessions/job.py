"""Job: one job by its id, whoever submitted it and whether or not its session is open."""

from __future__ import annotations

import time
import warnings
from typing import TYPE_CHECKING, Any, Generator, Mapping

from proctracker.errors import InvalidArgumentException
from proctracker.model import INFINITE_TIME, JobInfo, JobRow, JobState, JobTemplate
from proctracker.model.structs import written
from proctracker.sessions.controlled import Controlled
from proctracker.tracker import infos, output, place, resubmission, waits
from proctracker.tracker.jobtracker import info_of
from proctracker.tracker.place import Place
from proctracker.tracker.successors import Successors
from proctracker.tracker.track import Track, track_of

if TYPE_CHECKING:
    from proctracker.sessions.keywords import Timeout


class Job(Controlled):
    """Stands for a job of ours (GFD.194 8.4).

    Made by sessions. It compares and hashes by home and id, pickles, and survives a fork.

    Every method raises InvalidArgumentException once the job was reaped, DrmCommunicationException for waits and
    controls of a job on another host.
    """

    __slots__ = ("_facts", "_given", "_track", "job_id")

    def __init__(self, track: Track, job_id: str, given: Mapping[str, Any] | None = None, facts: Any = None) -> None:
        """Take what sessions know: ``given``, the template, and ``facts`` of where output is."""
        self._track, self.job_id, self._given, self._facts = track, job_id, given, facts

    @property
    def id(self) -> str:
        """The same as ``job_id``."""
        return self.job_id

    @property
    def job_template(self) -> JobTemplate:
        """A template equal to the one submitted. The environment is in it as long as it is kept."""
        if self._given is not None:
            return JobTemplate(self._given)
        return template_of(self._track, self._row())

    def get_state(self) -> tuple[JobState, str | None]:
        """State and sub-state now: cheaper than ``get_info``."""
        track = self._track
        found = track.ended.get(self.job_id)
        if found is not None and time.monotonic() < track.until:
            return found
        return track.state(self.job_id)

    def get_info(self) -> JobInfo:
        """Everything about the job now."""
        return info_of(self._track, self.job_id)

    # waiting

    def wait_started(self, timeout: Timeout = INFINITE_TIME) -> None:
        """Block until the job has started (or ended). TimeoutException after so many seconds."""
        waits.wait(self._track.place, [self.job_id], "started", False, waits.seconds(timeout))

    def wait_terminated(self, timeout: Timeout = INFINITE_TIME) -> JobInfo:
        """Block until the job has ended, and return how.

        Raises TimeoutException after so many seconds. Interrupting it leaves the job.
        """
        rows = waits.wait(self._track.place, [self.job_id], "ended", False, waits.seconds(timeout))
        waits.told(self._track.place, rows)
        return self._told(rows[0])

    def waitable(self) -> str:
        """Return the id for waits, or raise for a job that cannot be waited for."""
        return self.job_id

    def __await__(self) -> Generator[Any, None, JobInfo]:
        """Await the JobInfo of the ended job, which a cancel leaves alone."""
        return self._ended().__await__()

    async def _ended(self) -> JobInfo:
        from proctracker.sessions import awaits

        return self._told(await awaits.ended(self._track.place, self.waitable()))

    def _told(self, row: JobRow) -> JobInfo:
        facts = self._facts
        if facts is None:
            facts = self._track.place.hosts.spec(row)
        return infos.info(row, facts, home=self._track.place.home)

    def resubmit(self, after: Any = None, after_any: Any = None) -> Job:
        """The same command, directory, environment and streams again, as a new job.

        ``after``, ``after_any``: a job, an id or several, in place of its dependencies. Raises InvalidStateException
        while it has not ended, InvalidArgumentException where it has dependencies and none are given. Warns
        (UserWarning) where the caller's environment was not kept: the present caller's is taken then.
        """
        row, track = self._row(), self._track
        found = again(track, [row], after, after_any)
        return Job(track, found if row.task is None else f"{found}_{row.task}")

    def read_output(self, stream: str = "stdout", attempt: int | None = None) -> bytes:
        """What the job has written so far to ``stdout`` or ``stderr``, wherever that goes.

        Of a job with retries it is what the newest attempt that has run wrote, or the ``attempt`` of that number, from 1.
        """
        return output.read(self._track.place, self._row(), stream, attempt)

    def _act(self, action: str, **options: Any) -> None:
        self._track.forget(self.job_id)
        for error in self._track.place.act([self.job_id], action, **options).values():
            raise error
        self._track.forget(self.job_id)

    def _row(self) -> JobRow:
        return self._track.place.hosts.row(self.job_id)

    def __reduce__(self) -> tuple[Any, ...]:
        return restore, (type(self), self._track.place.home.path, self._track.session, self.job_id, self._given)


def restore(kind: Any, home: str, session: str, name: str, given: Any) -> Any:
    """A job or array from what was pickled of it."""
    return kind(track_of(place.at(home), session), name, given)


def again(track: Track, rows: list[JobRow], after: Any, after_any: Any) -> str:
    """Submit a job, or tasks of one array, again, and return the new id."""
    place_of, first = track.place, rows[0]
    given = dependencies(track, {"after": after, "after_any": after_any})
    same = resubmission.same_environment(place_of, first)
    found = resubmission.resubmit(place_of, rows, Successors(place_of, rows, **given))
    if not same:
        warnings.warn(f"job {first.id}: its caller's environment is not kept, the present one is taken", stacklevel=3)
    return found


def dependencies(track: Track, given: Mapping[str, Any]) -> dict[str, list[str]]:
    """The ids of ``after`` and ``after_any``, given as jobs, ids or lists of them."""
    of_this_home(track.place, given)
    return {
        name: [part.strip() for each in _listed(value) for part in written(each).split(",") if part.strip()]
        for name, value in given.items()
    }


def of_this_home(place: Place, values: Mapping[str, Any]) -> None:
    """Raise InvalidArgumentException for a dependency of another home, whose ids differ."""
    for name in ("after", "after_any"):
        for each in _listed(values.get(name)):
            if isinstance(each, Controlled) and each._track.place.home.path != place.home.path:
                raise InvalidArgumentException(
                    f"{name}: job {each.id} is of another state directory, which is not waited for"
                )


def _listed(value: Any) -> list[Any]:
    if isinstance(value, (list, tuple, set, frozenset)):
        return list(value)
    return [] if value is None else [value]


def template_of(track: Track, row: JobRow) -> JobTemplate:
    """The template a job was submitted with."""
    reader = track.place.hosts.of(row.host)
    spec = reader.spec(row.spec)
    values = {**spec.get("template", {}), **spec.get("given", {})}
    context = reader.context(reader.spec_context(row.spec))
    if context and context.get("job_env"):
        values["job_environment"] = context["job_env"]
    return JobTemplate(values)


def given_of(template: JobTemplate) -> dict[str, Any]:
    """What is set in a template, apart from whatever becomes of it later."""
    found = {}
    for name, value in template.__dict__.items():
        if value is not None:
            found[name] = value.copy() if isinstance(value, (list, dict)) else value
    return found


def facts_of(spec: Mapping[str, Any]) -> dict[str, Any]:
    """What of a spec tells where output is kept, and how the category was called."""
    return {name: spec[name] for name in ("output_dir", "join", "given") if spec.get(name)}
