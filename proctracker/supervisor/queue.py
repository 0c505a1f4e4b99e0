"""Which job starts next: priorities, slots of sessions, arrays and the host, holds, start times."""

from __future__ import annotations

import heapq
import itertools
import os
import time

from proctracker.errors import Drmaa2Exception
from proctracker.model import JobState
from proctracker.model.records import NamedTuple
from proctracker.supervisor.dependencies import Dependencies
from proctracker.supervisor.jobs import Job

TYPE_CHECKING = False
if TYPE_CHECKING:
    from proctracker.supervisor.core import Core

AT_ONCE = 4
"""Starts before the loop looks at its descriptors again: ends and submits must not wait behind an array of thousands."""

LOOK_AGAIN = 1.0
"""Seconds until a start is tried again whose claim could not be written (disk full, quota)."""


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
        self._soon = False
        self._shared = False
        self._looked = 0
        self.dependencies = Dependencies(core, self.add)

    def add(self, job: Job) -> None:
        """A job waits from now on; what has to be awaited first is looked at here."""
        row = job.row
        job.ticket = next(self._tickets)
        if row.state in (JobState.QUEUED_HELD, JobState.REQUEUED_HELD) or not self.dependencies.met(job):
            return
        start = job.spec.get("start_time")
        if start is not None and start > time.time():
            job.timer("start", self._core.loop.on(start, lambda: self.add(job)))
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
        self._core.neighbours.once(self.kick)  # before the look: what changes after it is told
        return self._core.store.running_slots(session, but=self._core.key)

    def _claim(self, job: Job) -> bool:
        """Take a job's slots; where others take slots too, in one transaction with the count: no two get the last one."""
        core, row, line = self._core, job.row, self._line(job.row.session)
        if not ((line.limit or core.settings["max_running_host"]) and self.others()):
            self.take(job)
            return True
        store = core.store
        try:
            store.begin()
            try:
                free = self._fits(job, line)
                if free:
                    row.dispatched = time.time()
                    store.update(row, ("dispatched",))
                store.commit()
            except BaseException:
                store.rollback()
                raise
        except Drmaa2Exception:
            row.dispatched = None
            core.loop.after(LOOK_AGAIN, self.kick)
            return False
        if free:
            self.take(job)
        return free

    def _fits(self, job: Job, line: Line) -> bool:
        """Whether there is room; a job that wants more slots than there ever are starts when it has all of them."""
        room = self._room(job.row.session, line)
        return room >= job.row.slots or (not line.used and room > 0)

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
            if not self._claim(job):
                break
            job.ticket = 0
            self._core.starter.start(job)
        else:
            self._soon = True
            self._core.loop.after(0, self._start_some)

    def _next(self) -> Entry | None:
        """The best job that may start now."""
        best: Entry | None = None
        for line in list(self._lines.values()):
            entry = line.head()
            if entry is None:
                continue
            if self._fits(entry.job, line) and (best is None or entry < best):
                best = entry
        return best
