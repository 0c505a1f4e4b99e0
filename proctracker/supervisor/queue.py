"""Which job starts next: priorities, slots of sessions, arrays and the host, holds, start times, dependencies."""

from __future__ import annotations

import heapq
import itertools
import os
import time
from typing import TYPE_CHECKING, NamedTuple

from proctracker.model import JobState
from proctracker.supervisor.jobs import Job

if TYPE_CHECKING:
    from proctracker.supervisor.core import Core

AT_ONCE = 4
"""Starts before the loop looks at its descriptors again: ends and submits must not wait behind an array of thousands."""

LOOK_AGAIN = 1.0
"""Seconds between looks at slots that another supervisor's jobs take: no event tells of those."""


class Entry(NamedTuple):
    """A place in the queue: higher priority first, then the older job, then the lower task."""

    priority: int
    num: int
    task: int
    ticket: int
    job: Job


class Lane:
    """Queued jobs that share their bounds: a session's, or one array's of it."""

    __slots__ = ("entries", "limit", "running")

    def __init__(self, limit: int) -> None:
        self.entries: list[Entry] = []
        self.limit = limit
        self.running = 0

    def head(self) -> Entry | None:
        """The next job that is still waiting here."""
        while self.entries:
            entry = self.entries[0]
            if entry.ticket == entry.job.ticket:
                return entry
            heapq.heappop(self.entries)
        return None


class Line:
    """A session's queue."""

    __slots__ = ("lanes", "limit", "used")

    def __init__(self) -> None:
        self.lanes: dict[int, Lane] = {0: Lane(0)}
        self.limit: int | None = None
        self.used = 0

    def head(self) -> Entry | None:
        """The next job of all lanes that have room. Lanes of arrays that are through are forgotten."""
        best: Entry | None = None
        for number, lane in list(self.lanes.items()):
            entry = lane.head()
            if entry is None:
                if number and not lane.running:
                    del self.lanes[number]
            elif not (lane.limit and lane.running >= lane.limit) and (best is None or entry < best):
                best = entry
        return best


class Queue:
    """Every job that waits for its start."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._lines: dict[str, Line] = {}
        self._used = 0
        self._tickets = itertools.count(1)
        self._dependents: dict[str, dict[str, Job]] = {}
        self._soon = False
        self._shared = False
        self._looked = 0

    def add(self, job: Job) -> None:
        """A job waits from now on; what has to be awaited first is looked at here."""
        row = job.row
        job.ticket = next(self._tickets)
        if row.state in (JobState.QUEUED_HELD, JobState.REQUEUED_HELD) or not self._free(job):
            return
        start = job.spec.get("start_time")
        if start is not None and start > time.time():
            job.timer("start", self._core.loop.at(start, lambda: self.add(job)))
            return
        lane = self._lane(job)
        heapq.heappush(lane.entries, Entry(-row.priority, row.num, row.task or 0, job.ticket, job))
        self.kick()

    def drop(self, job: Job) -> None:
        """A job waits no longer (held, terminated)."""
        job.ticket = 0
        job.timer("start", None)

    def _lane(self, job: Job) -> Lane:
        line = self._line(job.row.session)
        limit = int(job.spec.get("max_parallel") or 0) if job.row.task is not None else 0
        number = job.row.num if limit else 0
        lane = line.lanes.get(number)
        if lane is None:
            lane = line.lanes[number] = Lane(limit)
        return lane

    def _line(self, session: str) -> Line:
        line = self._lines.get(session)
        if line is None:
            line = self._lines[session] = Line()
        return line

    # slots

    def take(self, job: Job) -> None:
        """A job takes its slots: it starts, or was found running."""
        if not job.holds:
            job.holds = True
            self._count(job, 1)

    def give_back(self, job: Job) -> None:
        """A job has ended or waits again."""
        if job.holds:
            job.holds = False
            self._count(job, -1)
            self.kick()

    def _count(self, job: Job, sign: int) -> None:
        self._line(job.row.session).used += sign * job.row.slots
        self._lane(job).running += sign
        self._used += sign * job.row.slots

    def limits_changed(self, session: str | None = None) -> None:
        """A session's max_running was changed, or (None) the host's."""
        if session in self._lines:
            self._lines[session].limit = None
        self.kick()

    def _room(self, session: str, line: Line) -> float:
        """Slots that a session may still take."""
        if line.limit is None:
            found = self._core.store.session(session)
            line.limit = found[1] if found else 0
        host = int(self._core.settings["max_running_host"])
        room = float("inf")
        if line.limit:
            room = line.limit - line.used - (self._elsewhere(session) if self.others() else 0)
        if host:
            room = min(room, host - self._used - (self._elsewhere(None) if self.others() else 0))
        return room

    def others(self) -> bool:
        """Whether other supervisors run, or ran, over the same store: each has a lock beside ours."""
        run = self._core.home.run
        try:
            changed = os.stat(run).st_mtime_ns
            if changed != self._looked:
                names = os.listdir(run)
                self._shared = any(name.endswith(".lock") and name != f"{self._core.key}.lock" for name in names)
                self._looked = changed
        except OSError:
            return self._shared  # the state directory was removed
        return self._shared

    def _elsewhere(self, session: str | None) -> int:
        taken = self._core.store.running_slots(session, but=self._core.key)
        if taken:
            self._core.loop.after(LOOK_AGAIN, self.kick)
        return taken

    # starting

    def kick(self) -> None:
        """Something may start: look once this round of the loop is served."""
        if not self._soon:
            self._soon = True
            self._core.loop.soon(self._start_some)

    def _start_some(self) -> None:
        self._soon = False
        if self._core.paused:
            return
        for _ in range(AT_ONCE):
            entry = self._next()
            if entry is None:
                break
            job = entry.job
            job.ticket = 0
            self.take(job)
            self._core.starter.start(job)
        else:
            self._soon = True
            self._core.loop.after(0, self._start_some)
        if self.others():
            self._core.ledger.flush()  # they count what runs here by the store

    def _next(self) -> Entry | None:
        """The best job that may start now."""
        best: Entry | None = None
        for session, line in list(self._lines.items()):
            entry = line.head()
            if entry is None:
                continue
            room = self._room(session, line)
            # A job that wants more slots than there ever are starts when it has all of them.
            if room < entry.job.row.slots and (line.used or room <= 0):
                continue
            if best is None or entry < best:
                best = entry
        return best

    # dependencies

    def _free(self, job: Job) -> bool:
        """Whether nothing has to end first; fails the job where what it waits for has failed."""
        core = self._core
        wanted = [(name, True) for name in job.spec.get("after") or ()]
        wanted += [(name, False) for name in job.spec.get("after_any") or ()]
        job.waits_for = set()
        if wanted:
            core.ledger.flush()  # what ended just now is no longer live here, and the store has to say so
        for name, done in wanted:
            rows = core.store.jobs([name]) if core.jobs.find(name) is None else []
            live = core.jobs.find(name) is not None or any(not row.ended for row in rows)
            parts = core.jobs.task_jobs(int(name)) if name.isdigit() else []
            if live or any(True for _ in parts):
                job.waits_for.add(name)
                for other in [name, *(part.row.id for part in parts)]:
                    self._dependents.setdefault(other, {})[job.row.id] = job
            elif done and not self._all_done(name):
                self._refuse(job, name)
                return False
        return not job.waits_for

    def _refuse(self, job: Job, name: str) -> None:
        """A job that was to follow on one that did not end DONE never starts."""
        ends = self._core.ends
        self._core.loop.soon(lambda: ends.refused(job, f"job {name} did not end DONE", "dependency"))

    def _all_done(self, name: str) -> bool:
        """Whether a job, or every task of an array, ended DONE."""
        rows = self._core.store.jobs([name])
        array = self._core.store.array(int(name)) if not rows and name.isdigit() else None
        if array is not None:
            rows = self._core.store.jobs([f"{name}_{task}" for task in array.indices])
        return bool(rows) and all(row.state == JobState.DONE for row in rows)

    def awaited(self, job_id: str) -> bool:
        """Whether queued jobs wait for the end of this one."""
        return job_id in self._dependents

    def ended(self, job: Job) -> None:
        """A job has ended, durably: those that wait for it are looked at again."""
        for waiting in self._dependents.pop(job.row.id, {}).values():
            if waiting.ticket and waiting.row.state == JobState.QUEUED and waiting.waits_for:
                self.add(waiting)
