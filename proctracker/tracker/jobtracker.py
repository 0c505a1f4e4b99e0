"""Offers the ten verbs over one session's jobs of one contact, for every runtime."""

from __future__ import annotations

import os
from collections.abc import Mapping

from proctracker.config import Config
from proctracker.errors import InvalidArgumentException, InvalidStateException
from proctracker.model import INFINITE_TIME, JobInfo, JobState, JobTemplate
from proctracker.model.structs import shown
from proctracker.records import NamedTuple
from proctracker.runner import Runner
from proctracker.templates import quantities
from proctracker.tracker import images, infos, outputdir, place, reasons, submission, surroundings, waits
from proctracker.tracker.place import Place
from proctracker.tracker.track import Track

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import timedelta
    from typing import Any, Sequence, Union

    Timeout = Union[float, timedelta, None]
    Template = Union[JobTemplate, Mapping[str, Any]]

CONTROLS = ("suspend", "resume", "hold", "release", "terminate")


class Submitted(NamedTuple):
    """What became of a submit: the id, and the spec as the supervisor has it."""

    id: str
    spec: dict[str, Any]


class JobTracker:
    """Tracks one session's jobs on one contact, in the environment's home or ``place``.

    ``contact`` None is the configuration's default. The supervisor is started by the first verb that changes something.
    """

    def __init__(
        self, session: str, contact: str | None = None, *, at: Place | None = None, config: Config | None = None
    ) -> None:
        self.session = session
        self.place = at or place.here(os.environ)
        self._config = config or self.place.config()
        self.contact = contact or self._config.default_contact
        self.place.target(self.contact, self._config)
        self._track = Track(self.place, session)

    # the verbs

    def add_job(self, template: Template) -> str:
        """Submit a job, and return its id.

        Raises InvalidArgument, UnsupportedAttribute or another, and then there is no job.
        """
        return self.submit(as_template(template)).id

    def add_array_job(
        self, template: Template, begin: int, end: int, step: int = 1, max_parallel: int | None = None
    ) -> str:
        """Submit an array of tasks begin, begin+step … end, and return its id.

        ``max_parallel`` None or 0 is no limit.
        """
        return self.submit(as_template(template), indices=indices(begin, end, step), max_parallel=max_parallel).id

    def list_jobs(self) -> list[str]:
        """Ids of the session's jobs on this contact, tasks of arrays among them, ended ones too."""
        return [row.id for row in self.place.reader.jobs(session=self.session) if row.contact == self.contact]

    def list_array_jobs(self, array_id: str) -> list[str]:
        """Ids of an array's tasks. Raises InvalidArgumentException for what is no array."""
        found = self.place.hosts.array(str(array_id))
        if found is None:
            raise InvalidArgumentException(f"no array {array_id}")
        return [f"{array_id}_{index}" for index in found[0].indices]

    def job_state(self, job_id: str) -> tuple[JobState, str | None]:
        """Return state and sub-state, UNDETERMINED for an id nobody knows."""
        try:
            return self._track.state(str(job_id))
        except InvalidArgumentException:
            return JobState.UNDETERMINED, None

    def job_info(self, job_id: str) -> JobInfo:
        """Everything about a job. Raises InvalidArgumentException for an id nobody knows."""
        return info_of(self._track, str(job_id))

    def job_control(self, job_id: str, action: str) -> None:
        """``suspend resume hold release terminate`` a job or all of an array.

        Raises InvalidArgument for an unknown id or action, InvalidState where it does not fit, UnsupportedOperation
        where the runtime cannot do it, DrmCommunication where its engine cannot be asked.
        """
        if action not in CONTROLS:
            raise InvalidArgumentException(f"no action {action!r}: {' '.join(CONTROLS)}")
        job_id = str(job_id)
        ids = self._ids(job_id)
        self._track.forget()
        self.place.act_on_all(ids, action, f"array {job_id}") if ids != [job_id] else self._one(job_id, action)

    def wait(self, job_id: str, timeout: Timeout = INFINITE_TIME, *states: JobState) -> None:
        """Block until a job is in one of these states, at once if it is.

        Raises InvalidStateException, at once, if it ended otherwise, TimeoutException, InvalidArgumentException without
        states or for an unknown id.
        """
        if not states:
            raise InvalidArgumentException("wait: name the states to wait for")
        wanted = {waits.state(each, "wait") for each in states}
        job_id = str(job_id)
        seconds = waits.seconds(timeout)
        state = self._track.state(job_id)[0]
        if state not in wanted:
            (row,) = waits.wait(self.place, [job_id], ",".join(each.name for each in wanted), False, seconds)
            state = JobState(row.state)
        if state not in wanted:
            names = " or ".join(sorted(each.name for each in wanted))
            raise InvalidStateException(f"job {job_id} has ended {state.name}: it will never be {names}")

    def delete_job(self, job_id: str) -> None:
        """Remove all of an ended job, its container too, or raise InvalidState while it lives."""
        job_id = str(job_id)
        ids = self._ids(job_id)
        if ids != [job_id]:
            self.place.act_on_all(ids, "reap", f"array {job_id}")
        else:
            self._one(job_id, "reap")
        self._track.forget_all()

    def list_job_categories(self) -> list[str]:
        """Return the configuration's categories and the engine's images.

        Raises DrmCommunicationException if it cannot be asked.
        """
        target = self.place.target(self.contact, self._config)
        if not target.runtime.containers and "job_category" in target.runtime.unsupported:
            return []
        runner = Runner(target.engine, self._config.cli_timeout)
        images = runner.converse(target.runtime.categories(target.engine))
        return [*self._config.categories, *images]

    # what sessions need besides

    def submit(
        self,
        template: JobTemplate,
        *,
        indices: Sequence[int] | None = None,
        max_parallel: int | None = None,
        create: bool = True,
        call: str | None = None,
    ) -> Submitted:
        """Submit a job, or an array of these ``indices``.

        ``create`` makes the session if it is missing.

        ``call``: the directory of the Python call that it is, which goes when the job is reaped.
        """
        target = self.place.target(self.contact, self._config)
        spec = submission.prepare(
            template,
            target,
            self._config,
            environ=os.environ,
            cwd=submission.directory(template, target.runtime.containers),
            indices=indices,
            reader=self.place.reader,
        )
        outputdir.settle(spec, spec["output_dir"], self.place.home)
        spec["call"] = call
        if target.runtime.containers:
            images.fetch(target, spec, self._config)
        context = surroundings.now(os.environ, template.job_environment, target.runtime.containers)
        job_id = self.place.client().submit(
            self.session,
            spec,
            context,
            contact=self._config.default_contact if self.session == "default" else self.contact,
            create=create,
            indices=indices,
            max_parallel=_parallel(max_parallel),
        )
        return Submitted(job_id, spec)

    def _ids(self, job_id: str) -> list[str]:
        """A job's id, or those of the tasks that an array still has."""
        if "_" not in job_id and self.place.hosts.array(job_id):
            return self.place.reader.ids(array=int(job_id)) or [job_id]
        return [job_id]

    def _one(self, job_id: str, action: str) -> None:
        for error in self.place.act([job_id], action).values():
            raise error


def info_of(track: Track, job_id: str) -> JobInfo:
    """Everything about a job, with what a live process uses now."""
    row, seen = track.seen(job_id)
    reader = track.place.hosts.of(row.host)
    (row,) = reasons.explained([row], reader, track.place.config())
    found = infos.info(row, reader.spec(row.spec), seen, home=reader.home)
    if reader is track.place.reader:
        infos.add_usage(found, row)
    return found


def as_template(template: Template) -> JobTemplate:
    """Return a template given as such or as a mapping, or raise InvalidArgumentException."""
    return template if isinstance(template, JobTemplate) else JobTemplate(template)


def indices(begin: Any, end: Any, step: Any) -> list[int]:
    """Return the task numbers of an array, or raise InvalidArgumentException."""
    for name, value in (("begin_index", begin), ("end_index", end), ("step", step)):
        if isinstance(value, bool) or not isinstance(value, int):
            raise InvalidArgumentException(f"{name}: a whole number is expected, not {value!r}")
    if begin < 1 or end < begin or step < 1:
        raise InvalidArgumentException(
            f"tasks {shown(begin)} to {shown(end)} by {shown(step)}: they count from 1, upwards"
        )
    if end > quantities.LAST_TASK:
        raise InvalidArgumentException(
            f"tasks {shown(begin)} to {shown(end)} by {shown(step)}: the last number is {quantities.LAST_TASK}"
        )
    if (end - begin) // step >= 1_000_000:
        raise InvalidArgumentException(
            f"tasks {shown(begin)} to {shown(end)} by {shown(step)}: an array has at most 1000000"
        )
    return list(range(begin, end + 1, step))


def _parallel(given: Any) -> int:
    if given is None:
        return 0
    if isinstance(given, bool) or not isinstance(given, int) or not 0 <= given <= quantities.LAST_TASK:
        raise InvalidArgumentException(
            f"max_parallel: a whole number from 0 (no limit) to {quantities.LAST_TASK} is expected, not {shown(given)}"
        )
    return given
