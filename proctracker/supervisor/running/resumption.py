"""Starts of containers that a former supervisor began: what became of each is asked of its engine."""

from __future__ import annotations

from proctracker import runtimes
from proctracker.errors import Drmaa2Exception
from proctracker.model import JobState, Observation
from proctracker.model.observation import LOST
from proctracker.supervisor.base.jobs import Job, engine_of
from proctracker.supervisor.processes import watch
from proctracker.supervisor.processes.command import NOT_STARTED
from proctracker.supervisor.running import boots, identity

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from proctracker.supervisor.service import Core

AGAIN = 2.0
"""Seconds until an engine is asked again that could not be."""


def resume(core: Core, job: Job) -> None:
    """A start was under way: once the call that makes it is over, look what came of it."""
    row = job.row
    pid, ticks = row.pid or 0, row.ticks or 0
    core.queue.take(job)
    job.starting, job.called = True, row.pid
    if pid and watch.alive(pid, ticks):
        core.afar.watch(pid, ticks, lambda end, when: call_gone(core, pid, ticks))
    else:
        job.called = None
        find(core, job)


def call_gone(core: Core, pid: int, ticks: int = 0) -> None:
    """A CLI call of a former supervisor has ended: if it was starting a container, look what came of it."""
    job = core.jobs.by_pid.get(pid)
    if job is not None and job.called == pid and (job.row.ticks == ticks or not ticks):
        job.called = None
        find(core, job)


def find(core: Core, job: Job) -> None:
    """Look for the container of a start whose call is over: the one that it said it made. Its private files go."""
    row, runtime, engine = job.row, runtimes.get(job.row.runtime), engine_of(job)
    told = row.container_id or identity.told(identity.folder(core.home, row), row.container or "")
    labels = {**core.starter.labels(row), **(job.spec.get("marks") or {})}
    core.folders.drop_given(row)

    def seen(found: Any, error: Drmaa2Exception | None) -> None:
        observed: Observation | None = (found or {}).get(told)
        if observed is not None and not identity.agrees(labels, observed):
            observed = None
        if error is not None:
            job.timer("look", core.loop.after(AGAIN, job.now(lambda: find(core, job))))
            return
        job.starting = False
        if row.boot != core.boot and _lost(boots.judged(core, job, observed)):
            core.ends.lost(job, LOST, "the machine was started anew while it was being started")
        elif observed is None and job.ending:
            core.ends.given_up(job)
        elif observed is None:
            core.ends.start_lost(job)
        elif observed.state == JobState.QUEUED:
            _never_started(core, job, told or "", observed)
        else:
            core.containers.runs(job, observed)

    core.calls.converse(engine, runtime.look(engine, [told] if told else []), job.now(seen))


def _never_started(core: Core, job: Job, told: str, observed: Observation) -> None:
    """The start was cut off between the container and its first process: it goes, a process waits in it to be begun."""
    engine = engine_of(job)
    remove = runtimes.get(job.row.runtime).remove(engine, [told], force=True)
    core.calls.converse(engine, remove, lambda answer, error: None)
    job.row.container = job.row.container_id = None
    if job.ending:
        core.ends.given_up(job)
    else:
        reason = observed.annotation or "the engine created it and did not start it"
        core.ends.not_started(job, NOT_STARTED, reason)


def _lost(judged: Observation | None) -> bool:
    """Whether nobody can tell what became of a start of a former boot: it may have run."""
    return judged is None or judged.sub_state == LOST
