"""Carries out the events in a job's life, as only writer of phases and life.py's columns."""

from __future__ import annotations

import time

from proctracker.linux import clock
from proctracker.model import JobRow, JobState
from proctracker.model.marks import ENDING
from proctracker.model.observation import LOST
from proctracker.supervisor.base import attempts, shapes
from proctracker.supervisor.base.jobs import Job, Phase
from proctracker.supervisor.base.life import event
from proctracker.supervisor.base.progress import Progress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from proctracker.supervisor.base.progress import Process

NOT_STARTED = 125
"""Exit status of a job that could not be started (command.py)."""

START_FAILED = "start-failed"
"""Sub-state of a job that was not started, where its code tells nothing but that."""


class Lifecycle(Progress):
    """Has one method an event, and three lists of listeners, called in order."""

    def load(self, row: JobRow, specs: dict[int, tuple[str, str]]) -> Job:
        """Take in a job of the store, which fails if it cannot be handled.

        A process that runs is followed to its end all the same.
        """
        wrong = shapes.mend(row)
        text, context = specs.get(row.spec, ("{}", ""))
        spec = shapes.parsed(text)
        unfit = shapes.problem(spec, shapes.SPEC)
        job = Job(row, {} if unfit else spec, context)
        self._here.jobs.add(job)
        if wrong:
            self._here.ledger.accept(lambda store: store.update(row, shapes.MENDED))
        if wrong or (unfit and (row.container is not None or job.phase is not Phase.RUNNING)):
            self.not_started(job, NOT_STARTED, f"it cannot be handled: {wrong or unfit}")
        return job

    # waiting

    @event
    def claimed(self, job: Job) -> None:
        """Note within a transaction that a job takes its slots."""
        job.row.dispatched = time.time()
        self._here.store.update(job.row, ("dispatched",))

    @event
    def unclaimed(self, job: Job) -> None:
        """Give a claim up: it could not be written, or whoever made it was killed."""
        job.row.dispatched = None

    @event
    def held(self, job: Job) -> None:
        """Have a job wait for its release."""
        first = job.row.state == JobState.QUEUED
        self._change(job, JobState.QUEUED_HELD if first else JobState.REQUEUED_HELD, job.row.sub_state)

    @event
    def released(self, job: Job) -> None:
        """End that."""
        first = job.row.state == JobState.QUEUED_HELD
        self._change(job, JobState.QUEUED if first else JobState.REQUEUED, job.row.sub_state)

    # starting

    @event
    def starting(self, job: Job) -> None:
        """Begin the start of a job whose turn it is."""
        job.run += 1

    @event
    def postponed(self, job: Job, reason: str | None) -> None:
        """Take a start back, as the system is short of something."""
        row = job.row
        if row.annotation != reason or row.dispatched is not None:
            row.annotation, row.dispatched = reason, None
            self._here.ledger.change(row)

    @event
    def opened(self, job: Job, name: str) -> None:
        """Record that a container of that name is about to be started."""
        here, row = self._here, job.row
        row.container, row.boot, row.dispatched = name, here.boot, time.time()
        row.annotation = None
        here.ledger.change(row)
        here.seat.journal.opened(row.id, row.attempt, row.dispatched, here.uuid)

    @event
    def called(self, job: Job, pid: int, ticks: int) -> None:
        """Record the process of a start's CLI call, 0 for none."""
        self._here.seat.journal.started(pid, ticks)
        if pid:
            self._here.jobs.started(job, pid, ticks)

    @event
    def start_lost(self, job: Job) -> None:
        """Begin anew a start whose supervisor was killed, as it is sure that nothing was started."""
        row = job.row
        row.dispatched = row.container = row.container_id = None
        self._call(self.on_requeued, job)
        job.run += 1
        self._here.jobs.forget_process(job)
        self._here.ledger.change(row)

    @event
    def spawned(self, job: Job, pid: int, at: float, floor: int) -> None:
        """Record that a process runs since that epoch second.

        ``floor`` is the KiB below which its peak is not known.
        """
        here, row = self._here, job.row
        here.jobs.started(job, pid, None)
        row.boot, row.annotation, row.rss_floor = here.boot, None, floor
        row.dispatched = here.ledger.change(row, JobState.RUNNING, at=at)
        self._call(self.on_started, job)

    @event
    def replayed(self, job: Job, process: Process, at: float, name: str | None, note: str | None = None) -> None:
        """Carry out again a start that is not in the store, of a process or of a container."""
        here, row = self._here, job.row
        job.phase = Phase.RUNNING if name is None else Phase.STARTING
        row.boot, row.dispatched, row.container = here.boot, at, name
        row.annotation = note or row.annotation
        here.jobs.started(job, *process)
        here.ledger.change(row, *(() if name else (JobState.RUNNING,)), at=at)

    @event
    def exited(
        self, job: Job, when: float, code: int | None, signal: str | None, reason: str | None, again: bool = True
    ) -> None:
        """Record how a job ended, or with ``again`` begin another attempt if the template wants."""
        row = job.row
        row.exit_status, row.signal = code, signal
        why = ENDING.get(job.ending or "") or reason
        state = JobState.DONE if code == 0 and not why else JobState.FAILED
        if state == JobState.DONE or not again or not self._again(job, code, why):
            self._end(job, state, why, when)

    @event
    def not_started(self, job: Job, status: int, reason: str, made: bool = True) -> None:
        """Record a start that failed, without a container unless ``made``."""
        row = job.row
        row.exit_status, row.signal = status, None
        self._refuse(job, reason, START_FAILED if status == NOT_STARTED else None, made)

    @event
    def refused(self, job: Job, reason: str, sub_state: str | None) -> None:
        """Fail a job that will never start."""
        self._refuse(job, reason, sub_state, True)

    def _refuse(self, job: Job, reason: str, sub_state: str | None, made: bool) -> None:
        row = job.row
        if JobState(row.state).queued:
            self._here.jobs.forget_process(job)  # that was the call
        if not made:
            row.container = row.container_id = None
        row.annotation = reason or None
        self._end(job, JobState.FAILED, ENDING.get(job.ending or "") or sub_state, time.time())

    @event
    def given_up(self, job: Job, more: str = "") -> None:
        """Fail a job that was told to end during its start and has no container."""
        self._refuse(job, f"it was ended while its engine was starting it{more}", ENDING[job.ending or ""], False)

    @event
    def lost(self, job: Job, sub_state: str, reason: str, when: float | None = None) -> None:
        """Record that nobody can tell how a job ended, nor when unless that was seen.

        A rerunnable job that was lost is queued again, once.
        """
        row = job.row
        row.annotation = reason
        if when is None:
            row.running_since = row.since = None
        if sub_state == LOST and job.spec.get("rerunnable") and not job.ending and not self._reran(job):
            self._requeue(job, attempts.RERUN)
            return
        row.unseen = int(when is None)
        self._end(job, JobState.UNDETERMINED, sub_state, time.time() if when is None else when)

    @event
    def broken(self, job: Job, reason: str) -> None:
        """Record that a job cannot be handled, whatever becomes of it: it is never run again."""
        row = job.row
        row.annotation, row.running_since, row.since, row.unseen = reason, None, None, 1
        self._end(job, JobState.UNDETERMINED, LOST, time.time())

    @event
    def followed(self, job: Job) -> None:
        """Have the attempt be over after which another was begun already, however it ended."""
        self._requeue(job, attempts.begun(job))

    @event
    def left(self, job: Job) -> None:
        """Forget a live job: what runs runs on, what is queued never starts."""
        row = job.row
        self._here.jobs.remove(job)
        row.container = None if row.dispatched else row.container
        self._change(job, JobState.UNDETERMINED, "left", finished=time.time())

    def _again(self, job: Job, code: int | None, why: str | None) -> bool:
        row = job.row
        following = attempts.following(job, code, why, self._reran(job))
        if following is None:
            return False
        how = why or (f"ended by {row.signal}" if row.signal else f"exit status {code}")
        row.annotation = f"attempt {row.attempt}: {how}"
        self._requeue(job, following)
        row.due = clock.boottime() + float(job.spec.get("retry_delay") or 0)
        return True

    def _reran(self, job: Job) -> bool:
        """Whether it was queued again because it was lost."""
        if not job.spec.get("rerunnable"):
            return False
        self._here.ledger.flush()
        return self._here.store.reran(job.row.id)

    def _requeue(self, job: Job, sub_state: str) -> None:
        row = job.row
        self._call(self.on_requeued, job)
        self._here.jobs.forget_process(job)
        job.phase = Phase.WAITING
        job.run += 1
        job.ending = job.told = job.notice = None
        job.streams = False
        for name in ("limit", "kill", "look"):
            job.timer(name, None)
        row.kill_at = None
        row.attempt += 1
        row.container = row.container_id = row.dispatched = row.boot = None
        row.exit_status = row.signal = row.cpu = row.max_rss = None
        self._change(job, JobState.REQUEUED, sub_state)
        row.ran = 0.0

    def _end(self, job: Job, state: JobState, sub_state: str | None, when: float) -> None:
        """Record the end: whoever waits is told of it in this round. The rest comes after that."""
        job.phase = Phase.ENDED
        self._change(job, state, sub_state, finished=when)
        self._here.jobs.remove(job)
        self._here.loop.soon(lambda: self._call(self.on_ended, job))
