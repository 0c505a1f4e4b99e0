"""Has a scheduler wait for its own jobs, so that none of us has to be there until they end.

Slurm 22.05 takes a job that it has forgotten for one that ended well. So only live jobs are named, of which it is known that
the scheduler had them, under their names, less than half the time ago for which it remembers the ended ones.
"""

from __future__ import annotations

import math

from proctracker import runtimes
from proctracker.records import NamedTuple
from proctracker.supervisor.base.jobs import Job

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Iterable, Sequence

    from proctracker.supervisor.base.here import Here
    from proctracker.supervisor.scheduling.dependencies import Dependencies

LEAST = 1.0
"""Seconds that must be left for the command."""


class Link(NamedTuple):
    """What a job is handed over with: ids that must end well, ids that must end, and the seconds for which they hold.

    ``awaits``: whether they must end well, and their keys, for each id.
    """

    after: Sequence[str]
    after_any: Sequence[str]
    holds: float
    awaits: Sequence[tuple[bool, Sequence[str]]] = ()


class Chains:
    """Knows which jobs may be handed over before those have ended that they wait for."""

    def __init__(self, here: Here, dependencies: Dependencies, again: Callable[[Job], None]) -> None:
        self._here, self._dependencies, self._again = here, dependencies, again
        self._ours: set[int] = set()
        """Specs of jobs that wait here, as their scheduler could not be asked to. All tasks of an array have one."""
        self._late: set[int] = set()
        """Specs of jobs that were handed over too late for what was known once."""
        self._asking: dict[int, list[Job]] = {}
        """Specs -> the jobs that wait for what their scheduler says of the others."""
        self._links: dict[int, Link | None] = {}
        """Specs -> what was found out of them in this round."""
        self._fresh: set[str] = set()
        self.holds: Callable[[Sequence[Job]], float] = lambda jobs: -math.inf
        """Seconds for which the ids of handed-over jobs surely hold, less than none where that has to be asked."""
        self.ask: Callable[[Job, Sequence[Job], Callable[[], None]], None] = lambda job, others, then: None
        """Asks a job's scheduler about others, so that ``holds`` tells more."""

    def link(self, job: Job) -> Link | None:
        """What a job that waits is handed over with, or None where it cannot be now."""
        spec = job.row.spec
        if job.row.attempt > 1 or spec in self._ours:
            return None
        if spec in self._asking:
            self._asking[spec].append(job)
            return None
        if spec not in self._links:
            if not self._links:
                self._here.loop.soon(self._links.clear)
            self._links[spec] = self._made(job)
        return self._links[spec]

    def _made(self, job: Job) -> Link | None:
        found = self._found(job)
        if found is None:
            return None
        waited = [other for _, _, others in found for other in others]
        holds = self.holds(waited)
        if holds < LEAST:
            self._asking[job.row.spec] = [job]
            self.ask(job, waited, lambda: self._answered(job, waited))
            return None
        return Link(
            [number for number, well, _ in found if well],
            [number for number, well, _ in found if not well],
            holds,
            [(well, [other.row.container or "" for other in others]) for _, well, others in found],
        )

    def _answered(self, job: Job, waited: Sequence[Job]) -> None:
        self._links.clear()
        asking = self._asking.pop(job.row.spec)
        if self.holds(waited) < LEAST:
            self._ours.add(job.row.spec)
            return
        for each in asking:
            self._again(each)

    def keep(self, job: Job) -> None:
        """Have a job wait here: its scheduler refused to."""
        self._ours.add(job.row.spec)

    def late(self, job: Job) -> None:
        """A job's turn came too late for what was known: this is tried once more."""
        (self._ours if job.row.spec in self._late else self._late).add(job.row.spec)
        self._links.clear()

    def handed(self, job: Job) -> None:
        """A scheduler has a job, which others may wait for there from now on."""
        if self._dependencies.awaited(job.row.id):
            if not self._fresh:
                self._here.loop.soon(self._pass_on)
            self._fresh.add(job.row.id)

    def _pass_on(self) -> None:
        fresh, self._fresh = self._fresh, set()
        self._links.clear()
        waiting = {job.row.id: job for name in fresh for job in self._dependencies.waiting(name)}
        ready: dict[int, bool] = {}
        for job in waiting.values():
            spec = job.row.spec  # the tasks of an array wait for the same
            if spec not in ready:
                ready[spec] = self._found(job) is not None
            if ready[spec]:
                self._again(job)

    def _found(self, job: Job) -> list[tuple[str, bool, list[Job]]] | None:
        """The ids, whether each must end well, and the jobs, where its scheduler can wait for all of them."""
        batch = runtimes.get(job.row.runtime).batch
        if batch is None or "dependencies" not in batch.hands_over:
            return None
        found = []
        for name in sorted(job.waits_for):
            others = self._dependencies.live(name)
            number = _number(job, others) if self._whole(name, others) else None
            if number is None:
                return None
            found.append((number, name in (job.spec.get("after") or ()), others))
        return found or None

    def _whole(self, name: str, others: Sequence[Job]) -> bool:
        """Whether these are all: of an array none has ended, which a scheduler may have forgotten."""
        if not others or others[0].row.task is None or "_" in name:
            return len(others) == 1
        array = self._here.store.array(int(name))
        return array is not None and len(array.indices) == len(others)


def _number(job: Job, others: Iterable[Job]) -> str | None:
    """The id by which these are known to the scheduler of a job, or None: another's, or what it will be is open."""
    numbers = set()
    for other in others:
        row, spec = other.row, other.spec
        same = row.runtime == job.row.runtime and spec.get("engine") == job.spec.get("engine")
        last = row.attempt > int(spec.get("retries") or 0)
        if not same or not last or other.ending or other.starting or not other.scheduled or not row.container_id:
            return None
        numbers.add(row.container_id)
    if len(numbers) > 1:
        numbers = {number.partition("_")[0] for number in numbers}
        if any("_" not in (other.row.container_id or "") for other in others):
            return None
    return numbers.pop() if len(numbers) == 1 else None
