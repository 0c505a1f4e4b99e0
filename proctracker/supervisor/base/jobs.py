"""The supervisor's jobs that have not ended: each row with what only lives in memory."""

from __future__ import annotations

import os
from enum import IntEnum

from proctracker import runtimes
from proctracker.linux import clock
from proctracker.model import JobRow, JobState
from proctracker.model.marks import ENDING
from proctracker.runtimes.base import Engine, Monitor
from proctracker.supervisor.base.loop import Timer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Iterable, Iterator

GRACE = 10.0
"""Seconds between the first signal and SIGKILL for ends that nobody asked for in person."""


def engine_of(job: Job) -> Engine:
    """Return the engine a job was started by, which every later call goes to."""
    return Engine.of(job.spec.get("engine"))


class Phase(IntEnum):
    """Where a job is on its way. Its row's state is what users see of that."""

    WAITING = 0
    """Nothing of it is there: it is queued or held."""
    STARTING = 1
    """Its start is under way: it can be neither begun again nor be taken back."""
    RUNNING = 2
    """Its process or container is there, suspended or not, or its exit is being found out."""
    ENDED = 3


class Job:
    """One live job. ``spec`` is shared by all tasks of an array."""

    __slots__ = (
        "cgroup", "ending", "gone", "holds", "monitor", "notice", "phase", "pidfd", "row", "run", "seen", "spec",
        "spec_context", "stdin", "streams", "ticket", "timers", "told", "tries", "waits_for",
    )  # fmt: skip

    def __init__(self, row: JobRow, spec: dict[str, Any], context: str) -> None:
        self.row = row
        self.spec = spec
        self.spec_context = context
        self.run = 0
        """Counts its starts: an answer that was asked for in an earlier one means nothing in this."""
        self.phase = _phase(row)
        self.holds = False
        """It takes its slots."""
        self.ticket = 0
        """Its place in the queue, which alone writes this: entries with another number are void."""
        self.stdin: int | None = None
        """A descriptor its submitter handed over."""
        self.pidfd: int | None = None
        self.cgroup: Any = None
        self.monitor: Monitor | None = None
        """Where the end of its container will be written down."""
        self.timers: dict[str, Timer] = {}
        self.streams = False
        """A command of its engine's CLI is carrying its streams."""
        self.gone = 0.0
        """When its process ended, while that command is still writing."""
        self.seen = True
        """The end of its process was seen as it came, so it is known when that was."""
        self.tries = 0
        self.notice: str | None = None
        """What is to be told of it once it has ended: a warning at its start, or that its array was halted."""
        self.ending = _ending(row)
        """Why it is being ended, if it is: a key of ENDING."""
        self.told: tuple[int, float] | None = None
        """Signal and grace of an end that was asked for while its container was being started."""
        self.waits_for: set[str] = set()
        """Jobs that must end first."""

    def renew(self, row: JobRow) -> None:
        """Take over what another host has written of this job."""
        self.row, self.phase = row, _phase(row)

    @property
    def waits(self) -> bool:
        """Nothing of it is there yet, or any more: no start is under way, and none is looked for."""
        return self.phase is Phase.WAITING

    @property
    def starting(self) -> bool:
        """Its start is under way."""
        return self.phase is Phase.STARTING

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

    def drop_stdin(self) -> None:
        """Close the descriptor a submitter handed over."""
        if self.stdin is not None:
            os.close(self.stdin)
            self.stdin = None

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

    def started(self, job: Job, pid: int, ticks: int | None) -> None:
        """Record which process a job is now, or (STARTING) the call that starts it."""
        self.gone(job)
        job.row.pid, job.row.ticks = pid, ticks
        self.by_pid[pid] = job

    def forget_process(self, job: Job) -> None:
        """Record that a job has no process now."""
        self.gone(job)
        job.row.pid = job.row.ticks = None

    def gone(self, job: Job) -> None:
        """Note that the job's process exited, so that its pid may soon be another's."""
        if job.row.pid and self.by_pid.get(job.row.pid) is job:
            del self.by_pid[job.row.pid]

    def remove(self, job: Job) -> None:
        """The job has ended."""
        self.gone(job)
        job.cancel_timers()
        job.run += 1  # what was asked for while it was live means nothing any more
        self.by_id.pop(job.row.id, None)


def _ending(row: JobRow) -> str | None:
    """Return why a job of the store is being ended.

    A release before this one did not say why of one that was being started.
    """
    if row.ended:
        return None
    return row.sub_state if row.sub_state in ENDING else "terminating" if row.kill_at else None


def _phase(row: JobRow) -> Phase:
    """Tell where a job of the store is: a start of a container that was begun may have made one."""
    if row.ended:
        return Phase.ENDED
    if JobState(row.state).queued:
        return Phase.STARTING if row.container and row.dispatched is not None else Phase.WAITING
    return Phase.RUNNING


def set_state(row: JobRow, state: JobState, now: float, sub_state: str | None = None) -> None:
    """Change a row's state at an epoch second, and its running clock with it."""
    if row.since is not None and state != JobState.RUNNING:
        row.ran, row.running_since, row.since = row.running_time(clock.at(now)), None, None
    elif row.since is None and state == JobState.RUNNING:
        row.running_since, row.since = now, clock.at(now)
    row.state, row.sub_state = int(state), sub_state
