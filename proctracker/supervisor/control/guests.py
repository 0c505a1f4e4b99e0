"""Waits for and controls other hosts' jobs that a scheduler has.

Their rows stay what their own host has written. What is seen of them here is told to whoever waits, and what ends is noted
for their own host.
"""

from __future__ import annotations

import time

from proctracker import runtimes
from proctracker.errors import Drmaa2Exception
from proctracker.model import JobState
from proctracker.model.marks import ENDING
from proctracker.model.observation import LOST
from proctracker.store import Reader
from proctracker.supervisor.base.jobs import Job, Jobs, set_state
from proctracker.supervisor.base.lifecycle import Lifecycle
from proctracker.supervisor.control.batch import BatchControls
from proctracker.supervisor.running.batchjobs import BatchJobs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Sequence

    from proctracker.model import JobRow, Observation
    from proctracker.supervisor.base.here import Here
    from proctracker.supervisor.base.loop import Loop
    from proctracker.supervisor.processes.calls import Calls
    from proctracker.supervisor.running.sharednotes import SharedNotes

AGAIN = 5.0
"""Seconds between two looks into the other hosts' stores, which may know an end first."""


class Unwritten:
    """Stands where the ledger does, for rows that are another host's to write."""

    def __init__(self, loop: Loop, changed: Callable[[JobRow], None]) -> None:
        self._loop, self._changed = loop, changed

    def change(
        self,
        row: JobRow,
        state: JobState | None = None,
        sub_state: str | None = None,
        *,
        at: float | None = None,
        finished: float | None = None,
    ) -> float:
        """As the ledger's, in memory."""
        when = finished if finished is not None else time.time() if at is None else at
        if state is not None and (row.state, row.sub_state) != (int(state), sub_state):
            set_state(row, state, when, sub_state)
            row.changed = when
        row.finished = row.finished if finished is None else finished
        self._changed(row)
        return when

    def then(self, call: Callable[[], None]) -> None:
        """Make the call: nothing is to be written."""
        self._loop.soon(call)

    def flush(self) -> None:
        """Nothing is to be written."""


class Away:
    """Stands where ``Here`` does, for those jobs."""

    def __init__(self, here: Here, changed: Callable[[JobRow], None]) -> None:
        self.home, self.boot, self.loop = here.home, here.boot, here.loop
        self.ledger, self.jobs = Unwritten(here.loop, changed), Jobs()


class Guests:
    """Takes in jobs that clients ask for, and follows them as long as this supervisor lives."""

    def __init__(self, here: Here, calls: Calls, notes: SharedNotes) -> None:
        self._home, self._store, self._loop, self._notes = here.home, here.store, here.loop, notes
        self.on_change: list[Callable[[JobRow], None]] = []
        """Called with a row that has changed."""
        self._readers: dict[str, Reader] = {}
        away: Any = Away(here, self._changed)
        self.jobs: Jobs = away.jobs
        self._ledger: Unwritten = away.ledger
        lifecycle = Lifecycle(away)
        self.watch = BatchJobs(
            away,
            calls,
            lifecycle,
            notes,
            ended=self._ended,
            lost=self._lost,
            broken=self._lost,
            anew=lambda job: None,
            drops=False,
        )
        self.controls = BatchControls(away, calls, lifecycle, self.watch, before=notes.tell_to_end)
        self._looks = False

    def _changed(self, row: JobRow) -> None:
        for call in self.on_change:
            call(row)

    def find(self, job_id: str) -> Job | None:
        """A job of another host, ended or not, that was taken in."""
        return self.jobs.find(job_id)

    def take(self, ids: Sequence[str]) -> None:
        """Take in those of these jobs that are other hosts', if a scheduler has them."""
        missing = [name for name in ids if self.jobs.find(name) is None]
        known = {row.id for row in self._store.jobs(missing)} if missing else set()
        missing = [name for name in missing if name not in known]
        for home in self._home.others() if missing else ():
            reader = self._readers.setdefault(home.host, Reader(home))
            for row in reader.jobs(missing):
                if row.container is not None and runtimes.get(row.runtime).batch is not None:
                    self._add(Job(row, reader.spec(row.spec), ""))
        if not self._looks and len(self.watch):
            self._looks = True
            self._loop.after(AGAIN, self._reread)

    def _add(self, job: Job) -> None:
        self.jobs.add(job)
        if not job.row.ended:
            self.controls.recover(job)
            self.watch.recover(job)

    def _reread(self) -> None:
        """What their own host has seen counts: an end, another attempt, and that one was reaped."""
        hosts: dict[str, list[Job]] = {}
        for job in self.jobs:
            if not job.row.ended:
                hosts.setdefault(job.row.host, []).append(job)
        self._looks = bool(hosts)
        for host, jobs in hosts.items():
            try:
                rows = {row.id: row for row in self._readers[host].jobs([job.row.id for job in jobs])}
            except Drmaa2Exception:
                continue
            for job in jobs:
                row = rows.get(job.row.id)
                if row is not None and (row.ended or row.attempt != job.row.attempt):
                    self._replace(job, row)
        if hosts:
            self._loop.after(AGAIN, self._reread)

    def _replace(self, job: Job, row: JobRow) -> None:
        self.watch.forget(job)
        job.renew(row)
        if not row.ended and row.container is not None:
            self.watch.recover(job)
        self._changed(row)

    def _ended(self, job: Job, seen: Observation) -> None:
        """Tell and note how it ended, but leave another attempt to its own host."""
        self.watch.forget(job)
        row, why = job.row, ENDING.get(job.ending or "") or seen.sub_state
        failed = seen.exit_status != 0 or bool(why)
        self._notes.put_end(row, seen)
        if failed and not job.ending and row.attempt <= int(job.spec.get("retries") or 0):
            return
        row.cpu, row.max_rss, row.annotation = seen.cpu_time, seen.max_rss, seen.annotation
        row.exit_status, row.signal = seen.exit_status, seen.terminating_signal
        finished = seen.finished or time.time()
        if seen.started is not None and not row.ran:
            row.dispatched, row.ran, row.running_since, row.since = seen.started, finished - seen.started, None, None
        self._ledger.change(row, JobState.FAILED if failed else JobState.DONE, why, finished=finished)
        job.renew(row)

    def _lost(self, job: Job, why: str) -> None:
        self.watch.forget(job)
        job.row.annotation, job.row.unseen = why, 1
        self._ledger.change(job.row, JobState.UNDETERMINED, LOST, finished=time.time())
        job.renew(job.row)

    def close(self) -> None:
        """Close the stores of the other hosts."""
        for reader in self._readers.values():
            reader.close()
