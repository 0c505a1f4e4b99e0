"""What jobs that were told to end have left: killed when the grace is over, by whoever supervises then."""

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
    from proctracker.supervisor.service import Core

AT_LEISURE = 1.0
"""Seconds that rows may go on calling for a sweep that was made: made twice it finds nothing."""


class Sweeps:
    """A row's ``kill_at`` calls for its sweep until that was made, so it outlives any supervisor."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._open = 0
        self._made: list[JobRow] = []

    @property
    def busy(self) -> bool:
        """Whether something is still to be killed."""
        return self._open > 0

    def recover(self) -> None:
        """Take over those of ended jobs that a former supervisor did not live to make."""
        core = self._core
        for row in core.store.unswept(core.key):
            shapes.mend(row)
            over = Job(row, {}, "")
            over.cgroup = None if row.container else core.groups.of(row)
            self.due(over)

    def due(self, job: Job) -> None:
        """An attempt of a job that was told to end is over."""
        core, row = self._core, replace(job.row)  # the job's own may become another attempt's
        if not row.kill_at:
            return
        over = Job(row, job.spec, job.spec_context)
        over.cgroup = job.cgroup
        mark = core.mark(row)
        if row.container or row.boot != core.boot or not signalling.members(over, mark):
            self._over(row)
            return
        self._open += 1
        core.loop.at(row.kill_at, lambda: self._make(over, mark))

    def _make(self, over: Job, mark: str) -> None:
        signalling.signal_all(over, mark, signal.SIGKILL)
        self._open -= 1
        self._over(over.row)
        self._core.housekeeping.idle_soon()

    def _over(self, row: JobRow) -> None:
        if row.ended:
            row.kill_at = None
            if not self._made:
                self._core.loop.after(AT_LEISURE, self._write)
            self._made.append(row)

    def _write(self) -> None:
        rows, self._made = self._made, []
        try:
            self._core.ledger.accept(lambda store: store.update_many(rows, ("kill_at",)))
        except Drmaa2Exception:
            return  # the store cannot be written now; the next supervisor finds nothing to kill
