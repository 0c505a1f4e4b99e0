"""Knows which exit record is which job's, run by run, as a scheduler may run one again."""

from __future__ import annotations

from proctracker.supervisor.running.batchlooks import batch_of
from proctracker.supervisor.running.exitrecords import ExitRecords

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    from proctracker.model import Observation
    from proctracker.supervisor.base.jobs import Job
    from proctracker.supervisor.base.loop import Loop

RESTARTS = 2
"""How many runs after the one known last are looked for among the records."""


class JobRecords:
    """Calls ``came`` with a live job of which there is a new record."""

    def __init__(self, loop: Loop, folder: str, came: Callable[[Job], None]) -> None:
        self._came = came
        self.files = ExitRecords(loop, folder, self._changed)
        self._restarts: dict[str, int] = {}
        """A job's key -> its last run that is known of."""
        self._whose: dict[str, Job] = {}
        """A record's name -> whose it is, or would be after a requeue."""

    def expect(self, job: Job, restart: int = 0) -> None:
        """Take records of this run and the next ones for the job's."""
        key = job.row.container or ""
        self._restarts[key] = max(restart, self._restarts.get(key, 0))
        batch = batch_of(job)
        for number in range(restart, restart + RESTARTS):
            self._whose[batch.record_name(key, number)] = job
        self.files.begin()

    def last(self, job: Job) -> Observation | None:
        """What is recorded of the last run that is known of."""
        return self._read(job, self._restarts[job.row.container or ""])

    def newest(self, job: Job) -> Observation | None:
        """What is recorded of the newest run with a record, which is the last one from now on."""
        restart = self._restarts[job.row.container or ""]
        for number in range(restart + RESTARTS - 1, restart - 1, -1):
            found = self._read(job, number)
            if found is not None:
                self.expect(job, number)
                return found
        return None

    def forget(self, job: Job) -> list[str]:
        """Expect no more of a job, and return the names that its records may have."""
        key = job.row.container or ""
        names = [batch_of(job).record_name(key, number) for number in range(self._restarts.pop(key, 0) + RESTARTS)]
        for name in names:
            self._whose.pop(name, None)
        return names

    def look(self) -> None:
        """Read now what has changed."""
        self._changed(self.files.changed())

    def _changed(self, names: list[str]) -> None:
        for name in names:
            job = self._whose.get(name)
            if job is not None and not job.row.ended:
                self._came(job)

    def _read(self, job: Job, restart: int) -> Observation | None:
        batch = batch_of(job)
        text = self.files.read(batch.record_name(job.row.container or "", restart))
        return batch.parse_record(text) if text else None
