"""Declares what a runtime with a scheduler has besides: submits, looks, controls."""

from __future__ import annotations

from proctracker.records import NamedTuple, record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Collection, Mapping, Protocol, Sequence

    from proctracker.model import Completed, MachineInfo, Observation, QueueInfo, ReservationInfo
    from proctracker.runtimes.base import Argv, Dialog, Engine, Launch, Request
else:
    Protocol = object

REFUSED = "refused"
"""The scheduler will never take this job."""
LATER = "later"
"""Says that it cannot take a job now, which waits with the reason."""
UNKNOWN = "unknown"
"""Nobody knows whether it took the job: it is looked for by its name before anything else."""


@record(frozen=True)
class Task:
    """One job of a submission, everything resolved.

    ``output`` and ``error`` are files that the node opens; no ``error``: it is joined into the output. ``index`` is the
    task's number in an array, ``item`` what stands in TASK_ITEM.
    """

    job_id: str
    command: Sequence[str]
    output: str
    error: str | None = None
    input: str | None = None
    index: int | None = None
    item: str | None = None


@record(frozen=True)
class Submission:
    """What is handed over at once: one job, or tasks of an array, as many as there are.

    ``request`` is the first one's. ``records`` is the folder of exit records, which nodes and login nodes share;
    ``home`` the mark's first word. Times are epoch seconds, durations seconds. ``after`` and ``after_any`` are the
    scheduler's own ids of jobs that live there, ``awaits`` for each whether it must end well, and its keys; ``now`` tells how near a deadline is. ``limits``: RLIMIT's name -> value, -1 is as much as there is.
    """

    request: Request
    tasks: Sequence[Task]
    records: str
    home: str
    session: str
    umask: int = 0o022
    held: bool = False
    begin: float | None = None
    deadline: float | None = None
    time_limit: float | None = None
    throttle: int | None = None
    after: Sequence[str] = ()
    after_any: Sequence[str] = ()
    awaits: Sequence[tuple[bool, Sequence[str]]] = ()
    grace: float = 10.0
    now: float = 0.0


class Refusal(NamedTuple):
    """Why a job was not taken: REFUSED, LATER or UNKNOWN, and the reason in one line."""

    kind: str
    reason: str


@record(frozen=True)
class Config:
    """What a scheduler says of itself. Times are seconds."""

    version: str = ""
    cluster: str = ""
    min_job_age: int = 300
    kill_wait: int = 30
    max_array_size: int = 1001
    max_job_count: int = 10000
    accounting: bool = False


class Batch(Protocol):
    """A scheduler, by its commands. Pure, as runtimes are.

    Jobs are known by their keys: the name they were submitted under, for a task of an array with ``/index`` behind it.
    An id is told for the user and for controls: it is no identity, for schedulers give the same one twice.
    """

    hands_over: Collection[str]
    """What the scheduler does by itself: hold, times, limits, dependencies, arrays."""

    ends: Mapping[str, str]
    """The scheduler's word for an end that is not the job's own doing -> its sub-state."""

    def environment(self, engine: Engine) -> Mapping[str, str]:
        """The whole environment of every command but a submission's."""

    def submit(self, submission: Submission) -> Launch:
        """The command that hands the jobs over, and its whole environment."""

    def submitted(self, done: Completed) -> str:
        """The scheduler's id of what a submission that returned 0 has made."""

    def refused(self, done: Completed) -> Refusal:
        """What a submission that failed, or was cut off, means."""

    def key(self, name: str, index: int | None) -> str:
        """What a job is known by."""

    def look_argv(self, engine: Engine) -> Argv:
        """One look at all jobs of this user, however many."""

    def parse_look(self, done: Completed) -> Mapping[str, Observation]:
        """Parse jobs by their keys, or raise DrmCommunicationException where none could be asked."""

    def accounting_argv(self, engine: Engine, ids: Sequence[str]) -> Argv:
        """What the accounting knows of jobs that the scheduler has forgotten."""

    def parse_accounting(self, done: Completed, config: Config) -> Mapping[str, Observation]:
        """Parse jobs by their keys, none without accounting, or raise as ``parse_look``."""

    def control_argv(
        self, engine: Engine, action: str, ids: Sequence[str], signal: str = "SIGTERM", name: str | None = None
    ) -> Argv:
        """Return the command for a control, with a ``name`` for jobs of that name only.

        Controls are ``hold release suspend resume stop cont signal cancel requeue``.
        """

    def controlled(self, done: Completed) -> None:
        """Raise what a failed control means in one line, or return."""

    def config_argv(self, engine: Engine) -> Argv:
        """What tells how the scheduler is set up."""

    def parse_config(self, done: Completed) -> Config:
        """As it says. Raises DrmCommunicationException as ``parse_look``."""

    def record_name(self, key: str, restart: int) -> str:
        """The file of a job's exit record."""

    def parse_record(self, text: str) -> Observation | None:
        """Parse an exit record, which says that the job runs or how it ended, or return None for none."""

    def merge(self, recorded: Observation | None, seen: Observation | None) -> Observation | None:
        """Return the truth of both, or None.

        The record of the present restart is right on that a job has ended, its code, signal, usage and times; the
        scheduler knows why.
        """

    def machines(self, engine: Engine) -> Dialog[Sequence[MachineInfo]]:
        """The machines that jobs run on."""

    def queues(self, engine: Engine) -> Dialog[Sequence[QueueInfo]]:
        """The queues (partitions), the default one first."""

    def reservations(self, engine: Engine) -> Dialog[Sequence[ReservationInfo]]:
        """The reservations that this user may see."""

    def listing(self, engine: Engine) -> Dialog[Mapping[str, Observation]]:
        """All jobs that this user may see, whoever's, by the scheduler's ids."""
