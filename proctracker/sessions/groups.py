"""Waiting for several jobs, of any sessions and runtimes: any, all, each as it ends."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any, AsyncIterator, Iterable, Iterator, Sequence

from proctracker.errors import InvalidArgumentException, TimeoutException
from proctracker.model import INFINITE_TIME, JobRow
from proctracker.model.structs import shown
from proctracker.sessions.job import Job
from proctracker.sessions.jobarray import JobArray
from proctracker.tracker import waits
from proctracker.tracker.place import Place

if TYPE_CHECKING:
    from proctracker.sessions.keywords import Timeout


def wait_any(jobs: Sequence[Job], states: str, timeout: Any) -> Job:
    """Block until one of the jobs has started or ended, and return that element."""
    place, by_id, _ = _of_one_place(jobs)
    rows = {row.id: row for row in waits.wait(place, list(by_id), states, True, waits.seconds(timeout))}
    first = next(job for name, job in by_id.items() if name in rows)
    if states == "ended":
        waits.told(place, [rows[first.job_id]])
    return first


def wait_all(jobs: Sequence[Job], states: str, timeout: Any) -> list[Job]:
    """Block until every job has started or ended, and return the list."""
    place, by_id, given = _of_one_place(jobs)
    rows = waits.wait(place, list(by_id), states, False, waits.seconds(timeout))
    if states == "ended":
        waits.told(place, rows)
    return given


def _of_one_place(jobs: Any) -> tuple[Place, dict[str, Job], list[Job]]:
    """Return the jobs by id, and as they were given.

    Raises InvalidArgumentException for an empty list, or what is no job of one home.
    """
    if isinstance(jobs, (str, bytes)) or not isinstance(jobs, Iterable):
        raise InvalidArgumentException(f"jobs: a list of jobs is expected, not {shown(jobs)}")
    by_id: dict[str, Job] = {}
    place = None
    given = list(jobs)
    for job in given:
        if not isinstance(job, Job):
            raise InvalidArgumentException(f"jobs: a list of jobs is expected, but one is {shown(job)}")
        if place is not None and job._track.place.home.path != place.home.path:
            raise InvalidArgumentException("jobs: they are of two state directories: wait for each apart")
        place = job._track.place
        by_id.setdefault(job.waitable(), job)
    if place is None:
        raise InvalidArgumentException("jobs: the list is empty, there is nothing to wait for")
    return place, by_id, given


class as_completed:
    """Yield each job as it ends, for ``for`` and ``async for``.

    Arrays stand for their tasks.

    TimeoutException where some have not ended so many seconds after this call.
    """

    def __init__(self, jobs: Iterable[Job | JobArray], timeout: Timeout = INFINITE_TIME) -> None:
        seconds = waits.seconds(timeout)
        self._until = None if seconds < 0 else time.monotonic() + seconds
        flat: list[Job] = []
        for each in jobs:
            flat += each.jobs if isinstance(each, JobArray) else [each]
        self._place: Place | None = None
        self._jobs: dict[str, Job] = {}
        if flat:
            self._place, self._jobs, _ = _of_one_place(flat)

    def __iter__(self) -> Iterator[Job]:
        if self._place is not None:
            for row in waits.as_ended(self._place, list(self._jobs), self._until):
                yield self._told(self._place, row)

    async def __aiter__(self) -> AsyncIterator[Job]:
        import asyncio

        from proctracker.sessions import awaits

        if self._place is None:
            return
        ended = waits.over(self._place, list(self._jobs))
        for row in ended:
            yield self._told(self._place, row)
        live = [*self._jobs.keys() - {row.id for row in ended}]
        if not live:
            return
        with waits.Listening(self._place, self._place.by_keeper(live)) as listening:
            while listening.open:
                rows = listening.ready()
                for row in rows:
                    yield self._told(self._place, row)
                if listening.open and not rows:
                    left = self._left(len(listening.open))
                    with contextlib.suppress(asyncio.TimeoutError):
                        await asyncio.wait_for(awaits.readable(listening.filenos()), left)

    def _told(self, place: Place, row: JobRow) -> Job:
        """The job of a row, whose end the caller is told of by this."""
        waits.told(place, [row])
        return self._jobs[row.id]

    def _left(self, jobs: int) -> float | None:
        """Return the seconds that are left, or raise TimeoutException."""
        left = None if self._until is None else self._until - time.monotonic()
        if left is not None and left <= 0:
            raise TimeoutException(f"{waits.OVER}: {jobs} of {len(self._jobs)} jobs have not ended")
        return left
