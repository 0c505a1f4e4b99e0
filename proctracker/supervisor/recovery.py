"""Taking over: what a former supervisor left in the store, in the journals, in the process table and in the engines."""

from __future__ import annotations

import os
import time

from proctracker import runtimes
from proctracker.model import JobRow, JobState
from proctracker.supervisor import clock, confinement, election, heritage, pidfd, procfs, resumption, shapes
from proctracker.supervisor.jobs import ENDING, Job
from proctracker.supervisor.journal import End, Start
from proctracker.supervisor.reaper import alive

TYPE_CHECKING = False
if TYPE_CHECKING:
    from proctracker.supervisor.core import Core

SETTLE = 2.0
"""Seconds a process may be between fork and exec; after that its environment says whose it is."""

HINDSIGHT = 3600.0
"""Seconds before a start within which processes of other jobs may have begun whose ends came after it."""

LOOK = 1.0
"""Seconds between looks at a process that is nobody's child here, where there are no process descriptors."""

CONFINEMENT_OVER = "the allocation or login it was submitted in is over"
"""Why a queued job never starts whose confinement has no supervisor any more."""

_RUNNING = (JobState.RUNNING, JobState.SUSPENDED)


def recover(core: Core) -> None:
    """Take in every live job of the store."""
    starts, ends = core.seat.journal.read()
    _, kept = core.seat.kept.read()
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
    open_starts = {start.id: start for start in starts}
    others = {start.pid for start in starts}
    by_pid = {end.pid: end for end in [*kept, *ends]}
    for job in core.jobs:
        row = job.row
        if row.ended:
            continue
        start = open_starts.get(row.id)
        if start is not None and start.attempt == row.attempt and row.pid is None and row.dispatched is None:
            _open_start(core, job, start, starts[-1] is start, by_pid, others)
        _take_over(core, job, by_pid)
    core.containers.look([job.row.id for job in core.jobs if job.row.container and JobState(job.row.state) in _RUNNING])
    core.paused = core.stands_in or (core.seat.turn == 0 and len(core.jobs) > 0)
    if core.stands_in and not confinement.ordinary(core.key):
        for job in [job for job in core.jobs if job.row.dispatched is None]:
            core.ends.refused(job, CONFINEMENT_OVER, "confinement-gone")
    core.reaper.kept()
    core.reaper.reap()
    _other_supervisors(core)
    core.ledger.then(lambda: None)


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
        if mark in found:
            row.boot, row.dispatched = core.boot, time.time()
            core.jobs.started(job, *found[mark])
            core.ledger.change(row, JobState.RUNNING, at=row.dispatched)
        elif os.path.exists(core.home.kept(row.id, row.attempt, "out", job.spec.get("output_dir"))):
            core.ends.lost(job, "lost", "keeper and supervisor were killed just when it was started")


def _open_start(
    core: Core, job: Job, start: Start, last: bool, by_pid: dict[int, End], others: set[int | None]
) -> None:
    """A start in the journal that is not in the store: find out which process it became, if any."""
    row = job.row
    pid, ticks = start.pid, start.ticks
    if pid is None and last:
        pid, ticks = _became(core, row, start, by_pid, others)
        # Another kill may come before the next commit, and another start before that kill.
        core.seat.journal.started(pid or 0, ticks or 0)
    if not pid:
        return  # it was never made, or failed: it waits in the queue as before
    row.boot, row.dispatched = core.boot, start.time
    if runtimes.get(row.runtime).containers:
        row.container = core.home.container(row.id, row.attempt)
        core.jobs.started(job, pid, ticks)
        core.ledger.change(row)
        return
    stat = procfs.stat(pid)
    core.jobs.started(job, pid, ticks or (stat.ticks if stat and procfs.mark(pid) == core.mark(row) else 0))
    core.ledger.change(row, JobState.RUNNING, at=row.dispatched)


def _became(
    core: Core, row: JobRow, start: Start, by_pid: dict[int, End], others: set[int | None]
) -> tuple[int | None, int | None]:
    """The process of a start whose supervisor did not live to write its pid down: marked, or ended and reaped above us."""
    mark = core.mark(row)
    known = {job.row.pid for job in core.jobs} | core.store.pids_since(start.time - HINDSIGHT) | others
    began = int((time.clock_gettime(time.CLOCK_BOOTTIME) - (time.time() - start.time)) * procfs.clock_ticks) - 1
    until = time.time() + SETTLE
    while True:
        # In this order, which is that of a process' life: between fork and exec, marked, zombie, put down by the keeper.
        between = _between(core)
        marked = procfs.marked(mark)
        if marked:
            return min(marked, key=lambda each: each[1])
        between = _between(core) or between
        _, now = core.seat.kept.read()
        unknown = [end for end in now if end.pid not in known and end.time >= start.time and end.ticks >= began]
        if unknown:
            by_pid[unknown[-1].pid] = unknown[-1]
            return unknown[-1].pid, unknown[-1].ticks
        if not between or time.time() > until:
            return None, None
        time.sleep(0.005)


def _between(core: Core) -> bool:
    """Whether a child of the keeper is still the image of a supervisor, in the midst of exec, or a zombie."""
    for pid in procfs.children(core.seat.keeper):
        stat = procfs.stat(pid)
        if pid == os.getpid() or stat is None:
            continue
        words = procfs.cmdline(pid)
        if stat.state in "ZX" or not words or any(b"proctracker.supervisor" in word for word in words):
            return True
    return False


def _take_over(core: Core, job: Job, by_pid: dict[int, End]) -> None:
    """Put a job where it belongs: into the queue, under watch, or to its end."""
    row = job.row
    state = JobState(row.state)
    if row.boot != core.boot and row.kill_at:
        row.kill_at = clock.boottime()  # counted from the start of a boot that is over
    if row.sub_state in ENDING or row.kill_at:
        # Of one that was just being started the row does not say why.
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
        _process(core, job, by_pid)
    elif row.container and row.dispatched is not None and state.queued:
        core.queue.take(job)
        job.starting = True
        job.called = row.pid
        if not row.pid or not alive(row.pid, row.ticks):
            job.starting = False
            resumption.find(core, job)
        else:
            _watch(core, job)
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


def _process(core: Core, job: Job, by_pid: dict[int, End]) -> None:
    """A plain process that ran when the last supervisor ended."""
    row = job.row
    end = by_pid.get(row.pid or 0)
    if end is not None and core.reaper.same(job, end):
        if end.cpu is not None or not alive(end.pid, end.ticks):
            core.ends.process(job, end)
            return
    stat = procfs.stat(row.pid) if row.pid else None
    if stat is None or stat.ticks != row.ticks:
        core.loop.after(0.2, lambda: _missing(core, job))  # the keeper may just be writing down how it ended
    elif stat.ppid not in (core.seat.keeper, os.getpid()):
        _watch(core, job)
    core.output_limits.started(job)


def _missing(core: Core, job: Job, when: float | None = None) -> None:
    """Nobody has seen how it ended; ``when``: but that it did."""
    core.reaper.kept(final=True)
    if not job.row.ended:
        core.ends.lost(job, "lost", "it ended while neither its supervisor nor the keeper lived", when)


def _watch(core: Core, job: Job) -> None:
    """Wait for the end of a process that is not our child: how it ended nobody will know."""
    row = job.row
    if pidfd.available():
        try:
            fd = pidfd.open(row.pid or 0)
        except ProcessLookupError:
            core.loop.soon(lambda: _gone(core, job))
            return
        if alive(row.pid or 0, row.ticks):
            job.pidfd = fd
            core.loop.watch(fd, lambda: _gone(core, job))
            return
        os.close(fd)
        core.loop.soon(lambda: _gone(core, job))
        return

    def look() -> None:
        if alive(row.pid or 0, row.ticks):
            core.loop.after(LOOK, look)
        else:
            _gone(core, job)

    core.loop.after(LOOK, look)


def _gone(core: Core, job: Job) -> None:
    """A process that was watched from afar has ended."""
    if job.pidfd is not None:
        core.loop.forget(job.pidfd)
        os.close(job.pidfd)
        job.pidfd = None
    if job.row.container:
        resumption.call_gone(core, job.called or -1)
    else:
        now = time.time()
        core.loop.after(0.05, lambda: _missing(core, job, now))


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
