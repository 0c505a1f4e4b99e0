"""Starts of containers that a former supervisor began: what became of each is asked of its engine."""

from __future__ import annotations

from proctracker import runtimes
from proctracker.errors import Drmaa2Exception
from proctracker.model import JobState, Observation
from proctracker.model.observation import LOST
from proctracker.supervisor import boots, identity
from proctracker.supervisor.command import NOT_STARTED
from proctracker.supervisor.jobs import Job, engine_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from proctracker.supervisor.core import Core

AGAIN = 2.0
"""Seconds until an engine is asked again that could not be."""


def call_gone(core: Core, pid: int) -> None:
    """A CLI call of a former supervisor has ended: if it was starting a container, look what came of it."""
    for job in core.jobs:
        if job.called == pid:
            job.called = None
            job.starting = False
            find(core, job)


def find(core: Core, job: Job) -> None:
    """Look for the container of a start whose call is over: the one that it said it made."""
    row, runtime, engine = job.row, runtimes.get(job.row.runtime), engine_of(job)
    told = row.container_id or identity.told(identity.folder(core.home, row), row.container or "")
    labels = core.starter.labels(row)

    def seen(found: Any, error: Drmaa2Exception | None) -> None:
        observed: Observation | None = (found or {}).get(told)
        if observed is not None and not identity.agrees(labels, observed):
            observed = None
        if row.ended:
            return
        if error is not None:
            job.timer("look", core.loop.after(AGAIN, lambda: find(core, job)))
        elif row.boot != core.boot and _lost(boots.judged(core, job, observed)):
            core.ends.lost(job, LOST, "the machine was started anew while it was being started")
        elif observed is None:
            core.ends.start_lost(job)
        elif observed.state == JobState.QUEUED:
            reason = observed.annotation or "the engine created it and did not start it"
            core.ends.not_started(job, NOT_STARTED, reason)
        else:
            core.containers.runs(job, observed)

    core.calls.converse(engine, runtime.look(engine, [told] if told else []), seen)


def _lost(judged: Observation | None) -> bool:
    """Whether nobody can tell what became of a start of a former boot: it may have run."""
    return judged is None or judged.sub_state == LOST
