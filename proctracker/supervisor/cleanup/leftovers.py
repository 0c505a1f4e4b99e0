"""Kills what jobs that were told to end have left, once the grace is over."""

from __future__ import annotations

import signal

from proctracker.errors import Drmaa2Exception
from proctracker.model import JobRow
from proctracker.records import replace
from proctracker.supervisor.base import shapes
from proctracker.supervisor.base.jobs import Job
from proctracker.supervisor.processes import signalling

TYPE_CHECKING = False
if TYPE_CHECKING:
    from proctracker.supervisor.base.here import Here
    from proctracker.supervisor.base.idle import Idle
    from proctracker.supervisor.processes.jobgroups import Groups

AT_LEISURE = 1.0
"""Seconds that rows may go on calling for a sweep that was made and finds nothing more."""


class Leftovers:
    """A row's ``kill_at`` calls for that until it was done, so it outlives any supervisor."""

    def __init__(self, here: Here, groups: Groups, idle: Idle) -> None:
        self._here, self._groups, self._idle = here, groups, idle
        self._open = 0
        self._made: list[JobRow] = []

    @property
    def busy(self) -> bool:
        """Whether something is still to be killed."""
        return self._open > 0

    def recover(self) -> None:
        """Take over those of ended jobs that a former supervisor did not live to make."""
        for row in self._here.store.unswept(self._here.key):
            shapes.mend(row)
            over = Job(row, {}, "")
            over.cgroup = None if row.container else self._groups.of(row)
            self.due(over)

    def ended(self, job: Job) -> None:
        """See to what a job has left that ended because it was told to."""
        if job.ending:
            self.due(job)

    def due(self, job: Job) -> None:
        """See to what an attempt has left that is over."""
        here, row = self._here, replace(job.row)  # the job's own may become another attempt's
        if not row.kill_at:
            return
        over = Job(row, job.spec, job.spec_context)
        over.cgroup = job.cgroup
        mark = here.mark(row)
        if row.container or row.boot != here.boot or not signalling.members(over, mark):
            self._over(row)
            return
        self._open += 1
        here.loop.at(row.kill_at, lambda: self._make(over, mark))

    def _make(self, over: Job, mark: str) -> None:
        signalling.signal_all(over, mark, signal.SIGKILL)
        self._open -= 1
        self._over(over.row)
        self._idle.soon()

    def _over(self, row: JobRow) -> None:
        if row.ended:
            row.kill_at = None
            if not self._made:
                self._here.loop.after(AT_LEISURE, self._write)
            self._made.append(row)

    def _write(self) -> None:
        rows, self._made = self._made, []
        try:
            self._here.ledger.accept(lambda store: store.update_many(rows, ("kill_at",)))
        except Drmaa2Exception:
            return  # the store cannot be written now; the next supervisor finds nothing to kill
