"""Orders queued jobs: a line each session, in it a lane each bounded array."""

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
    """Holds queued jobs that share their bounds, a session's or one array's."""

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
    """Is a session's queue.

    A lane's key is the array that has a bound of its own (0: none), and whether an engine starts it.
    """

    __slots__ = ("lanes", "limit", "used")

    def __init__(self) -> None:
        self.lanes: dict[tuple[int, bool], Lane] = {}
        self.limit: int | None = None
        self.used = 0

    def head(self, engines: bool) -> Entry | None:
        """Return the next job of all lanes that have room.

        ``engines`` says whether one may start more. Empty lanes are forgotten.
        """
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
