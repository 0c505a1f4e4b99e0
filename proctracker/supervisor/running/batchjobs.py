"""Follows jobs that a scheduler has, by their records on disk and one look at all.

They belong to the scheduler and to no host: nothing of this machine says anything of them, a reboot neither.
"""

from __future__ import annotations

import os

from proctracker.linux import procfs
from proctracker.model import JobState, Observation
from proctracker.records import replace
from proctracker.supervisor.base.faults import contained
from proctracker.supervisor.base.jobs import Job
from proctracker.supervisor.running.batchlooks import Asked, BatchLooks, batch_of
from proctracker.supervisor.running.jobrecords import JobRecords
from proctracker.supervisor.running.pacer import LEAST
from proctracker.supervisor.running.sightings import Sightings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Iterable, Sequence

    from proctracker.model import JobRow
    from proctracker.supervisor.base.here import Here
    from proctracker.supervisor.base.lifecycle import Lifecycle
    from proctracker.supervisor.processes.calls import Calls
    from proctracker.supervisor.running.batchlooks import Seen, Told
    from proctracker.supervisor.running.sharednotes import SharedNotes
    from proctracker.supervisor.scheduling.dependencies import Dependencies

ORPHANED = 30.0
"""Seconds a job that has begun may be unknown, after a controller was rolled back."""

UNKNOWN = "neither the scheduler nor its accounting knows it any more, and it left no record of its end"
"""Why a job is lost."""


class BatchJobs:
    """Follows handed-over jobs from their submit to their end."""

    def __init__(
        self,
        here: Here,
        calls: Calls,
        lifecycle: Lifecycle,
        notes: SharedNotes,
        *,
        ended: Callable[[Job, Observation], None],
        lost: Callable[[Job, str], None],
        broken: Callable[[Job, str], None],
        anew: Callable[[Job], None],
        drops: bool = True,
    ) -> None:
        """Keep collaborators and callables.

        ``ended`` and ``lost`` are called with how a job ended, or that nobody knows, ``broken`` with one whose handling
        raises, ``anew`` with one that was never taken. ``notes`` are what other hosts say, and ``drops`` removes records and notes once an end is durable.
        """
        self._ledger, self._lifecycle = here.ledger, lifecycle
        self._ended, self._lost, self._broken, self._anew = ended, lost, broken, anew
        self._notes, self._drops = notes, drops
        self._jobs: dict[str, Job] = {}
        self.settled: Callable[[Job], None] = lambda job: None
        """Told of a job once its scheduler is known to have it."""
        self.handed_on: Callable[[Job], None] = lambda job: None
        """Told the same, after those who act on it."""
        self.over: Callable[[Job], None] = lambda job: None
        """Told of a job that its scheduler has not, or no longer."""
        self.dependencies: Dependencies | None = None
        """Tells what became of those that a job waits for."""
        self._records = JobRecords(here.loop, here.home.records, lambda job: self._alone(job, self._reread))
        self.looks = BatchLooks(here.loop, calls, self._jobs.values, self._records.look, self._looked)
        self.sightings = Sightings(self.looks)

    def __len__(self) -> int:
        return len(self._jobs)

    # who is watched

    def handed(self, jobs: Iterable[Job], began: float) -> None:
        """The scheduler has taken these just now, by a command that began then."""
        for job in jobs:
            self._add(job)
            self.sightings.had(job, began)
            self.settled(job)
            self.handed_on(job)
        self.looks.pacer.submitted()

    def doubt(self, jobs: Iterable[Job]) -> None:
        """Nobody knows whether it has taken these: their names tell."""
        for job in jobs:
            self._add(job)

    def recover(self, job: Job) -> None:
        """A job that a former supervisor had handed over, or was handing over when it was killed."""
        self._lifecycle.rejoined(job)
        self._add(job)

    def left_alone(self, job: Job) -> bool:
        """Return whether a job needs nobody here until somebody asks for it."""
        key = job.row.container or ""
        mine = self._jobs.get(key) is job and not job.starting and not job.ending
        return mine and job.row.attempt > int(job.spec.get("retries") or 0)

    def acted(self, job: Job) -> None:
        """Something has been done to a job just now: what a look under way says of it is what it was before."""
        if self._jobs.get(job.row.container or "") is job:
            self.sightings.began(job)

    def _add(self, job: Job) -> None:
        self._jobs[job.row.container or ""] = job
        self.sightings.began(job)
        self._records.expect(job)
        self.looks.pacer.begin()

    def forget(self, job: Job) -> None:
        """A job, or this attempt of it, is over: durably so its records go."""
        key = job.row.container or ""
        self.over(job)
        if self._jobs.get(key) is not job:
            return
        names = self._records.forget(job)
        self.sightings.forget(job)
        del self._jobs[key]
        if self._drops:
            over = replace(job.row)  # the job's own may become another attempt's
            self._ledger.then(lambda: self._drop(names, over))
        if not self._jobs:
            self._records.files.rest()
            self.looks.rest()

    def _drop(self, names: list[str], row: JobRow) -> None:
        self._records.files.drop(names)
        self._notes.drop(row)

    # records

    def _alone(self, job: Job, step: Callable[[Job], None]) -> None:
        """Take a step with one job of many, which ends it alone where it raises."""
        contained(lambda: step(job), lambda why: self._broken(job, why))

    def _reread(self, job: Job) -> None:
        """Read a record of a job that has come.

        The scheduler has to say whether that was the end, where it may run the job again, and why, where somebody may
        have ended it.
        """
        ending = job.ending or self._notes.told_to_end(job.row)
        found = self._records.newest(job)
        if found is None:
            return
        if found.state.ended and not ending and (job.spec.get("rerunnable") or _was_told(found)):
            self.looks.pacer.wanted()
        elif not job.starting:
            self._apply(job, batch_of(job).merge(found, None) or found)
        else:
            self._settle(job, found)

    # looks

    def look_now(self, told: Told) -> None:
        """Look at once, as something is about to be done by ids, or just was."""
        if self._jobs:
            self.looks.now(told)
        else:
            told(None)

    def look(self, told: Told | None = None, of: Sequence[Job] = ()) -> None:
        """Look as soon as that may be, and call ``told(problem or None)``, for somebody who asks about jobs at once."""
        fresh = self.looks.pacer.fresh or (bool(of) and all(map(self.sightings.young, of)))
        if not self._jobs or (fresh and self.looks.wrong is None and told is not None):
            self._records.look()
            if told is not None:
                told(None)
        else:
            self.looks.soon(told)

    def _looked(self, asked: Asked, seen: Seen, began: float) -> None:
        """Take in what the scheduler says of one engine's jobs."""
        forgotten: list[Job] = []
        for job in asked.jobs:
            mine = self._jobs.get(job.row.container or "") is job
            if mine and not job.row.ended and self.sightings.told(job, began):
                self._alone(job, lambda it: self._compare(it, seen, began, forgotten))
        if forgotten:
            self.looks.account(asked, forgotten, self._accounted)

    def _compare(self, job: Job, seen: Seen, began: float, forgotten: list[Job]) -> None:
        """Find out what has become of a job, by the look at all, its record and what other hosts say."""
        found = seen.get(job.row.container or "")
        self.sightings.seen(job, found is not None)
        if found is not None:
            self._records.expect(job, found.restart)
            if not found.state.ended:
                self.sightings.had(job, began)
        truth = batch_of(job).merge(self._records.last(job), found)
        if truth is None or not truth.state.ended:
            truth = self._notes.end(job.row) or truth
        if found is None and (truth is None or not truth.state.ended):
            self._unknown(job, forgotten)
        elif truth is not None and job.starting:
            self._settle(job, truth)
        elif truth is not None:
            self._apply(job, truth)

    def _unknown(self, job: Job, forgotten: list[Job]) -> None:
        """Wait some seconds with a job that its scheduler does not know, then take it for lost."""
        missing = self.sightings.missing(job)
        told = job.ending or self._notes.told_to_end(job.row)
        begun = self._records.last(job) is not None
        if not begun and not told and not job.starting and self._chained(job):
            return
        if missing < (ORPHANED if begun else LEAST) and not (told and not job.starting):
            self.looks.pacer.wanted()
        elif not job.starting:
            forgotten.append(job)
        elif not _under_way(job.row.container or ""):
            self.forget(job)
            job.row.annotation = None
            self._anew(job)

    def _accounted(self, jobs: Sequence[Job], seen: Seen) -> None:
        for job in jobs:
            if self._jobs.get(job.row.container or "") is job and not job.row.ended:
                self._alone(job, lambda it: self._conclude(it, seen))

    def _conclude(self, job: Job, seen: Seen) -> None:
        """Find out how a job ended that its scheduler has forgotten."""
        key = job.row.container or ""
        truth = batch_of(job).merge(self._records.last(job), seen.get(key))
        if truth is not None and (key in seen or truth.state.ended):
            self._apply(job, truth)
        elif job.ending or self._notes.told_to_end(job.row):
            # 22.05 forgets a task of an array that waits at once when it is cancelled.
            self._apply(job, Observation(JobState.FAILED, "cancelled"))
        else:
            self._lost(job, UNKNOWN)

    # what was seen

    def _settle(self, job: Job, truth: Observation) -> None:
        """A submit of which nobody knew what came of it has been made."""
        self._lifecycle.taken(job, truth.container_id)
        self._apply(job, truth)
        if not job.row.ended:
            self.settled(job)
            self.handed_on(job)

    def _chained(self, job: Job) -> bool:
        """Return whether our own rule says what becomes of a job that has waited at its scheduler for others."""
        rule = self.dependencies
        why = rule.failed(job) if rule else None
        if why:
            self._ended(job, Observation(JobState.FAILED, "dependency", annotation=why))
        elif rule and rule.open(job):
            self.looks.pacer.wanted()  # how the other one ended is soon found out
        else:
            return False
        return True

    def _apply(self, job: Job, seen: Observation) -> None:
        if job.row.ended:
            return
        if seen.sub_state == "dependency" and seen.state.ended and self.dependencies and not job.ending:
            if not self._chained(job):  # they did end DONE, though not for the scheduler
                self.forget(job)
                self._anew(job)
            return
        self._lifecycle.observed(job, seen)
        if seen.state.ended:
            if self._notes.told_to_end(job.row):
                job.ending = job.ending or "terminating"
            self._ended(job, seen)
        elif seen.state == JobState.UNDETERMINED:
            self._lost(job, seen.annotation or "")


def _was_told(end: Observation) -> bool:
    """Whether a job may have ended because it was told to."""
    return end.terminating_signal is not None or "told" in end.labels


def _under_way(name: str) -> bool:
    """Return whether a killed supervisor's command still hands a job over, by its words."""
    word = os.fsencode(name.partition("/")[0])
    return any(word in each for pid in procfs.pids() for each in procfs.cmdline(pid))
