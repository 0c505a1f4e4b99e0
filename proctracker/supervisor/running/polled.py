"""Looks at running containers whose processes are on another machine, as no event tells of their ends."""

from __future__ import annotations

from proctracker.linux import clock
from proctracker.runtimes.base import elsewhere
from proctracker.supervisor.base.jobs import Job, engine_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Sequence

    from proctracker.supervisor.base.loop import Loop

LOOK = 1.0
"""Seconds between looks at all."""

SOON = 0.05
"""Seconds until a first look at one that may be no remote one, but ended just now; each later one after twice the time."""


class Polled:
    """Has all of them looked at from time to time, in one call."""

    def __init__(self, loop: Loop, look: Callable[[Sequence[str]], None]) -> None:
        self._loop, self._look = loop, look
        self._ids: dict[str, None] = {}
        self._polling = False

    def __contains__(self, name: str) -> bool:
        return name in self._ids

    def add(self, job: Job) -> None:
        """Look at this one, too."""
        row = job.row
        self._ids[row.id] = None
        self._again()
        job.tries += int(row.pid is not None)  # its process was seen here, so its engine is about to notice
        delay = SOON * 2**job.tries if job.tries else max(SOON, row.running_time(clock.boottime()))
        if delay < LOOK and not elsewhere(engine_of(job)):
            job.timer("look", self._loop.after(delay, job.now(lambda: self._look([row.id]))))

    def drop(self, name: str) -> None:
        """Look at that one no longer."""
        self._ids.pop(name, None)

    def _again(self) -> None:
        if not self._polling and self._ids:
            self._polling = True
            self._loop.after(LOOK, self._all)

    def _all(self) -> None:
        self._polling = False
        self._look(list(self._ids))
        self._again()
