"""Queued jobs in order: each session has a line, in it a lane for each array with a bound of its own."""

from __future__ import annotations

import heapq

from proctracker.records import NamedTuple
from proctracker.supervisor.base.jobs import Job


class Entry(NamedTuple):
    """A place in the queue: higher priority first, then the older job, then the lower task."""

    priority: int
    num: int
    task: int
    ticket: int
    job: Job

    @property
    def valid(self) -> bool:
        """Whether the job is still waiting here."""
        return self.ticket == self.job.ticket and self.job.waits


class Lane:
    """Queued jobs that share their bounds: a session's, or one array's of it; those that an engine starts by themselves."""

    __slots__ = ("entries", "limit", "running")

    def __init__(self, limit: int) -> None:
        self.entries: list[Entry] = []
        self.limit = limit
        self.running = 0

    def head(self) -> Entry | None:
        """The next job that is still waiting here."""
        while self.entries:
            entry = self.entries[0]
            if entry.valid:
                return entry
            heapq.heappop(self.entries)
        return None


class Line:
    """A session's queue; a lane's key is the array that has a bound of its own (0: none), and whether an engine starts it."""

    __slots__ = ("lanes", "limit", "used")

    def __init__(self) -> None:
        self.lanes: dict[tuple[int, bool], Lane] = {}
        self.limit: int | None = None
        self.used = 0

    def head(self, engines: bool) -> Entry | None:
        """The next job of all lanes that have room; ``engines``: more may be started by one. Empty lanes are forgotten."""
        best: Entry | None = None
        for key, lane in list(self.lanes.items()):
            entry = lane.head()
            if entry is None:
                if not lane.running:
                    del self.lanes[key]
            elif key[1] and not engines:
                continue
            elif not (lane.limit and lane.running >= lane.limit) and (best is None or entry < best):
                best = entry
        return best
