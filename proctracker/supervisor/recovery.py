"""Takes over what a former supervisor left: store, journals, processes, engines.

In this order: the keeper's ends, the journal, the store, then processes, then engines. What one has settled no later one
changes, and everything is matched by job and attempt, or by pid and start time.
"""

from __future__ import annotations

import os
import time

from proctracker import runtimes
from proctracker.linux import procfs
from proctracker.model import JobState
from proctracker.supervisor import heritage
from proctracker.supervisor.base import shapes, spawned
from proctracker.supervisor.base.faults import contained
from proctracker.supervisor.base.jobs import Job, engine_of
from proctracker.supervisor.base.journal import End, Start
from proctracker.supervisor.running import identity
from proctracker.wire import confinement

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    from proctracker.model import JobRow
    from proctracker.supervisor.service import Service

FOUND = "found by its mark alone: keeper and supervisor were killed just when it was started, so how it ends nobody can tell"
"""Annotation of a job whose process is the likeliest one, not a recorded one."""

HINDSIGHT = 3600.0
"""Seconds before a start within which other jobs' processes may have begun."""

_RUNNING = (JobState.RUNNING, JobState.SUSPENDED)


def recover(service: Service) -> None:
    """Take in what a former supervisor left. Raises Drmaa2Exception where the store cannot be read."""
    with service.faults:
        _recover(service)


def _recover(service: Service) -> None:
    here = service.here
    past = Past(service)
    service.leftovers.recover()
    heritage.take_over(here)
    rows = [row for row in here.store.live(here.key) if shapes.known(row)]
    specs = here.store.specs(list({row.spec for row in rows}))
    for row in rows:
        _alone(service, row, lambda it: _load(service, it, specs))
    if here.seat.turn == 0:
        _without_journal(service)
    for job in here.jobs:
        _alone(service, job.row, lambda row: _go_on(service, past, row))
    service.containers.inherit([job for job in here.jobs if not job.supervised and job.row.state in _RUNNING])
    ours = any(not service.batch_controls.has(job) for job in here.jobs)
    service.queue.paused = here.stands_in or (here.seat.turn == 0 and ours)
    if here.stands_in and not confinement.ordinary(here.key):
        for job in [job for job in here.jobs if job.waits]:
            service.lifecycle.refused(job, heritage.CONFINEMENT_OVER, "confinement-gone")
    service.watch.kept()
    service.children.reap()
    service.folders.tidy(here.store, here.key)
    heritage.end_others(here)
    here.ledger.then(lambda: None)


def _alone(service: Service, row: JobRow, step: Callable[[JobRow], None]) -> None:
    """Take a step with one job, which ends it alone where it raises."""

    def broken(why: str) -> None:
        service.lifecycle.broken(service.here.jobs.find(row.id) or Job(row, {}, ""), why)

    contained(lambda: step(row), broken)


def _load(service: Service, row: JobRow, specs: dict[int, tuple[str, str]]) -> None:
    job = service.lifecycle.load(row, specs)
    job.cgroup = None if row.container or not row.pid else service.groups.of(row)
    if job.waits and row.dispatched is not None:
        service.lifecycle.unclaimed(job)  # its slots were claimed, then the supervisor was killed
        service.here.ledger.change(row)


def _go_on(service: Service, past: Past, row: JobRow) -> None:
    job = service.here.jobs.find(row.id)
    if job is None:
        return
    past.replay(job)
    if not row.ended:
        _take_over(service, job)


class Past:
    """What the journals say of jobs and the store does not say yet."""

    def __init__(self, service: Service) -> None:
        self._service, self._here = service, service.here
        seat, store = self._here.seat, self._here.store
        starts, ends = seat.journal.read()
        _, kept = seat.kept.read()
        if starts and starts[-1].pid is None:
            # A keeper of an older release did not put it down. Another kill may come before the next commit.
            known = {start.pid for start in starts} | store.pids_since(starts[-1].time - HINDSIGHT)
            pid, ticks = spawned.find(starts[-1], seat.keeper, [end for end in kept if end.pid not in known])
            seat.journal.started(pid, ticks)
            starts[-1] = starts[-1]._replace(pid=pid, ticks=ticks)
        self._starts = {(start.id, start.attempt): start for start in starts}
        self._ends: dict[int, list[End]] = {}
        for end in [*kept, *ends]:
            self._ends.setdefault(end.pid, []).append(end)

    def replay(self, job: Job) -> None:
        """Replay what was not committed: starts and ends in turn, attempt by attempt."""
        row, attempt = job.row, 0
        while row.attempt != attempt and not row.ended:
            attempt = row.attempt
            start = self._starts.get((row.id, attempt))
            if start is not None and start.pid and row.pid is None and row.dispatched is None:
                self._started(job, start)
            self._ended(job)
            following = self._starts.get((row.id, attempt + 1))
            if following is not None and following.pid and row.attempt == attempt and row.container:
                self._service.lifecycle.followed(
                    job
                )  # its engine told how this attempt ended, and the next one was begun

    def _started(self, job: Job, start: Start) -> None:
        """A start that is not in the store."""
        row, pid, ticks, name = job.row, start.pid or 0, start.ticks or 0, None
        if runtimes.get(row.runtime).containers:
            name = self._here.home.container(row.id, row.attempt)
        else:
            ticks = ticks or self._ticks(start)
        self._service.lifecycle.replayed(job, (pid, ticks), start.time, name)

    def _ticks(self, start: Start) -> int:
        """Return when a start's process began, or 0 where it has exited."""
        stat = procfs.stat(start.pid or 0)
        if (
            self._end(start.pid or 0, 0, start.time) is None
            and stat
            and stat.ppid in (self._here.seat.keeper, os.getpid())
        ):
            return stat.ticks
        return 0

    def _ended(self, job: Job) -> None:
        """An end that is not in the store."""
        row = job.row
        if JobState(row.state) in _RUNNING and job.supervised and row.pid and row.boot == self._here.boot:
            end = self._end(row.pid, row.ticks or 0, row.dispatched or 0.0)
            if end is not None:
                self._service.exits.process(job, end)
                self._service.watch.drop(end.pid, end.ticks)

    def _end(self, pid: int, ticks: int, since: float) -> End | None:
        """Return how a process exited that one of us reaped, maybe twice."""
        found = self._ends.get(pid, [])
        same = [end for end in found if (end.ticks == ticks if end.ticks and ticks else end.time >= since)]
        return max(same, key=lambda end: end.cpu is not None, default=None)


def _without_journal(service: Service) -> None:
    """Settle what was being started when keeper and supervisor died at once."""
    here = service.here
    queued = {here.mark(job.row): job for job in here.jobs if job.waits and not job.row.container}
    if not queued:
        return
    found = procfs.marks(f"{here.uuid}/") if any(job.row.boot is None for job in queued.values()) else {}
    for mark, job in queued.items():
        row = job.row
        if runtimes.get(row.runtime).containers:
            _find_start(service, job)
            continue
        stat = procfs.stat(found[mark][0]) if mark in found else None
        if stat is not None and stat.session == stat.pid:
            service.lifecycle.replayed(job, (stat.pid, stat.ticks), time.time(), None, FOUND)
        elif mark in found or os.path.exists(here.home.kept(row.id, row.attempt, "out", job.spec.get("output_dir"))):
            service.lifecycle.lost(job, "lost", "keeper and supervisor were killed just when it was started")


def _find_start(service: Service, job: Job) -> None:
    """Have the engine be asked for a container whose start's private files are there: it may have run by now."""
    here, row = service.here, job.row
    try:
        began = os.stat(identity.folder(here.home, row)).st_mtime
    except OSError:
        return  # none was begun, or none was recorded as begun that could have made one
    name = here.home.container(row.id, row.attempt)
    command = identity.command(engine_of(job), name)
    service.lifecycle.replayed(job, command or (0, 0), began, name)


def _take_over(service: Service, job: Job) -> None:
    """Put a job where it belongs: into the queue, under watch, or to its end."""
    here, row, state = service.here, job.row, JobState(job.row.state)
    clocks = service.actions.clocks
    if service.batch_controls.has(job):
        service.queue.take(job)
        service.batch_controls.recover(job)
        service.batch.recover(job)
        return
    service.lifecycle.inherited(job)
    ran = state in _RUNNING and job.supervised
    if not ran or procfs.alive(row.pid or 0, row.ticks):  # else it is told first how it ended: no clock did that
        clocks.keep_deadline(job)
        if state in _RUNNING and row.boot == here.boot:
            clocks.limit_time(job)
    if state in _RUNNING:
        service.queue.take(job)
        if job.ending:
            clocks.await_grace(job)
    if row.dispatched is not None and row.boot != here.boot:
        _rebooted(service, job)
    elif ran:
        _process(service, job)
    elif row.container and row.dispatched is not None and state.queued:
        service.queue.take(job)
        service.resumption.resume(job)
    elif state.queued:
        service.queue.add(job)


def _rebooted(service: Service, job: Job) -> None:
    """Settle a job whose boot is over, by its engine if that knows."""
    row = job.row
    service.here.jobs.forget_process(job)
    if row.container:
        if JobState(row.state).queued:
            service.resumption.find(job)
        return  # it is among those looked at
    service.lifecycle.lost(job, "lost", "the machine was started anew while it ran")


def _process(service: Service, job: Job) -> None:
    """A plain process that ran when the last supervisor ended."""
    row = job.row
    stat = procfs.stat(row.pid) if row.pid else None
    service.output_limits.started(job)
    if stat is not None and stat.ticks == row.ticks and stat.ppid == os.getpid():
        ended = job.now(lambda end: _gone(service, job, end, None))
        service.children.expect(stat.pid, ended, lambda: row.ticks or 0)
    else:
        service.watch.how(row.pid or 0, row.ticks or 0, job.now(lambda end, when: _gone(service, job, end, when)))


def _gone(service: Service, job: Job, end: End | None, when: float | None) -> None:
    """Record the exit of a process that was started before us, None being unknown."""
    if end is None or job.row.annotation == FOUND:
        service.lifecycle.lost(job, "lost", "it ended while neither its supervisor nor the keeper lived", when)
    else:
        service.exits.process(job, end)
    service.actions.clocks.keep_deadline(job)  # of another attempt, if that follows
