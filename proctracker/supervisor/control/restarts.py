"""Ending containers that their engine starts again and again: between two runs one takes no signal, and soon runs again."""

from __future__ import annotations

from proctracker import runtimes
from proctracker.errors import ImplementationSpecificException, InvalidStateException
from proctracker.model import JobState
from proctracker.runtimes import flags, inspection
from proctracker.supervisor.base.jobs import ENDING, Job, engine_of
from proctracker.supervisor.running.launcher import template_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from proctracker.errors import Drmaa2Exception
    from proctracker.model import Observation
    from proctracker.supervisor.service import Core

    Done = Callable[["Drmaa2Exception | None"], None]

TRIES = 3
"""Signals that may come between two runs, one after the other; then the container goes by force."""

AGAIN = 0.2
"""Seconds between two tries to remove it."""


def told(
    core: Core, job: Job, error: Drmaa2Exception | None, again: Callable[[], None], done: Done, tries: int = TRIES
) -> None:
    """What an engine said of a signal. "Not running" is what was wanted, how it ended is on its way: or it runs again."""
    row = job.row
    if row.ended or not isinstance(error, InvalidStateException) or not _again_and_again(job):
        done(None if row.ended or isinstance(error, InvalidStateException) else error)
        return
    runtime, engine, attempt = runtimes.get(row.runtime), engine_of(job), row.attempt

    def looked(found: Any, problem: Drmaa2Exception | None) -> None:
        seen: Observation | None = (found or {}).get(row.address)
        if row.ended or row.attempt != attempt:
            done(None)
        elif problem is not None:
            done(problem)
        elif seen is None or seen.state.ended:
            done(None)
            core.containers.look([row.id])
        elif seen.sub_state != inspection.RESTARTING and job.tries < tries:
            job.tries += 1
            again()
        else:
            _by_force(core, job, done)

    core.calls.converse(engine, runtime.look(engine, [row.address]), looked)


def _again_and_again(job: Job) -> bool:
    """Whether the template has a restart policy."""
    return flags.restarts(template_of(job.row, job.spec, {}))


def _by_force(core: Core, job: Job, done: Done, tries: int = TRIES) -> None:
    """Remove it, its output saved: nothing else ends it for good in every release of podman.

    podman refuses a removal that meets the end of a run ("container state improper: stopped"), so it is tried again.
    """

    def removed(problem: str | None) -> None:
        if job.row.ended:
            done(None)
        elif problem and tries > 1:
            core.loop.after(AGAIN, lambda: _by_force(core, job, done, tries - 1))
        elif problem:
            core.containers.look([job.row.id])
            done(ImplementationSpecificException(f"job {job.row.id}: its container cannot be removed: {problem}"))
        else:
            why = "its engine started it again and again: its container was removed"
            core.ends.refused(job, why, ENDING[job.ending or "terminating"])
            done(None)

    if job.row.state in (JobState.RUNNING, JobState.SUSPENDED):
        core.removal.by_force(job, removed)
    else:
        done(None)
