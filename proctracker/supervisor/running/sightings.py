"""Remembers when each job was last known to its scheduler, and by what."""

from __future__ import annotations

import math

from proctracker.linux import clock
from proctracker.supervisor.running.batchlooks import Asked
from proctracker.supervisor.running.pacer import FIRST

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Iterable, Sequence

    from proctracker.supervisor.base.jobs import Job
    from proctracker.supervisor.running.batchlooks import BatchLooks


class Sightings:
    """Goes by the names of jobs: an id may be another one's by now. Times are ``clock.boottime``."""

    def __init__(self, looks: BatchLooks) -> None:
        self._looks = looks
        self._since: dict[str, float] = {}
        """A job's key -> when it was handed over, or acted on: a look that began before tells nothing of it."""
        self._known: dict[str, float] = {}
        """Keys -> when the scheduler surely had the job, not ended."""
        self._verified: set[str] = set()
        """Keys of the jobs that the last look has seen under their names."""
        self._missed: dict[str, float] = {}
        """Keys that were not found -> when that was first so."""

    def began(self, job: Job) -> None:
        """A job was handed over, or acted on, just now."""
        self._since[job.row.container or ""] = clock.boottime()

    def told(self, job: Job, began: float) -> bool:
        """Whether a look that began then tells of a job."""
        return self._since[job.row.container or ""] <= began

    def had(self, job: Job, when: float) -> None:
        """The scheduler had a job at that time, not ended."""
        self._known[job.row.container or ""] = when

    def young(self, job: Job) -> bool:
        """Whether the scheduler had a job so short a time ago that nothing new is to be seen of it."""
        return clock.boottime() - self._known.get(job.row.container or "", -math.inf) < FIRST

    def seen(self, job: Job, found: bool) -> None:
        """The last look has found a job by its name, or not."""
        key = job.row.container or ""
        self._verified.discard(key)
        if found:
            self._missed.pop(key, None)
            self._verified.add(key)

    def missing(self, job: Job) -> float:
        """Return for how many seconds no look has found a job."""
        now = clock.boottime()
        return now - self._missed.setdefault(job.row.container or "", now)

    def verified(self, job: Job) -> bool:
        """Whether the last look has seen a job by its name, so that its id is not another's."""
        return (job.row.container or "") in self._verified

    def forget(self, job: Job) -> None:
        """A job is over."""
        key = job.row.container or ""
        for table in (self._since, self._known, self._missed):
            table.pop(key, None)
        self._verified.discard(key)

    def holds(self, jobs: Iterable[Job]) -> float:
        """Return for how many seconds the scheduler surely remembers these, whatever becomes of them."""
        now, least = clock.boottime(), math.inf
        for job in jobs:
            known, config = self._known.get(job.row.container or ""), self._looks.config(Asked(job))
            if known is None or config is None:
                return -math.inf
            least = min(least, config.min_job_age / 2 - (now - known))
        return least

    def ask(self, job: Job, others: Sequence[Job], then: Callable[[], None]) -> None:
        """Ask a job's scheduler about others, so that ``holds`` tells more of them, if it answers."""
        asked = Asked(job)

        def look() -> None:
            self._looks.now(lambda wrong: then())

        if self._looks.config(asked):
            look()
        else:
            self._looks.configure(asked, lambda: then() if self.holds(others) > 0 else look())
