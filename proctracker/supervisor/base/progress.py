"""Carries out the events between a job's start and its end."""

from __future__ import annotations

import time

from proctracker.linux import clock
from proctracker.model import JobState
from proctracker.model.marks import STOPPED
from proctracker.runtimes.inspection import CHECKPOINTED, RESTARTING
from proctracker.supervisor.base.jobs import GRACE, Job, Phase
from proctracker.supervisor.base.life import event

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, List, Tuple

    from proctracker.model import Observation
    from proctracker.supervisor.base.here import Here

    Listeners = List[Callable[[Job], None]]
    Process = Tuple[int, int]


class Progress:
    """What ``Lifecycle`` begins and ends."""

    def __init__(self, here: Here) -> None:
        self._here = here
        self.on_started: Listeners = []
        """Called once a process or container runs."""
        self.on_requeued: Listeners = []
        """Called when another attempt follows, while the row is still that of the last one."""
        self.on_ended: Listeners = []
        """Called in this round, after those who wait for the end were told of it."""

    @event
    def contained(self, job: Job, seen: Observation, process: Process | None, began: float) -> None:
        """Record that a container runs: it was started, found again, or started anew by its engine."""
        here, row = self._here, job.row
        self._made(job, seen, process)
        if row.dispatched is None or JobState(row.state).queued:
            row.dispatched = began
        if row.boot != here.boot:
            row.ran, row.running_since, row.since = 0.0, None, None  # as its policy says: its time begins anew
            row.dispatched = self._change(job, JobState.RUNNING, RESTARTING, at=seen.started or time.time())
        again = row.annotation if row.attempt > 1 else None  # why it is tried again
        row.boot, row.annotation = here.boot, job.notice or again
        first = not row.ran and row.since is None
        self.settled(job, seen, row.dispatched if first else None)
        self._call(self.on_started, job)

    @event
    def ran(self, job: Job, seen: Observation) -> None:
        """Record that a container which has ended by now, or whose state nobody knows, has run."""
        row = job.row
        self._made(job, seen, None)
        if row.state not in (JobState.RUNNING, JobState.SUSPENDED):
            self._began(job, seen.started or row.dispatched or time.time(), JobState.RUNNING, None)

    def _began(self, job: Job, at: float, state: JobState, sub_state: str | None) -> None:
        """Record since when a container runs: maybe before what was recorded last, as a deadline that nobody kept."""
        recorded = self._change(job, state, sub_state, at=at)
        job.row.dispatched = min(recorded, max(at, job.row.submitted))

    def _made(self, job: Job, seen: Observation, process: Process | None) -> None:
        job.row.container_id = seen.container_id or job.row.container_id
        if process is None:
            self._here.jobs.forget_process(job)
        else:
            self._here.jobs.started(job, *process)

    @event
    def settled(self, job: Job, seen: Observation, at: float | None = None) -> None:
        """Record the state seen of a container, unless it is stopped by signal or being ended."""
        row = job.row
        if row.state == JobState.SUSPENDED and row.sub_state == STOPPED and seen.state == JobState.RUNNING:
            return
        kept = row.sub_state if job.ending and seen.state == JobState.RUNNING else seen.sub_state or job.ending
        if at is None:
            self._change(job, seen.state, kept)
        else:
            self._began(job, at, seen.state, kept)

    @event
    def suspended(self, job: Job, sub_state: str | None = None) -> None:
        """Record that a job is suspended."""
        job.timer("limit", None)
        if sub_state == CHECKPOINTED:
            self._here.jobs.forget_process(job)
        self._change(job, JobState.SUSPENDED, sub_state or job.ending)

    @event
    def resumed(self, job: Job, sub_state: str | None = None) -> None:
        """Record that a job runs on, or (``restarting``) is about to."""
        self._change(job, JobState.RUNNING, job.ending or sub_state)

    @event
    def noted(self, job: Job, text: str) -> None:
        """Record what keeps a job from going on."""
        if job.row.annotation != text:
            job.row.annotation = text
            self._here.ledger.change(job.row)

    @event
    def ending(self, job: Job, kill_at: float) -> None:
        """Record, durably, that a job is told to end (``job.ending``) and when it is killed."""
        row = job.row
        row.kill_at = kill_at if row.kill_at is None else min(row.kill_at, kill_at)
        self._change(job, JobState(row.state), job.ending)
        self._here.ledger.flush()

    @event
    def caught_up(self, job: Job) -> None:
        """Begin the grace of a job that was told to end during its start."""
        job.told = job.row.kill_at = None

    @event
    def inherited(self, job: Job) -> None:
        """Take over when a job is killed that a former supervisor told to end."""
        row, now = job.row, clock.boottime()
        if row.boot != self._here.boot and row.kill_at:
            row.kill_at = now  # counted from the start of a boot that is over
        if job.ending:
            row.kill_at = row.kill_at or now + GRACE

    # with a scheduler

    @event
    def handed_over(self, job: Job, name: str) -> None:
        """Record that a scheduler is about to be given a job by that name."""
        row = job.row
        row.container, row.container_id, row.boot = name, None, self._here.boot
        row.dispatched, row.annotation = time.time(), None
        self._here.ledger.handed(row)

    @event
    def taken(self, job: Job, number: str | None) -> None:
        """Record that the scheduler has a job, under that number if it says so."""
        job.row.container_id = number or job.row.container_id
        job.row.annotation = None
        self._here.ledger.change(job.row)

    @event
    def rejoined(self, job: Job) -> None:
        """Take up a job that a former supervisor handed over, or was handing over."""
        row = job.row
        job.phase = Phase.STARTING if row.container_id is None else Phase.RUNNING
        row.boot = self._here.boot
        if row.running_since is not None:
            row.since = clock.at(row.running_since)

    @event
    def observed(self, job: Job, seen: Observation) -> None:
        """Record what a scheduler says of a job."""
        row, sub_state = job.row, job.ending or seen.sub_state
        row.container_id = row.container_id or seen.container_id
        row.pid = seen.pid or row.pid  # on its own machine
        row.rss_floor = int(seen.labels["rss_floor"]) if "rss_floor" in seen.labels else row.rss_floor
        row.nodes, row.queue = ",".join(seen.nodes or ()) or row.nodes, seen.queue or row.queue
        if seen.state.ended or seen.state == JobState.UNDETERMINED:
            return  # how it ended is recorded by other events
        row.annotation = seen.annotation or row.annotation
        if seen.state in (JobState.RUNNING, JobState.SUSPENDED):
            row.annotation = seen.annotation
            if row.running_since is None and row.ran == 0.0:
                row.dispatched = self._change(job, seen.state, sub_state, at=seen.started or time.time())
                return
        if (row.state, row.sub_state) == (int(seen.state), sub_state):
            return
        if row.state == seen.state and seen.state.queued:
            row.sub_state = sub_state  # why it pends changes often, which is no event
            self._here.ledger.change(row)
        else:
            self._change(job, seen.state, sub_state)

    @event
    def ran_elsewhere(self, job: Job, started: float, finished: float) -> None:
        """Record when a job ran, by the clock of the machine that a scheduler gave it."""
        row = job.row
        if row.running_since is None and not row.ran:
            row.dispatched = self._change(job, JobState.RUNNING, at=started)
        if not row.ran:  # it was never suspended
            row.ran = max(0.0, finished - started)
            row.running_since = row.since = None

    def _change(
        self,
        job: Job,
        state: JobState,
        sub_state: str | None = None,
        *,
        at: float | None = None,
        finished: float | None = None,
    ) -> float:
        return self._here.ledger.change(job.row, state, sub_state, at=at, finished=finished)

    @staticmethod
    def _call(listeners: Listeners, job: Job) -> None:
        for call in listeners:
            call(job)
