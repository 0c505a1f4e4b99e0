"""Containers of a boot that is over: which words of their engines count, and the clock of those that were started again."""

from __future__ import annotations

import time

from proctracker.linux import clock, procfs
from proctracker.model import JobRow, JobState, Observation
from proctracker.model.observation import of_former_boot
from proctracker.runtimes.base import elsewhere
from proctracker.runtimes.inspection import RESTARTING
from proctracker.supervisor.base.jobs import Job, engine_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from proctracker.supervisor.service import Core


def judged(core: Core, job: Job, found: Observation | None) -> Observation | None:
    """What an engine says of a container, as far as it can be believed after the machine was started anew."""
    if job.row.boot == core.boot or elsewhere(engine_of(job)):
        return found
    if found is not None and found.pid and not procfs.lives(found.pid):
        found = None  # it has not noticed that there was another boot
    return of_former_boot(found, clock.since(0.0))


def runs_again(core: Core, row: JobRow, seen: Observation) -> None:
    """A container was started by its engine after the boot, as its policy says: its running time begins anew."""
    if row.boot != core.boot:
        row.ran, row.running_since, row.since = 0.0, None, None
        row.dispatched = core.ledger.change(row, JobState.RUNNING, RESTARTING, at=seen.started or time.time())


def ran_until(core: Core, row: JobRow, finished: float | None) -> None:
    """A container ended before the boot: what it ran is counted on the only clock that both boots have."""
    if row.boot != core.boot and row.running_since is not None:
        row.ran += max(0.0, (finished or 0.0) - row.running_since)
        row.running_since = row.since = None
