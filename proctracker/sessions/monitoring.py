"""MonitoringSession: everything there is on this machine, to look at."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Iterable, Mapping, NoReturn, Sequence, TypeVar

from proctracker.config import Config
from proctracker.errors import InvalidArgumentException, InvalidSessionException, UnsupportedOperationException
from proctracker.model import (
    JobInfo,
    JobState,
    JobTemplate,
    MachineInfo,
    Observation,
    QueueInfo,
    ReservationInfo,
    matches,
    moment,
)
from proctracker.runner import Runner
from proctracker.runtimes.base import Engine
from proctracker.sessions import filters
from proctracker.sessions.job import Job
from proctracker.sessions.reservations import refuse
from proctracker.tracker import place, schedulers
from proctracker.tracker.contacts import Target
from proctracker.tracker.place import Place
from proctracker.tracker.track import track_of

if TYPE_CHECKING:
    from proctracker.runtimes.base import Dialog
    from proctracker.runtimes.batch import Batch
    from proctracker.sessions.keywords import Timeout

T = TypeVar("T")


class WatchedJob(Job):
    """Shows a job, ours or not, whose controls raise UnsupportedOperationException."""

    __slots__ = ("_info",)

    def __init__(
        self, track: Any, job_id: str, given: Any = None, facts: Any = None, *, info: JobInfo | None = None
    ) -> None:
        """Take ``info``, which is all that is known of a job that is not ours."""
        super().__init__(track, job_id, given, facts)
        self._info = info

    @property
    def session_name(self) -> str | None:  # type: ignore[override]
        """Return the session of a job of ours, else None."""
        return self._track.session if self._info is None else None

    @property
    def job_template(self) -> JobTemplate:
        """Return a template equal to the one submitted, or of another's job its command."""
        if self._info is None:
            return super().job_template
        command = self._info.command or []
        return JobTemplate(remote_command=command[0] if command else None, args=command[1:] or None)

    def get_state(self) -> tuple[JobState, str | None]:
        """Return state and sub-state, of another's job as it was found."""
        if self._info is None:
            return super().get_state()
        return self._info.job_state or JobState.UNDETERMINED, self._info.job_sub_state

    def get_info(self) -> JobInfo:
        """Return everything about the job, of another's as it was found."""
        return super().get_info() if self._info is None else self._info

    def read_output(self, stream: str = "stdout", attempt: int | None = None) -> bytes:
        """Read output as Job does, of which another's job has none here."""
        return self._refuse("read_output") if self._info else super().read_output(stream, attempt)

    def wait_started(self, timeout: Timeout = -1) -> None:
        """Wait as Job does, but not for another's job."""
        self._refuse("wait_started") if self._info else super().wait_started(timeout)

    def wait_terminated(self, timeout: Timeout = -1) -> JobInfo:
        """Wait as Job does, but not for another's job."""
        return self._refuse("wait_terminated") if self._info else super().wait_terminated(timeout)

    def waitable(self) -> str:
        """Return what Job does, but not for another's job."""
        return self._refuse("wait") if self._info else super().waitable()

    def resubmit(self, after: Any = None, after_any: Any = None) -> NoReturn:
        """Refused."""
        self._refuse("resubmit")

    def _act(self, action: str, **options: Any) -> NoReturn:
        self._refuse(action)

    def _refuse(self, action: str) -> NoReturn:
        whose = "is its session's to control" if self._info is None else "is none of ours"
        raise UnsupportedOperationException(f"{action}: a monitoring session only looks; job {self.job_id} {whose}")

    def __repr__(self) -> str:
        return super().__repr__() if self._info is None else f"<WatchedJob {self.job_id}, none of ours>"

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (self._track.place.home.path, self._track.session, self.job_id, self._given, self._info)


def _restore(home: str, session: str, name: str, given: Any, info: JobInfo | None) -> WatchedJob:
    """A watched job from what was pickled of it."""
    return WatchedJob(track_of(place.at(home), session), name, given, info=info)


class MonitoringSession:
    """Shows what there is, ours or not (GFD.194 9).

    For ``process`` all processes, for containers all of the engine.
    """

    def __init__(self, place: Place, config: Config, target: Target) -> None:
        """Made by SessionManager only."""
        self._place, self._config, self._target = place, config, target
        self._closed = False

    @property
    def contact(self) -> str:
        """The contact whose jobs are shown."""
        self._check()
        return self._target.contact

    def get_all_jobs(self, filter: JobInfo | Mapping[str, Any] | None = None) -> list[Job]:
        """Return all jobs, others' having the id ``pid-123`` or the container's name."""
        self._check()
        terms = filters.wanted(filter) if filter is not None else {}
        ours = filters.found(self._place, terms) if terms else filters.found(self._place, None)
        jobs: list[Job] = [WatchedJob(track_of(self._place, str(info.session_name)), str(info.job_id)) for info in ours]
        track = track_of(self._place, "")
        for info in self._foreign():
            if matches(info, terms):
                jobs.append(WatchedJob(track, str(info.job_id), info=info))
        return jobs

    def _foreign(self) -> Iterable[JobInfo]:
        batch = self._target.runtime.batch
        if batch is not None:
            ours = {row.container for row in self._place.reader.jobs() if schedulers.of_scheduler(row)}
            listed = self._ask(batch.listing(self._target.engine))
            return [self._scheduled(name, seen) for name, seen in listed.items() if _key(batch, name, seen) not in ours]
        live = self._place.reader.jobs(live=True)
        if not self._target.runtime.containers:
            from proctracker import procs

            own = {row.pid for row in live if row.container is None}
            return [info for info in procs.all_processes() if info.pid not in own]
        names = {row.container for row in self._place.reader.jobs() if row.container}
        found = self._ask(self._target.runtime.ours(self._target.engine, {}))
        return [self._container(name, seen) for name, seen in found.items() if name not in names]

    def _ask(self, dialog: Dialog[T]) -> T:
        """Return what a dialog with the engine gives, in its own environment."""
        engine, batch = self._target.engine, self._target.runtime.batch
        if batch is not None:
            engine = Engine(engine.command, {}, batch.environment(engine))
        return Runner(engine, self._config.cli_timeout).converse(dialog)

    def _scheduled(self, name: str, seen: Observation) -> JobInfo:
        """Describe a scheduler's job that is not ours, whose command nobody may read."""
        slots = seen.labels.get("slots", "")
        return self._described(
            name,
            seen,
            job_name=seen.name,
            job_owner=seen.labels.get("owner"),
            allocated_machines=list(seen.nodes or ()) or None,
            queue_name=seen.queue,
            slots=int(slots) if slots.isdecimal() else None,
            scheduler_id=name,
        )

    def _container(self, name: str, seen: Observation) -> JobInfo:
        """Describe an engine's container that is not ours."""
        host = os.uname().nodename
        return self._described(
            name,
            seen,
            job_name=name,
            allocated_machines=[host],
            slots=1,
            job_category=seen.image,
            command=list(seen.command) if seen.command else None,
            pid=seen.pid,
            container_id=seen.container_id,
            host=host,
        )

    def _described(self, name: str, seen: Observation, **more: Any) -> JobInfo:
        """Return what a look tells of a job, and more."""
        return JobInfo(
            job_id=name,
            exit_status=seen.exit_status,
            terminating_signal=seen.terminating_signal,
            annotation=seen.annotation,
            job_state=seen.state,
            job_sub_state=seen.sub_state,
            dispatch_time=moment(seen.started),
            finish_time=moment(seen.finished),
            contact=self._target.contact,
            runtime=self._target.runtime.name,
            **more,
        )

    def get_all_machines(self, names: Sequence[str] | None = None) -> list[MachineInfo]:
        """Return this machine, or a scheduler's, with names those among them."""
        self._check()
        from proctracker import procs

        batch, wanted = self._target.runtime.batch, None if names is None else _names(names)
        found = [procs.machine()] if batch is None else self._ask(batch.machines(self._target.engine))
        return [machine for machine in found if wanted is None or machine.name in wanted]

    def get_all_queues(self, names: Sequence[str] | None = None) -> list[QueueInfo]:
        """Return a scheduler's queues, its default one first, or none."""
        self._check()
        batch, wanted = self._target.runtime.batch, None if names is None else _names(names)
        found = [] if batch is None else self._ask(batch.queues(self._target.engine))
        return [queue for queue in found if wanted is None or queue.name in wanted]

    def get_all_reservations(self) -> list[ReservationInfo]:
        """Return a scheduler's reservations, or raise UnsupportedOperationException."""
        self._check()
        batch = self._target.runtime.batch
        if batch is None:
            refuse()
        return [*self._ask(batch.reservations(self._target.engine))]

    def close(self) -> None:
        """Disengage. InvalidSessionException if it was closed before."""
        self._check()
        self._closed = True

    def __enter__(self) -> MonitoringSession:
        self._check()
        return self

    def __exit__(self, *exc: object) -> None:
        self._closed = True

    def _check(self) -> None:
        if self._closed:
            raise InvalidSessionException("the monitoring session was closed")


def _key(batch: Batch, job: str, seen: Observation) -> str:
    """Return what a job of ours would be known by."""
    _, _, task = job.partition("_")
    return batch.key(seen.name or "", int(task) if task.isdecimal() else None)


def _names(names: Any) -> list[str]:
    if isinstance(names, (str, bytes)) or not isinstance(names, Iterable):
        raise InvalidArgumentException(f"names: a list of names is expected, not {names!r}")
    return list(names)
