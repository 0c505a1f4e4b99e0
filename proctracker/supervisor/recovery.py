"""Taking over: what a former supervisor left in the store, in the journals, in the process table and in the engines.

In this order: the keeper's ends, the journal, the store, then processes, then engines. What one has settled no later one
changes, and everything is matched by job and attempt, or by pid and start time.
"""

from __future__ import annotations

import os
import time

from proctracker import runtimes
from proctracker.linux import clock, procfs
from proctracker.model import JobRow, JobState
from proctracker.supervisor import heritage
from proctracker.supervisor.base import shapes, spawned
from proctracker.supervisor.base.jobs import ENDING, Job
from proctracker.supervisor.base.journal import End, Start
from proctracker.supervisor.processes.watch import alive
from proctracker.supervisor.running import resumption
from proctracker.wire import confinement, election

TYPE_CHECKING = False
if TYPE_CHECKING:
    from proctracker.supervisor.service import Core

FOUND = "found by its mark alone: keeper and supervisor were killed just when it was started, so how it ends nobody can tell"
"""Annotation of a job whose process is the likeliest one there is, not one that was put down."""

HINDSIGHT = 3600.0
"""Seconds before a start within which processes of other jobs may have begun whose ends came after it."""

CONFINEMENT_OVER = "the allocation or login it was submitted in is over"
"""Why a queued job never starts whose confinement has no supervisor any more."""

_RUNNING = (JobState.RUNNING, JobState.SUSPENDED)


def recover(core: Core) -> None:
    """Take in every live job of the store."""
    past = Past(core)
    core.sweeps.recover()
    heritage.take_over(core)
    rows = [row for row in core.store.live(core.key) if shapes.known(row)]
    specs = core.store.specs(list({row.spec for row in rows}))
    for row in rows:
        job = core.load(row, specs)
        if row.ended:
            continue
        if row.dispatched is not None and row.container is None and JobState(row.state).queued:
            row.dispatched = None  # its slots were claimed, then the supervisor was killed
            core.ledger.change(job.row)
    if core.seat.turn == 0:
        _without_journal(core)
    for job in core.jobs:
        past.replay(job)
        if not job.row.ended:
            _take_over(core, job)
    core.containers.look([job.row.id for job in core.jobs if job.row.container and JobState(job.row.state) in _RUNNING])
    here = any(not (job.row.container and runtimes.get(job.row.runtime).batch) for job in core.jobs)
    core.paused = core.stands_in or (core.seat.turn == 0 and here)
    if core.stands_in and not confinement.ordinary(core.key):
        for job in [job for job in core.jobs if job.row.dispatched is None]:
            core.ends.refused(job, CONFINEMENT_OVER, "confinement-gone")
    core.reaper.kept()
    core.reaper.reap()
    core.folders.tidy(core.store, core.key)
    _other_supervisors(core)
    core.ledger.then(lambda: None)


class Past:
    """What the journals say of jobs and the store does not say yet."""

    def __init__(self, core: Core) -> None:
        self._core = core
        starts, ends = core.seat.journal.read()
        _, kept = core.seat.kept.read()
        if starts and starts[-1].pid is None:
            # A keeper of an older release did not put it down. Another kill may come before the next commit.
            known = {start.pid for start in starts} | core.store.pids_since(starts[-1].time - HINDSIGHT)
            pid, ticks = spawned.find(starts[-1], core.seat.keeper, [end for end in kept if end.pid not in known])
            core.seat.journal.started(pid, ticks)
            starts[-1] = starts[-1]._replace(pid=pid, ticks=ticks)
        self._starts = {(start.id, start.attempt): start for start in starts}
        self._ends: dict[int, list[End]] = {}
        for end in [*kept, *ends]:
            self._ends.setdefault(end.pid, []).append(end)

    def replay(self, job: Job) -> None:
        """Carry out once more what was not committed: starts and ends in turn, of one attempt after the other."""
        row, attempt = job.row, 0
        while row.attempt != attempt and not row.ended:
            attempt = row.attempt
            start = self._starts.get((row.id, attempt))
            if start is not None and start.pid and row.pid is None and row.dispatched is None:
                self._started(job, start)
            self._ended(job)
            following = self._starts.get((row.id, attempt + 1))
            if following is not None and following.pid and row.attempt == attempt and row.container:
                self._core.ends.followed(job)  # its engine told how this attempt ended, and the next one was begun

    def _started(self, job: Job, start: Start) -> None:
        """A start that is not in the store."""
        core, row = self._core, job.row
        core.queue.drop(job)
        row.boot, row.dispatched = core.boot, start.time
        pid, ticks = start.pid or 0, start.ticks or 0
        if runtimes.get(row.runtime).containers:
            row.container = core.home.container(row.id, row.attempt)
            core.jobs.started(job, pid, ticks)
            core.ledger.change(row)
            return
        core.jobs.started(job, pid, ticks or self._ticks(start))
        core.ledger.change(row, JobState.RUNNING, at=row.dispatched)

    def _ticks(self, start: Start) -> int:
        """When a process started whose pid alone was put down; 0: it has ended, and only its pid tells of that."""
        stat = procfs.stat(start.pid or 0)
        if (
            self._end(start.pid or 0, 0, start.time) is None
            and stat
            and stat.ppid in (self._core.seat.keeper, os.getpid())
        ):
            return stat.ticks
        return 0

    def _ended(self, job: Job) -> None:
        """An end that is not in the store."""
        row = job.row
        if JobState(row.state) in _RUNNING and job.supervised and row.pid and row.boot == self._core.boot:
            end = self._end(row.pid, row.ticks or 0, row.dispatched or 0.0)
            if end is not None:
                self._core.ends.process(job, end)
                self._core.afar.drop(end.pid, end.ticks)

    def _end(self, pid: int, ticks: int, since: float) -> End | None:
        """How a process ended that one of us has reaped, or is reaping; twice where one died over it."""
        found = self._ends.get(pid, [])
        same = [end for end in found if (end.ticks == ticks if end.ticks and ticks else end.time >= since)]
        return max(same, key=lambda end: end.cpu is not None, default=None)


def _without_journal(core: Core) -> None:
    """Keeper and supervisor died at once, or the machine did: what was just being started is told by what it left."""
    queued = {core.mark(job.row): job for job in core.jobs if job.row.dispatched is None and not job.row.container}
    if not queued:
        return
    found = procfs.marks(f"{core.uuid}/") if any(job.row.boot is None for job in queued.values()) else {}
    for mark, job in queued.items():
        row = job.row
        if runtimes.get(row.runtime).containers:
            continue  # an engine refuses a second container of the same name
        stat = procfs.stat(found[mark][0]) if mark in found else None
        if stat is not None and stat.session == stat.pid:
            row.boot, row.dispatched, row.annotation = core.boot, time.time(), FOUND
            core.jobs.started(job, stat.pid, stat.ticks)
            core.ledger.change(row, JobState.RUNNING, at=row.dispatched)
        elif mark in found or os.path.exists(core.home.kept(row.id, row.attempt, "out", job.spec.get("output_dir"))):
            core.ends.lost(job, "lost", "keeper and supervisor were killed just when it was started")


def _take_over(core: Core, job: Job) -> None:
    """Put a job where it belongs: into the queue, under watch, or to its end."""
    row = job.row
    if row.container and runtimes.get(row.runtime).batch is not None:
        core.queue.take(job)
        core.batch_controls.recover(job)
        core.batch.recover(job)
        return
    state = JobState(row.state)
    if row.boot != core.boot and row.kill_at:
        row.kill_at = clock.boottime()  # counted from the start of a boot that is over
    if row.sub_state in ENDING or row.kill_at:
        # A release before this one did not say why of one that was just being started.
        job.ending = row.sub_state if row.sub_state in ENDING else "terminating"
    core.controls.keep_deadline(job)
    if state in _RUNNING:
        core.queue.take(job)
        if row.boot == core.boot:
            core.controls.limit_time(job)
        if job.ending:
            core.controls.await_grace(job)
    if row.dispatched is not None and row.boot != core.boot:
        _rebooted(core, job)
    elif state in _RUNNING and job.supervised:
        _process(core, job)
    elif row.container and row.dispatched is not None and state.queued:
        resumption.resume(core, job)
    elif state.queued:
        core.intake.enter(job)


def _rebooted(core: Core, job: Job) -> None:
    """Its boot is over: its processes are gone; an engine may know how its container ended."""
    row = job.row
    core.jobs.started(job, None, None)
    if row.container:
        if JobState(row.state).queued:
            resumption.find(core, job)
        return  # it is among those looked at
    core.ends.lost(job, "lost", "the machine was started anew while it ran")


def _process(core: Core, job: Job) -> None:
    """A plain process that ran when the last supervisor ended."""
    row = job.row
    stat = procfs.stat(row.pid) if row.pid else None
    core.output_limits.started(job)
    if stat is None or stat.ticks != row.ticks or stat.ppid not in (core.seat.keeper, os.getpid()):
        core.afar.watch(row.pid or 0, row.ticks or 0, job.now(lambda end, when: _gone(core, job, end, when)))
    elif stat.ppid == core.seat.keeper:
        core.afar.hold(stat.pid, stat.ticks)  # the keeper may be the next that dies


def _gone(core: Core, job: Job, end: End | None, when: float | None) -> None:
    """It has ended, and who was its parent was none of us; or the keeper, who writes that down before it is gone."""
    core.reaper.kept()
    if job.row.ended or core.reaper.expects(job):
        return
    if end is None or job.row.annotation == FOUND:
        core.ends.lost(job, "lost", "it ended while neither its supervisor nor the keeper lived", when)
    else:
        core.ends.process(job, end)


def _other_supervisors(core: Core) -> None:
    """Jobs of confinements that are over never run elsewhere; an ordinary login's supervisor comes again for its own."""
    run = core.home.at(core.home.run)
    keys = {name[: -len(".lock")] for name in os.listdir(run) if name.endswith(".lock")}
    for key in sorted(key for key in keys if key != core.key and not confinement.ordinary(key)):
        rows = core.store.live(key)
        if not rows:
            continue
        claim = election.claim(run, key)
        if claim is None:
            continue
        try:
            for row in rows:
                _orphan(core, row)
        finally:
            election.release(claim)


def _orphan(core: Core, row: JobRow) -> None:
    """A live job whose confinement has no supervisor any more."""
    if row.dispatched is None:
        row.annotation = CONFINEMENT_OVER
        core.ledger.change(row, JobState.FAILED, "confinement-gone", finished=time.time())
    elif not row.container and not (row.pid and row.boot == core.boot and alive(row.pid, row.ticks)):
        row.annotation, row.unseen = "it ended with the allocation or login it was submitted in", 1
        row.running_since = row.since = None
        core.ledger.change(row, JobState.UNDETERMINED, "lost", finished=time.time())
