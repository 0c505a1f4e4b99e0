"""The supervisor's jobs that have not ended: each row with what only lives in memory."""

from __future__ import annotations

from proctracker import runtimes
from proctracker.linux import clock
from proctracker.model import JobRow, JobState
from proctracker.runtimes.base import Engine, Monitor
from proctracker.supervisor.base.loop import Timer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Iterable, Iterator

ENDING = {"terminating": "terminated", "time-limit": "time-limit", "deadline": "deadline"}
"""Sub-state of a running job that is being ended -> sub-state it ends with. In the row, so a killed supervisor knows."""


def engine_of(job: Job) -> Engine:
    """The engine a job was started by; every later call goes to the same."""
    found = job.spec.get("engine") or {}
    return Engine(tuple(found.get("command") or ()), found.get("options") or {}, found.get("env") or {})


class Job:
    """One live job. ``spec`` is shared by all tasks of an array."""

    __slots__ = (
        "called", "cgroup", "ending", "gone", "holds", "monitor", "notice", "pidfd", "row", "run", "seen", "spec",
        "spec_context", "starting", "stdin", "streams", "ticket", "timers", "told", "tries", "waits_for",
    )  # fmt: skip

    def __init__(self, row: JobRow, spec: dict[str, Any], context: str) -> None:
        self.row = row
        self.spec = spec
        self.spec_context = context
        self.run = 0
        """Counts its starts: an answer that was asked for in an earlier one means nothing in this."""
        self.starting = False
        """The start is under way: it can be neither begun again nor be taken back."""
        self.holds = False
        """It takes its slots."""
        self.ticket = 0
        """Its place in the queue; entries with another number are void."""
        self.stdin: int | None = None
        """A descriptor its submitter handed over."""
        self.called: int | None = None
        """The pid of the CLI call that starts it or carries its streams."""
        self.pidfd: int | None = None
        self.cgroup: Any = None
        self.monitor: Monitor | None = None
        """Where the end of its container will be written down."""
        self.timers: dict[str, Timer] = {}
        self.streams = False
        """A command of its engine's CLI carries its streams as long as it runs (``called``)."""
        self.gone = 0.0
        """When its process ended, while that command is still writing."""
        self.seen = True
        """The end of its process was seen as it came, so it is known when that was."""
        self.tries = 0
        self.notice: str | None = None
        """What its engine's CLI warned of at the start."""
        self.ending: str | None = None
        self.told: tuple[int, float] | None = None
        """Signal and grace of an end that was asked for while its container was being started."""
        self.waits_for: set[str] = set()
        """Jobs that must end first."""

    @property
    def waits(self) -> bool:
        """Nothing of it is there yet, or any more: no start is under way, and none is looked for."""
        return not self.starting and self.row.dispatched is None

    @property
    def held(self) -> bool:
        """It waits to be released."""
        return self.row.state in (JobState.QUEUED_HELD, JobState.REQUEUED_HELD)

    @property
    def scheduled(self) -> bool:
        """Whether a scheduler has it: it runs on whatever machine, whose pids are none of ours."""
        return self.row.container is not None and runtimes.get(self.row.runtime).batch is not None

    @property
    def supervised(self) -> bool:
        """The command is the job: a plain process, a child of ours."""
        return self.row.container is None

    def ended_at(self, gone: float) -> float | None:
        """The epoch second at which its process was gone (``clock.boottime``), if that was seen."""
        return clock.since(gone) if self.seen else None

    def now(self, call: Callable[..., None]) -> Callable[..., None]:
        """The same call, made as long as the job has neither ended nor begun another start since."""
        run = self.run

        def made(*words: Any) -> None:
            if self.run == run and not self.row.ended:
                call(*words)

        return made

    def timer(self, name: str, timer: Timer | None) -> None:
        """Set, replace or (None) cancel a timer of this job."""
        old = self.timers.pop(name, None)
        if old:
            old.cancel()
        if timer:
            self.timers[name] = timer

    def cancel_timers(self) -> None:
        """Cancel them all: the job has ended."""
        for name in list(self.timers):
            self.timer(name, None)


class Jobs:
    """All live jobs of this supervisor, by id and by the pid that is theirs."""

    def __init__(self) -> None:
        self.by_id: dict[str, Job] = {}
        self.by_pid: dict[int, Job] = {}

    def __iter__(self) -> Iterator[Job]:
        return iter(list(self.by_id.values()))

    def __len__(self) -> int:
        return len(self.by_id)

    def add(self, job: Job) -> None:
        """Take a job in."""
        self.by_id[job.row.id] = job
        if job.row.pid and not job.scheduled:
            self.by_pid[job.row.pid] = job

    def find(self, job_id: str) -> Job | None:
        """A live job by its id."""
        return self.by_id.get(job_id)

    def task_jobs(self, num: int) -> Iterable[Job]:
        """The live jobs of an array."""
        return [job for job in self.by_id.values() if job.row.num == num]

    def started(self, job: Job, pid: int | None, ticks: int | None) -> None:
        """Put down which process a job is now."""
        self.gone(job)
        job.row.pid, job.row.ticks = pid, ticks
        if pid:
            self.by_pid[pid] = job

    def gone(self, job: Job) -> None:
        """The job's process has ended; its pid may soon be another's."""
        if job.row.pid and self.by_pid.get(job.row.pid) is job:
            del self.by_pid[job.row.pid]

    def remove(self, job: Job) -> None:
        """The job has ended."""
        self.gone(job)
        job.cancel_timers()
        self.by_id.pop(job.row.id, None)


def running_time(row: JobRow, now: float | None = None) -> float:
    """Seconds a job has run until ``now`` (``clock.boottime``), the suspended ones left out."""
    since = row.since
    return row.ran + (0.0 if since is None else max(0.0, (clock.boottime() if now is None else now) - since))


def set_state(row: JobRow, state: JobState, now: float, sub_state: str | None = None) -> None:
    """Change a row's state at an epoch second, and its running clock with it."""
    if row.since is not None and state != JobState.RUNNING:
        row.ran, row.running_since, row.since = running_time(row, clock.at(now)), None, None
    elif row.since is None and state == JobState.RUNNING:
        row.running_since, row.since = now, clock.at(now)
    row.state, row.sub_state = int(state), sub_state
