"""Judges what engines say of containers of a boot that is over."""

from __future__ import annotations

from proctracker.linux import clock, procfs
from proctracker.model import Observation
from proctracker.model.observation import of_former_boot
from proctracker.runtimes.base import elsewhere
from proctracker.supervisor.base.jobs import Job, engine_of


def judged(boot: str, job: Job, found: Observation | None) -> Observation | None:
    """Return what can be believed of a container in that boot, maybe not its own."""
    if job.row.boot == boot or elsewhere(engine_of(job)):
        return found
    if found is not None and found.pid and not procfs.lives(found.pid):
        found = None  # it has not noticed that there was another boot
    return of_former_boot(found, clock.since(0.0))
