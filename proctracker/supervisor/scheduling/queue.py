"""Decides which job starts next, by turns, priorities, slots, holds and start times."""

from __future__ import annotations

import heapq
import itertools
import os
import time

from proctracker import runtimes
from proctracker.errors import Drmaa2Exception
from proctracker.supervisor.base import attempts
from proctracker.supervisor.base.jobs import Job
from proctracker.supervisor.scheduling.bound import Bound
from proctracker.supervisor.scheduling.chains import Chains
from proctracker.supervisor.scheduling.dependencies import Dependencies
from proctracker.supervisor.scheduling.lines import Entry, Lane, Line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    from proctracker.supervisor.base.here import Here
    from proctracker.supervisor.base.lifecycle import Lifecycle
    from proctracker.supervisor.scheduling.chains import Link
    from proctracker.supervisor.scheduling.storewatch import StoreWatch

AT_ONCE = 4
"""Starts before the loop looks at its descriptors again, so that others need not wait."""

LOOK_AGAIN = 1.0
"""Seconds until a start is tried again whose claim could not be written (disk full, quota)."""


class Queue:
    """Holds every job that waits, and calls ``start`` for the one whose turn it is."""

    def __init__(self, here: Here, storewatch: StoreWatch, lifecycle: Lifecycle, start: Callable[[Job], None]) -> None:
        self._here, self._storewatch, self._lifecycle, self._start = here, storewatch, lifecycle, start
        self._lines: dict[str, Line] = {}
        """The sessions' queues, the one whose turn it is first."""
        self._used = 0
        self._tickets = itertools.count(1)
        self._soon = False
        self._shared = False
        self._looked = 0
        self._throttled: dict[int, bool] = {}
        """Arrays with a bound of their own -> whether their scheduler keeps it."""
        self.paused = False
        """Whether jobs wait that a reboot or a double death left."""
        self.bound = Bound(self.kick)
        self.dependencies = Dependencies(here, storewatch, self.add, lifecycle.refused)
        self.chains = Chains(here, self.dependencies, self.dependencies.again)

    def add(self, job: Job) -> None:
        """Queue a job, after what has to be awaited first."""
        row = job.row
        if not job.waits:
            return
        job.ticket = next(self._tickets)
        if (job.held and not self._handed(job, "hold")) or not (self.dependencies.met(job) or self.link(job)):
            return
        due = attempts.due(job, self._here.store)
        if due is not None:
            job.timer("start", self._here.loop.at(due, lambda: self.add(job)))
            return
        start = job.spec.get("start_time")
        if start is not None and start > time.time() and not self._handed(job, "start_time"):
            job.timer("start", self._here.loop.on(start, lambda: self.add(job)))
            return
        lane = self._lane(job)
        heapq.heappush(lane.entries, Entry(-row.priority, row.num, row.task or 0, job.ticket, job))
        self.kick()

    def _handed(self, job: Job, what: str) -> bool:
        """Return whether its scheduler does that by itself."""
        batch, row, spec = runtimes.get(job.row.runtime).batch, job.row, job.spec
        if batch is None or what not in batch.hands_over or row.attempt > 1:
            return False
        waits = spec.get("after") or spec.get("after_any")
        return not (what == "hold" and (waits or self._bounded(row.session)))

    def link(self, job: Job) -> Link | None:
        """What a job is handed over with before those have ended that it waits for, or None: it waits here."""
        return None if not job.waits_for or self._bounded(job.row.session) else self.chains.link(job)

    def put_back(self, job: Job) -> None:
        """Have a job wait again that was about to be handed over."""
        self._lifecycle.postponed(job, None)
        self.give_back(job)
        self.add(job)

    def _bounded(self, session: str) -> bool:
        """Whether slots are counted: those of a job's session, or the host's."""
        return bool(self._limit(session, self._line(session)) or self._here.settings["max_running_host"])

    def throttle(self, job: Job) -> int | None:
        """Return how many tasks of its array a scheduler may run at once, or None."""
        return int(job.spec["max_parallel"]) if self._throttled.get(job.row.num) else None

    def companions(self, job: Job) -> list[Job]:
        """Begin the tasks of an array that are handed over with this one."""
        batch = runtimes.get(job.row.runtime).batch
        if job.row.task is None or job.row.attempt > 1 or batch is None or "arrays" not in batch.hands_over:
            return []
        line, lane = self._line(job.row.session), self._lane(job)
        found = []
        for entry in sorted(entry for entry in lane.entries if entry.num == job.row.num and entry.valid):
            other = entry.job
            if other.row.attempt > 1 or other.held != job.held:
                continue
            free = self._in_session(other, line) and self._on_host(other)
            if not free or (lane.limit and lane.running >= lane.limit) or not self._claim(other):
                break
            other.ticket = 0
            self._lifecycle.starting(other)
            found.append(other)
        return found

    def drop(self, job: Job) -> None:
        """A job waits no longer (held, terminated)."""
        job.ticket = 0
        job.timer("start", None)

    def delay(self, job: Job, seconds: float) -> None:
        """Let a job whose start was postponed come again after that time."""
        self.give_back(job)
        job.timer("start", self._here.loop.after(seconds, lambda: self.add(job)))

    def requeued(self, job: Job) -> None:
        """Take back the slots of an attempt, and queue the job once that is recorded."""
        self.drop(job)
        self.give_back(job)
        self._here.loop.soon(lambda: None if job.ticket else self.add(job))

    def ended(self, job: Job) -> None:
        """Take back the slots of a job that has ended, and look at those that wait for its end."""
        self.give_back(job)
        if self.dependencies.awaited(job.row.id):
            self._here.ledger.then(lambda: self.dependencies.ended(job))

    def resume(self) -> int:
        """Let jobs go on that a reboot or a double death left, and return their number."""
        if not self.paused or self._here.stands_in:
            return 0
        self.paused = False
        self.kick()
        return sum(1 for job in self._here.jobs if job.waits and not job.held)

    def _lane(self, job: Job) -> Lane:
        line = self._line(job.row.session)
        limit = int(job.spec.get("max_parallel") or 0) if job.row.task is not None else 0
        runtime = runtimes.get(job.row.runtime)
        if limit and runtime.batch is not None:
            # Decided once: a lane counts what it has counted.
            native = "throttle" in runtime.batch.hands_over and not self._bounded(job.row.session)
            limit = 0 if self._throttled.setdefault(job.row.num, native) else limit
        key = (job.row.num if limit else 0, runtime.containers or runtime.batch is not None)
        lane = line.lanes.get(key)
        if lane is None:
            lane = line.lanes[key] = Lane(limit)
        return lane

    def _line(self, session: str) -> Line:
        line = self._lines.get(session)
        if line is None:
            line = self._lines[session] = Line()
        return line

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
        """A session's max_running was changed, or (None) the configuration's or the host's."""
        if session in self._lines:
            self._lines[session].limit = None
        self.kick()

    def _in_session(self, job: Job, line: Line) -> bool:
        """Return whether a job's session has room, one that wants too much having it alone."""
        limit = self._limit(job.row.session, line)
        if not limit:
            return True
        used = line.used + (self._elsewhere(job.row.session) if self.others() else 0)
        return limit - used >= min(job.row.slots, limit)

    def _limit(self, session: str, line: Line) -> int:
        """Return a session's max_running, or the configuration's, 0 being no limit."""
        if line.limit is None:
            found = self._here.store.session(session)
            line.limit = found[1] if found else -1
        return line.limit if line.limit >= 0 else int(self._here.settings["max_running"])

    def _on_host(self, job: Job) -> bool:
        """The same for the host."""
        host = int(self._here.settings["max_running_host"])
        if not host:
            return True
        used = self._used + (self._elsewhere(None) if self.others() else 0)
        return host - used >= min(job.row.slots, host)

    def others(self) -> bool:
        """Whether other supervisors run, or ran, over the same store: each has a lock beside ours."""
        run = self._here.home.run
        try:
            changed = os.stat(run).st_mtime_ns
            if changed != self._looked:
                names = os.listdir(run)
                self._shared = any(name.endswith(".lock") and name != f"{self._here.key}.lock" for name in names)
                self._looked = changed
        except OSError:
            return self._shared  # the state directory was removed
        return self._shared

    def _elsewhere(self, session: str | None) -> int:
        self._storewatch.once(self.kick)  # before the look: what changes after it is told
        return self._here.store.running_slots(session, but=self._here.key)

    def _claim(self, job: Job) -> bool:
        """Claim a job's slots, in one transaction with the count where others claim too."""
        line, store = self._line(job.row.session), self._here.store
        if not (self._bounded(job.row.session) and self.others()):
            self.take(job)
            return True
        try:
            store.begin()
            try:
                free = self._in_session(job, line) and self._on_host(job)
                if free:
                    self._lifecycle.claimed(job)
                store.commit()
            except BaseException:
                store.rollback()
                raise
        except Drmaa2Exception:
            self._lifecycle.unclaimed(job)
            self._here.loop.after(LOOK_AGAIN, self.kick)
            return False
        if free:
            self.take(job)
        return free

    def kick(self) -> None:
        """Something may start: look once this round of the loop is served."""
        if not self._soon:
            self._soon = True
            self._here.loop.soon(self._start_some)

    def _start_some(self) -> None:
        self._soon = False
        if self.paused:
            return
        for _ in range(AT_ONCE):
            entry = self._next()
            if entry is None:
                break
            job = entry.job
            if not self._claim(job):
                break
            job.ticket = 0
            self._start(job)
        else:
            self._soon = True
            self._here.loop.after(0, self._start_some)

    def _next(self) -> Entry | None:
        """Return the best job of the session whose turn it is.

        A job for which the host alone has no room keeps its session's turn: small ones of others would else go by for
        ever.
        """
        engines = not self.bound.reached
        for session, line in list(self._lines.items()):
            entry = line.head(engines)
            if entry is None:
                if not line.lanes and not line.used:
                    del self._lines[session]
            elif self._in_session(entry.job, line):
                if not self._on_host(entry.job):
                    return None
                self._lines[session] = self._lines.pop(session)
                return entry
        return None
