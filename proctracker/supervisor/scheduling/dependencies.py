"""Holds jobs until others have ended (``after``, ``after_any``), anybody's."""

from __future__ import annotations

from proctracker.model import JobRow, JobState
from proctracker.supervisor.base.jobs import Job

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    from proctracker.supervisor.base.here import Here
    from proctracker.supervisor.scheduling.storewatch import StoreWatch

_WHY = "job {} did not end DONE"


class Dependencies:
    """Knows which job waits for whose end.

    ``add`` puts a job that may start by now into the queue, and so asks ``met`` again; ``refuse`` fails one that never will.
    """

    def __init__(
        self,
        here: Here,
        storewatch: StoreWatch,
        add: Callable[[Job], None],
        refuse: Callable[[Job, str, str], None],
    ) -> None:
        self._here, self._storewatch, self._add, self._refused = here, storewatch, add, refuse
        self._dependents: dict[str, dict[str, Job]] = {}
        self._foreign: dict[str, Job] = {}
        """Jobs that wait for the end of another supervisor's."""

    def met(self, job: Job) -> bool:
        """Return whether nothing has to end first, or fail the job if that failed."""
        here = self._here
        wanted = [(name, True) for name in job.spec.get("after") or ()]
        wanted += [(name, False) for name in job.spec.get("after_any") or ()]
        job.waits_for = set()
        if wanted:
            here.ledger.flush()  # what ended just now is no longer live here, and the store has to say so
        for name, done in wanted:
            live = [other.row.id for other in self.live(name)]
            if not live:
                self._storewatch.once(self._look_at_foreign)  # before the look: what changes after it is told
            rows = [] if live else self._rows(name)
            if live or any(not row.ended for row in rows):
                job.waits_for.add(name)
                for other in live:
                    self._dependents.setdefault(other, {})[job.row.id] = job
                if not live:
                    self._foreign[job.row.id] = job
            elif done and not self._done(job, name, rows):
                self._refuse(job, name)
                job.waits_for = set()
                return False
        return not job.waits_for

    def live(self, name: str) -> list[Job]:
        """The live job of that id here, or the live tasks of that array."""
        found = self._here.jobs.find(name)
        return [found] if found else [*self._here.jobs.task_jobs(int(name))] if name.isdigit() else []

    def open(self, job: Job) -> bool:
        """Whether something that a job waits for has not ended yet."""
        names = [*(job.spec.get("after") or ()), *(job.spec.get("after_any") or ())]
        return any(self.live(name) or any(not row.ended for row in self._rows(name)) for name in names)

    def failed(self, job: Job) -> str | None:
        """Why a job will never start, if something that it waits for did not end DONE."""
        names = job.spec.get("after") or ()
        if names:
            self._here.ledger.flush()
        for name in names:
            if not self.live(name):
                rows = self._rows(name)
                if all(row.ended for row in rows) and not self._done(job, name, rows):
                    return _WHY.format(name)
        return None

    def _done(self, job: Job, name: str, rows: list[JobRow]) -> bool:
        """Whether what a job waits for has ended DONE, what was removed since then included."""
        removed = self._here.store.outcome(job.row.spec, name)
        ends = [row.state == JobState.DONE for row in rows] + ([] if removed is None else [removed])
        return bool(ends) and all(ends)

    def _rows(self, name: str) -> list[JobRow]:
        """A job, or every task of an array, as the store has it."""
        store = self._here.store
        rows = store.jobs([name])
        array = store.array(int(name)) if not rows and name.isdigit() else None
        return store.jobs([f"{name}_{task}" for task in array.indices]) if array is not None else rows

    def _look_at_foreign(self) -> None:
        """Something was written: what waits for another supervisor's jobs may be free."""
        foreign, self._foreign = self._foreign, {}
        for job in foreign.values():
            self.again(job)

    def _refuse(self, job: Job, name: str) -> None:
        """A job that was to follow on one that did not end DONE never starts."""
        self._here.loop.soon(lambda: self._refused(job, _WHY.format(name), "dependency"))

    def awaited(self, job_id: str) -> bool:
        """Whether queued jobs wait for the end of this one."""
        return job_id in self._dependents

    def waiting(self, job_id: str) -> list[Job]:
        """The jobs that wait for the end of this one."""
        return list(self._dependents.get(job_id, {}).values())

    def ended(self, job: Job) -> None:
        """A job has ended, durably: those that wait for it are looked at again."""
        for waiting in self._dependents.pop(job.row.id, {}).values():
            self.again(waiting)

    def again(self, job: Job) -> None:
        """Look once more at a job that waited for others, if it still does."""
        if job.ticket and job.row.state == JobState.QUEUED and job.waits_for:
            self._add(job)
